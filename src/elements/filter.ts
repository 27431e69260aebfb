/** The FILTER lines: predicted and true classes, right or wrong, their confusion; in which order, how many, and the pages. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import { filterInWords, type Actions, type Sort, type State } from "../state";
import type { Filter } from "../wire";
import { plural } from "../format";
import { cross, down, grid, up } from "./icons";
import { rove } from "./roving";
import { base, controls } from "./tokens";

/** Chips for no more classes, and no more letters, than two rows hold; all others are found in a menu. */
const CHIPS = 24;
const LETTERS = 220;
/** Of those that were found in the menu, so many stand beside it. */
const CHOSEN = 6;
const COUNTS = [4, 8, 16, 50, 200];

const PREDICTIONS = [
  { value: "all", label: "All" },
  { value: "correct", label: "Correct", title: "Only samples whose prediction is the true class" },
  { value: "incorrect", label: "Incorrect", title: "Only samples whose prediction is not the true class" },
];

/** What each order is by, and the end at which the interesting samples are. */
const ORDERS: { by: Sort["by"]; name: string; ends: [string, string]; ascending: boolean }[] = [
  { by: "dataset", name: "dataset order", ends: ["first", "last"], ascending: true },
  { by: "confidence", name: "confidence", ends: ["least confident", "most confident"], ascending: true },
  { by: "loss", name: "loss", ends: ["lowest loss", "highest loss"], ascending: false },
  { by: "entropy", name: "entropy", ends: ["lowest entropy", "highest entropy"], ascending: false },
];

type Side = "classes" | "labels";

