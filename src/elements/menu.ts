/** A button and the list that it opens: grouped, searched by typing. Fires "choose" with the value as detail. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { check } from "./icons";
import { base, controls } from "./tokens";

export interface MenuItem {
  value: string;
  /** Items of one group stand in a row. */
  group?: string;
  /** At the end of the row: "n passes". */
  detail?: string;
  /** A sentence; searched as well. */
  summary?: string;
  /** Why it cannot be chosen. */
  whyNot?: string;
}

/** Rows that are made at a time; the others are found by typing. */
const MOST = 200;
const PAGE = 8;

const initials = (words: string): string => words.replace(/(\p{L})\p{Ll}*\P{L}*/gu, "$1");

/** Those in which every word of the query occurs: in the name, its initials, the group or the summary. */
export function found(items: readonly MenuItem[], query: string): MenuItem[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter(({ value, group = "", summary = "" }) => {
    const text = `${value} ${initials(value)} ${group} ${summary}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The same with the members of each group in a row. */
function grouped(items: readonly MenuItem[]): MenuItem[] {
  const groups = [...new Set(items.map(({ group }) => group))];
  return groups.flatMap((group) => items.filter((item) => item.group === group));
}

/** Where the best of them stands: a name that begins with the query, then one that has a word beginning with it. */
function best(items: readonly MenuItem[], query: string): number {
  const wanted = query.trim().toLowerCase();
  const names = items.map(({ value, whyNot }) => (whyNot === undefined ? value.toLowerCase() : ""));
  const tests: ((name: string) => boolean)[] = [
    (name) => name.startsWith(wanted),
    (name) => initials(name).startsWith(wanted),
    (name) => name.includes(` ${wanted}`),
    (name) => name.includes(wanted),
    (name) => name !== "",
  ];
  const at = tests.map((test) => names.findIndex((name) => name !== "" && test(name))).find((index) => index >= 0);
  return at ?? 0;
}

export class AttriscopeMenu extends LitElement {
  @property({ attribute: false }) items: readonly MenuItem[] = [];
  /** Values. With `multiple`, each choice adds or removes one, and the list stays open. */
  @property({ attribute: false }) chosen: readonly string[] = [];
  @property({ type: Boolean }) multiple = false;
  /** Of the list, for readers who do not see it: "Method". */
  @property() label = "";
  /** On the button. */
  @property() text = "";
  /** In the field: "Find a method". */
  @property() hint = "";
  /** What the button tells when pointed at. */
  @property() tip = "";
  /** The button's `data-control`; options of a "method" carry `data-method`, all others `data-value`. */
  @property() name = "";
  @own() open = false;
  @own() query = "";
  /** Index among what is found. */
  @own() active = 0;

  static override styles = [
    base,
    controls,
    css`
      :host {
        display: block;
        padding: 0;
        min-width: 0;
      }
      button {
        display: block;
        width: 100%;
        line-height: 22px;
        text-align: left;
      }
      attriscope-popover {
        width: 504px;
        font: 12px/16px var(--font);
        color: var(--fg);
        overflow: hidden;
      }
      attriscope-popover.plain {
        width: 280px;
      }
      .search {
        flex: none;
        padding: 8px;
        border-bottom: 1px solid var(--line);
      }
      .search input {
        width: 100%;
        text-align: left;
      }
      .search input:focus-visible {
        outline-offset: 0;
      }
      .scroll {
        flex: 0 1 auto;
        min-height: 0;
        padding: 4px 0;
        overflow: auto;
        overscroll-behavior: contain;
      }
      .columns {
        columns: 2;
        column-gap: 0;
        column-rule: 1px solid var(--line);
      }
      .group {
        break-inside: avoid;
        padding-bottom: 4px;
      }
      .group .caps {
        padding: 4px 12px 0;
        line-height: 20px;
      }
      .option {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0 8px;
        min-height: 24px;
        padding: 4px 12px;
        cursor: pointer;
        break-inside: avoid;
        scroll-margin: 4px;
      }
      .option > .name {
        flex: 0 1 auto;
        max-width: calc(100% - 64px);
      }
      .option > .detail {
        flex: none;
        margin-left: auto;
        font-size: 11px;
        color: var(--fg2);
      }
      .option > .why {
        flex-basis: 100%;
        font-size: 11px;
        line-height: 14px;
        color: var(--fg2);
        overflow-wrap: anywhere;
      }
      .option[aria-disabled="true"] {
        color: var(--fg2);
        cursor: default;
      }
      .option[aria-selected="true"] > .name {
        font-weight: 600;
        color: var(--acct);
      }
      .option .box {
        flex: none;
        align-self: center;
        display: grid;
        place-items: center;
        width: 12px;
        height: 12px;
        border: 1px solid var(--line1);
        border-radius: 2px;
        color: var(--acct);
      }
      .option .box svg {
        width: 8px;
        height: 8px;
      }
      .option.active {
        background: var(--track);
      }
      .option:is(.active, [aria-selected="true"]) > :is(.detail, .why) {
        color: var(--fg);
      }
      .option.active[aria-disabled="true"] {
        color: var(--fg);
      }
      .option.active[aria-selected="true"],
      .option[aria-selected="true"] {
        background: var(--selected);
      }
      .option.active[aria-selected="true"] {
        box-shadow: inset 2px 0 0 var(--acc);
      }
      .rest {
        padding: 8px 12px;
        font-size: 11px;
        color: var(--fg2);
        overflow-wrap: anywhere;
      }
      .about {
        flex: none;
        height: 41px;
        padding: 4px 12px;
        border-top: 1px solid var(--line);
        overflow: hidden;
        font-size: 11px;
        color: var(--fg2);
        overflow-wrap: anywhere;
      }
      .about.not {
        color: var(--warn);
      }
      @media (width < 520px) {
        .columns {
          columns: 1;
        }
      }
    `,
  ];

  #found: MenuItem[] = [];

  override willUpdate(changed: PropertyValues<this>): void {
    if (!this.open) return;
    if (changed.has("items") || changed.has("query") || changed.has("open"))
      this.#found = grouped(found(this.items, this.query));
    if (!changed.has("query") && !changed.has("open")) return;
    const chosen = this.#found.findIndex(({ value }) => this.chosen.includes(value));
    this.active = this.query ? best(this.#found, this.query) : Math.max(0, chosen);
  }

  override updated(changed: PropertyValues<this>): void {
    if (this.open && (changed.has("open") || changed.has("query"))) this.#reveal();
  }

  #reveal(): void {
    this.renderRoot.querySelector(".option.active")?.scrollIntoView?.({ block: "nearest" });
  }

  override render() {
    const { open, text, label, items } = this;
    const plain = items.every(({ group }) => group === undefined);
    return html`<button
        class="control select"
        data-control=${this.name}
        aria-haspopup="dialog"
        aria-expanded=${open}
        aria-label="${label}: ${text}"
        title=${this.tip || text}
        @click=${() => this.#show(!open)}
        @keydown=${this.#openByKey}
      >
        <div class="truncate">${text}</div></button
      ><attriscope-popover
        class=${plain ? "plain" : ""}
        .label=${label}
        ?open=${open}
        @close=${() => this.#show(false)}
      >
        ${open ? this.#list(plain) : nothing}
      </attriscope-popover>`;
  }

  #show(open: boolean, query = ""): void {
    this.open = open;
    this.query = query;
  }

  #list(plain: boolean) {
    const shown = this.#found.slice(0, MOST);
    const active = shown[this.active];
    const groups = [...new Set(shown.map(({ group }) => group))];
    const aside = active?.whyNot === undefined ? active?.summary : `Not for this model: ${active.whyNot}`;
    return html`<div class="search">
        <input
          class="control"
          autofocus
          role="combobox"
          aria-label=${this.hint}
          aria-autocomplete="list"
          aria-expanded="true"
          aria-controls="list"
          aria-activedescendant=${active ? `option-${this.active}` : nothing}
          autocomplete="off"
          spellcheck="false"
          placeholder=${this.hint}
          .value=${this.query}
          @input=${(event: Event) => (this.query = (event.target as HTMLInputElement).value)}
          @keydown=${this.#move}
        />
      </div>
      <div class="scroll">
        <div
          id="list"
          class=${plain || this.query ? "" : "columns"}
          role="listbox"
          aria-label=${this.label}
          aria-multiselectable=${this.multiple}
          @pointerdown=${(event: Event) => event.preventDefault()}
          @pointermove=${(event: Event) => this.#point(event)}
          @click=${(event: Event) => this.#choose(this.#indexOf(event))}
        >
          ${groups.map((group) => {
            const options = shown.map((item, index) => (item.group === group ? this.#option(item, index) : nothing));
            if (group === undefined) return options;
            return html`<div class="group" role="group" aria-label=${group}>
              <div class="caps" aria-hidden="true">${group}</div>
              ${options}
            </div>`;
          })}
        </div>
        ${
          shown.length === 0
            ? html`<div class="rest" role="status">Nothing matches “${this.query}”</div>`
            : shown.length < this.#found.length
              ? html`<div class="rest">and ${this.#found.length - shown.length} more: type to find them</div>`
              : nothing
        }
      </div>
      ${
        plain
          ? nothing
          : html`<div class="about ${active?.whyNot === undefined ? "" : "not"}" aria-hidden="true">${aside}</div>`
      }`;
  }

  #option({ value, detail, summary, whyNot }: MenuItem, index: number) {
    const isMethod = this.name === "method";
    const selected = this.chosen.includes(value);
    return html`<div
      id="option-${index}"
      class="option ${index === this.active ? "active" : ""}"
      role="option"
      aria-selected=${selected}
      aria-disabled=${whyNot === undefined ? nothing : "true"}
      aria-description=${whyNot ?? summary ?? nothing}
      data-index=${index}
      data-method=${isMethod ? value : nothing}
      data-value=${isMethod ? nothing : value}
    >
      ${this.multiple ? html`<span class="box">${selected ? check : nothing}</span>` : nothing}
      <span class="name truncate" title=${value}>${value}</span>
      ${whyNot === undefined ? html`<span class="detail">${detail}</span>` : html`<span class="why">${whyNot}</span>`}
    </div>`;
  }

  #indexOf(event: Event): number {
    return Number((event.target as Element).closest<HTMLElement>(".option")?.dataset.index ?? NaN);
  }

  #point(event: Event): void {
    const index = this.#indexOf(event);
    if (index >= 0) this.active = index;
  }

  #choose(index: number): void {
    const item = this.#found[index];
    if (!item || item.whyNot !== undefined) return;
    if (!this.multiple) this.#show(false);
    this.dispatchEvent(new CustomEvent("choose", { detail: item.value }));
  }

  readonly #openByKey = (event: KeyboardEvent): void => {
    const { key, ctrlKey, metaKey, altKey } = event;
    const letter = key.length === 1 && key !== " " && !ctrlKey && !metaKey && !altKey;
    if (this.open || (key !== "ArrowDown" && key !== "ArrowUp" && !letter)) return;
    event.preventDefault();
    this.#show(true, letter ? key : "");
  };

  readonly #move = (event: KeyboardEvent): void => {
    const last = Math.min(this.#found.length, MOST) - 1;
    const to: Record<string, number> = {
      ArrowDown: this.active === last ? 0 : this.active + 1,
      ArrowUp: this.active === 0 ? last : this.active - 1,
      PageDown: Math.min(last, this.active + PAGE),
      PageUp: Math.max(0, this.active - PAGE),
      Home: 0,
      End: last,
    };
    if (event.key === "Enter") this.#choose(this.active);
    else if (event.key in to && last >= 0) {
      this.active = to[event.key];
      void this.updateComplete.then(() => this.#reveal());
    } else return;
    event.preventDefault();
  };
}