export class AttriscopeFilter extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) actions!: Actions;
  /** The range and its two buttons alone, without label and margins, for a line of another view. */
  @property({ type: Boolean, attribute: "paging-only", reflect: true }) pagingOnly = false;
  /** On narrow pages the line is a sentence until it is opened. */
  @own() open = false;
  /** Whose chips are shown. */
  @own() side: Side = "classes";
  @own() confusing = false;

  static override styles = [
    base,
    controls,
    css`
      :host {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        row-gap: 8px;
      }
      :host([paging-only]) {
        display: block;
        padding: 0;
      }
      .line {
        column-gap: 12px;
      }
      .classes {
        display: flex;
        align-items: flex-start;
        gap: 8px;
        min-width: 0;
      }
      .classes > attriscope-segments {
        flex: none;
      }
      .chips {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px;
        min-height: 24px;
        min-width: 0;
      }
      .chip {
        position: relative;
        display: flex;
        align-items: center;
        gap: 4px;
        max-width: 160px;
        height: 20px;
        padding: 0 8px;
        border: 1px solid var(--line);
        border-radius: 10px;
        background: var(--bg);
        font-size: 11px;
      }
      .chip::before {
        content: "";
        position: absolute;
        inset: -3px -2px;
      }
      .chip:hover {
        border-color: var(--fg2);
      }
      .chip[aria-pressed="true"] {
        border-color: var(--acc);
        background: var(--selected);
        color: var(--acct);
        font-weight: 600;
      }
      .chip > span::after {
        content: attr(data-label);
        display: block;
        height: 0;
        overflow: hidden;
        visibility: hidden;
        font-weight: 600;
      }
      attriscope-menu {
        width: 152px;
      }
      .further {
        font-size: 11px;
        color: var(--fg2);
      }
      .confusion {
        display: flex;
        align-items: center;
        gap: 6px;
        color: var(--fg);
      }
      .confusion svg {
        color: var(--fg2);
      }
      attriscope-popover {
        font: 12px/16px var(--font);
        overflow: hidden;
      }
      .clear {
        margin-right: 8px;
      }
      .clear:disabled {
        visibility: hidden;
      }
      .order {
        display: flex;
        gap: 4px;
      }
      .paging {
        display: flex;
        align-items: center;
        gap: 4px;
        min-height: 24px;
      }
      .range {
        min-width: 64px;
        margin: 0 4px 0 12px;
        text-align: right;
        white-space: nowrap;
        color: var(--fg2);
      }
      .range b {
        font-weight: 600;
        color: var(--fg);
      }
      .step {
        width: 24px;
        padding: 0 0 2px;
        font-size: 15px;
        line-height: 20px;
      }
      .summary {
        display: none;
        flex: 1;
        min-width: 0;
      }
      @container (600px <= width < 1000px) {
        .confusion {
          padding: 0 5px;
        }
        .confusion span {
          display: none;
        }
      }
      @container (width < 900px) {
        .line {
          row-gap: 4px;
        }
      }
      @container (width < 600px) {
        .summary {
          display: flex;
          flex-basis: 100%;
          align-items: center;
          gap: 8px;
        }
        .choice:not(.open),
        .clear:disabled {
          display: none;
        }
        .classes {
          flex-wrap: wrap;
        }
      }
    `,
  ];

  override render() {
    if (this.pagingOnly) return html`<div class="paging">${this.#range()}${this.#steps()}</div>`;
    const { classes, filter } = this.state;
    const open = this.open ? "open" : "";
    const words = filterInWords(filter);
    return html`
      ${
        classes.length === 0
          ? nothing
          : html`<span class="caps label" id="label">Filter</span>
              <div class="line" role="group" aria-labelledby="label">
                <div class="summary">
                  <span class="truncate" title=${words}>${this.open ? "" : words}</span>
                  <button class="quiet end" aria-expanded=${this.open} @click=${() => (this.open = !this.open)}>
                    ${this.open ? "Done" : "Change"}
                  </button>
                </div>
                ${this.#classes(open)}
              </div>`
      }
      <span class="caps label" id="sort">Sort</span>
      <div class="line" role="group" aria-labelledby="sort">
        ${this.#order()}
        <div class="paging end">${this.#clear(words)}${this.#show()}${this.#range()}${this.#steps()}</div>
      </div>
    `;
  }

  #classes(open: string) {
    const { classes, filter } = this.state;
    const few = classes.length <= CHIPS && classes.join("").length <= LETTERS;
    const sides = [
      { value: "classes", label: "Predicted", title: "Choose among the predicted classes", marked: filter.classes.length > 0 }, // prettier-ignore
      { value: "labels", label: "True", title: "Choose among the true classes", marked: filter.labels.length > 0 },
    ];
    const what = this.side === "classes" ? "Predicted classes" : "True classes";
    return html`<div class="classes choice ${open}">
        <attriscope-segments
          label="Which classes"
          .segments=${sides.map((side) => ({ ...side, marked: side.marked && side.value !== this.side }))}
          .value=${this.side}
          @choose=${({ detail }: CustomEvent<Side>) => (this.side = detail)}
        ></attriscope-segments>
        ${few ? this.#chips(classes, what) : this.#search(what)}
      </div>
      <attriscope-segments
        class="choice ${open}"
        label="Prediction"
        .segments=${PREDICTIONS}
        .value=${filter.prediction}
        @choose=${({ detail }: CustomEvent<Filter["prediction"]>) => this.actions.setFilter({ prediction: detail })}
      ></attriscope-segments>
      ${this.#confusion(open)}`;
  }

  #clear(words: string) {
    const { classes, labels, prediction } = this.state.filter;
    return html`<button
      class="quiet clear"
      data-action="clear-filter"
      title="Now: ${words}"
      ?disabled=${classes.length + labels.length === 0 && prediction === "all"}
      @click=${() => this.actions.setFilter({ classes: [], labels: [], prediction: "all" })}
    >
      Clear filter
    </button>`;
  }

  #chips(classes: readonly string[], what: string) {
    const chosen = this.state.filter[this.side];
    const stop = Math.max(0, classes.indexOf(chosen[0]));
    return html`<div class="chips" role="group" aria-label=${what} @keydown=${rove}>
      ${classes.map(
        (name, index) =>
          html`<button
            class="chip"
            aria-pressed=${chosen.includes(name)}
            tabindex=${index === stop ? 0 : -1}
            title=${name}
            data-roving
            data-class=${name}
            @click=${() => this.#toggle(name)}
          >
            <span class="truncate" data-label=${name}>${name}</span>
          </button>`,
      )}
    </div>`;
  }

  #search(what: string) {
    const { classes, filter } = this.state;
    const chosen = filter[this.side];
    const text =
      chosen.length > 0 ? `${chosen.length} of ${classes.length} classes` : `any of ${classes.length} classes`;
    return html`<div class="chips" role="group" aria-label=${what}>
      <attriscope-menu
        name="class"
        multiple
        .label=${what}
        .hint=${`Find one of ${classes.length} classes`}
        .text=${text}
        .items=${classes.map((value) => ({ value }))}
        .chosen=${chosen}
        @choose=${({ detail }: CustomEvent<string>) => this.#toggle(detail)}
      ></attriscope-menu>
      ${chosen
        .slice(0, CHOSEN)
        .map(
          (name) =>
            html`<button
              class="chip"
              aria-pressed="true"
              title="${name}: click takes it out"
              data-class=${name}
              @click=${() => this.#toggle(name)}
            >
              <span class="truncate" data-label=${name}>${name}</span>${cross}
            </button>`,
        )}
      ${chosen.length > CHOSEN ? html`<span class="further">and ${chosen.length - CHOSEN} more</span>` : nothing}
    </div>`;
  }

  #toggle(name: string): void {
    const chosen = this.state.filter[this.side];
    const names = chosen.includes(name)
      ? chosen.filter((other) => other !== name)
      : this.state.classes.filter((other) => other === name || chosen.includes(other));
    this.actions.setFilter({ [this.side]: names });
  }

  #confusion(open: string) {
    const { confusion, classes, filter } = this.state;
    if (!confusion) return nothing;
    return html`<div class="choice ${open}">
      <button
        class="control confusion"
        data-control="confusion"
        title="True against predicted classes: click a cell to see its samples"
        aria-label="Confusion matrix"
        aria-haspopup="dialog"
        aria-expanded=${this.confusing}
        @click=${() => (this.confusing = !this.confusing)}
      >
        ${grid}<span>Confusion</span></button
      ><attriscope-popover label="Confusion matrix" ?open=${this.confusing} @close=${() => (this.confusing = false)}>
        ${
          this.confusing
            ? html`<attriscope-confusion
                autofocus
                .counts=${confusion}
                .classes=${classes}
                .filter=${filter}
                @choose=${({ detail }: CustomEvent<Partial<Filter>>) => this.actions.setFilter(detail)}
              ></attriscope-confusion>`
            : nothing
        }
      </attriscope-popover>
    </div>`;
  }

  #order() {
    const { sort, known, cards } = this.state;
    const { ends } = ORDERS.find(({ by }) => by === sort.by) ?? ORDERS[0];
    const [now, then] = sort.ascending ? ends : [ends[1], ends[0]];
    const scope = `of the ${plural(known, "sample")} that ${known === 1 ? "is" : "are"} here`;
    const labelled = cards.length === 0 || cards.some(({ sample }) => sample.label !== null);
    const choose = (event: Event): void => {
      const { by, ascending } = ORDERS[(event.target as HTMLSelectElement).selectedIndex];
      this.actions.setSort({ by, ascending });
    };
    return html`<div class="field order" title="The order ${scope}: ${now} first">
      <select class="control" data-control="sort" aria-labelledby="sort" aria-describedby="scope" @change=${choose}>
        ${ORDERS.map(
          ({ by, name }) =>
            html`<option
              value=${by}
              ?disabled=${by === "loss" && !labelled}
              ?selected=${by === sort.by}
              .selected=${by === sort.by}
            >
              ${name}
            </option>`,
        )}
      </select>
      <span hidden id="scope">${scope}</span>
      <button
        class="control icon"
        data-action="sort-direction"
        aria-label="${now} first"
        title="The ${now} ${scope} come first. Click: the ${then}"
        @click=${() => this.actions.setSort({ ascending: !sort.ascending })}
      >
        ${sort.ascending ? up : down}
      </button>
    </div>`;
  }

  #show() {
    const { show } = this.state;
    const counts = COUNTS.includes(show) ? COUNTS : [...COUNTS, show].sort((a, b) => a - b);
    const choose = (event: Event): void => this.actions.setShow(Number((event.target as HTMLSelectElement).value));
    return html`<label class="field">
      <span>show</span>
      <select class="control" data-control="show" @change=${choose}>
        ${counts.map(
          (count) =>
            html`<option value=${count} ?selected=${count === show} .selected=${count === show}>${count}</option>`,
        )}
      </select>
    </label>`;
  }

  #steps() {
    const { hasPrevious, hasNext, live, scanning } = this.state;
    const nextTitle = hasNext
      ? "Next samples"
      : live
        ? "These are the last samples of the filter"
        : "Further samples come from the kernel: run the cell again";
    return html`<button
        class="control step"
        data-action="previous"
        aria-label="Previous samples"
        title=${hasPrevious ? "Previous samples" : "These are the first samples"}
        ?disabled=${!hasPrevious}
        @click=${() => this.actions.previous()}
      >
        ‹
      </button>
      <button
        class="control step"
        data-action="next"
        aria-label="Next samples"
        title=${nextTitle}
        ?disabled=${!hasNext || scanning}
        @click=${() => this.actions.next()}
      >
        ›
      </button>`;
  }

  #range() {
    const { cards, first, known, total, scanning, scanned } = this.state;
    if (scanning) return html`<span class="range">${scanned ? `${scanned} scanned` : "scanning"}</span>`;
    if (cards.length === 0) return html`<span class="range">0 samples</span>`;
    const last = first + cards.length;
    const range = cards.length === 1 ? `${last}` : `${first + 1}–${last}`;
    const here = `${Math.max(known, last)}`;
    return html`<span class="range" title=${total === null ? `${here} are here; the dataset may hold more` : ""}>
      <b>${range}</b> of ${total ?? `${here}+`}
    </span>`;
  }
}
