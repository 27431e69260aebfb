/** The tokens of a text, shaded by their scores. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { ifDefined } from "lit/directives/if-defined.js";
import { styleMap } from "lit/directives/style-map.js";
import { itemRanking, type Ranking } from "../derived";
import { signed, spoken } from "../format";
import { inkOf, misfitInWords, shadesOf, shownAs } from "../items";
import type { Attribution } from "../state";
import type { Items } from "../wire";
import type { Look } from "./map";
import { rove } from "./roving";
import { base, results } from "./tokens";

/** Height of a token's tip and the gap to it, in CSS pixels. */
const TIP = 30;

export class AttriscopeText extends LitElement {
  @property({ attribute: false }) items: Items = [];
  /** In the input's shape; null shows the tokens alone. */
  @property({ attribute: false }) attribution: Attribution | null = null;
  /** Of the input; null: [items]. */
  @property({ attribute: false }) shape: readonly number[] | null = null;
  @property({ attribute: false }) look!: Look;
  /** What the scores are divided by, where several texts share a scale. */
  @property({ attribute: false }) scale: number | null = null;
  /** [items], 1 where a token is hidden from the model. */
  @property({ attribute: false }) masked: Uint8Array | null = null;
  /** How many of the strongest tokens are outlined. */
  @property({ type: Number }) top = 0;
  /** The scores are about to be replaced. */
  @property({ type: Boolean }) stale = false;
  /** For cells and previews: smaller, without a tip, and nothing in it takes the focus. */
  @property({ type: Boolean, reflect: true }) small = false;
  /** The token that is probed elsewhere, in another cell of the same text. */
  @property({ attribute: false }) mark: number | null = null;
  /** Tokens can be hidden: a click, Space or Delete fires "toggle" with the index. Else a click or Enter fires "open". */
  @property({ type: Boolean }) maskable = false;
  /** The Tab key leads here. */
  @property({ type: Boolean }) stop = false;
  @property() label = "";
  /** The token under the pointer or with the focus, and where it stands; fires "probe" with its index, or null. */
  @own() probe: { index: number; left: number; top: number; bottom: number } | null = null;
  /** The token that has, or had, the focus. */
  @own() at = 0;

  #shades: Float32Array | null = null;
  #ranking: Ranking | null = null;
  #outline: Uint8Array | null = null;

  static override styles = [
    base,
    results,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .text {
        position: relative;
      }
      .tokens {
        max-height: var(--text-height, none);
        margin: -2px;
        padding: 2px;
        overflow-y: auto;
        font-size: 13px;
        line-height: 26px;
        scrollbar-width: thin;
      }
      .token {
        display: inline;
        padding: 3px 3px;
        border: 0;
        border-radius: 2px;
        background: var(--shade, none);
        line-height: 20px;
        text-align: start;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
        -webkit-box-decoration-break: clone;
        box-decoration-break: clone;
        color: inherit;
      }
      button.token {
        cursor: pointer;
      }
      button.token:hover {
        box-shadow: 0 0 0 1px var(--fg2);
      }
      .token.top {
        box-shadow: 0 0 0 1.5px var(--fg);
      }
      .token.probed {
        outline: 2px solid var(--acc);
        outline-offset: 1px;
      }
      /* About to be replaced: the words stay readable. */
      .stale .shaded {
        animation: fade 0s 150ms forwards;
      }
      @keyframes fade {
        to {
          background: color-mix(in srgb, var(--shade) 30%, var(--bg));
          color: var(--fg);
        }
      }
      .token.hidden {
        text-decoration: line-through;
        color: var(--fg2);
        background: repeating-linear-gradient(-45deg, var(--track) 0 2px, transparent 2px 5px);
      }
      :host([small]) .tokens {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: var(--text-lines, none);
        margin-bottom: 0;
        padding-bottom: 0;
        overflow: hidden;
        font-size: 11px;
        line-height: 18px;
      }
      :host([small]) .token {
        padding: 1px 2px;
        line-height: 16px;
      }
      .tip {
        display: flex;
        gap: 6px;
        padding: 4px 8px;
        max-width: min(320px, 100%);
      }
      .tip b {
        font-weight: 600;
      }
      .tip .for {
        color: var(--positive);
      }
      .tip .against {
        color: var(--negative);
      }
      .tip .muted {
        flex: none;
      }
      .note {
        font-size: 11px;
        color: var(--fg2);
      }
    `,
  ];

  /** The score of each token; null where there is none. */
  get scores(): Float32Array | null {
    return this.#ranking?.values ?? null;
  }

  /** Goes to the token that had it last. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>(`[data-token="${this.at}"]`)?.focus();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    const { attribution, items, look } = this;
    if ((["attribution", "items", "look", "scale", "top"] as const).some((name) => changed.has(name))) {
      const { sign } = look.display;
      this.#ranking = itemRanking(attribution, this.shape ?? [items.length], sign);
      this.#shades = this.#ranking && shadesOf(this.#ranking, sign, this.scale).values;
      this.#outline = this.top > 0 ? (this.#ranking?.top(this.top) ?? null) : null;
    }
    if (changed.has("items")) [this.probe, this.at] = [null, 0];
  }

  override render() {
    const { items, probe } = this;
    return html`<div
      class="text ${this.stale && this.#shades ? "stale" : ""}"
      @pointerleave=${() => this.#probe(null)}
      @focusout=${() => this.#probe(null)}
      @keydown=${this.#key}
    >
      <div
        class="tokens"
        dir="auto"
        role=${this.small ? "img" : "group"}
        aria-label=${this.small ? `${this.label}: ${items.map(shownAs).join(" ")}` : this.label}
        @scroll=${() => this.#probe(null)}
      >
        ${items.map((item, i) => this.#token(shownAs(item), i))}
      </div>
      ${probe && !this.small ? this.#tip(probe) : nothing}
      ${
        this.attribution && !this.#ranking
          ? html`<div class="note" data-note="misfit">${misfitInWords(this.attribution, items.length, "token")}</div>`
          : nothing
      }
    </div>`;
  }

  #token(text: string, i: number) {
    const isMasked = Boolean(this.masked?.[i]);
    const shade = this.#shades?.[i] ?? 0;
    const ink = shade === 0 || isMasked ? null : inkOf(shade, this.look.ramp);
    const style = styleMap(ink ? { "--shade": ink.fill, color: ink.text } : {});
    const classes = [
      "token",
      ink ? "shaded" : "",
      isMasked ? "hidden" : "",
      this.#outline?.[i] ? "top" : "",
      (this.probe?.index ?? this.mark) === i ? "probed" : "",
    ];
    const name = classes.filter(Boolean).join(" ");
    // The blank between two tokens is where the line may break.
    if (this.small)
      return html`<span
        class=${name}
        style=${style}
        data-token=${i}
        @pointerenter=${() => this.#probe(i)}
      >${text}</span> `; // prettier-ignore
    return html`<button
        class=${name}
        style=${style}
        tabindex=${this.stop && i === this.at ? 0 : -1}
        aria-label=${this.#spoken(text, i)}
        aria-pressed=${ifDefined(this.maskable ? isMasked : undefined)}
        data-roving
        data-token=${i}
        @click=${() => this.#act(i)}
        @pointerenter=${() => this.#probe(i)}
        @focus=${() => this.#focused(i)}
      >${text}</button> `; // prettier-ignore
  }

  #spoken(text: string, i: number): string {
    const ranking = this.#ranking;
    const about = ranking ? `, ${spoken(ranking.values[i], 3)}, rank ${ranking.rank(i)}` : "";
    return `${this.items[i] === "" ? "empty token" : text}${about}`;
  }

  /** Below the token, or above where the text ends; hanging by the same share of its own width, it never leaves the text. */
  #tip({ index, left, top, bottom }: NonNullable<typeof this.probe>) {
    const score = this.scores?.[index];
    const across = `${(left / Math.max(1, this.clientWidth)) * 100}%`;
    const isAbove = top > TIP && bottom + TIP > this.clientHeight;
    const down = isAbove ? { bottom: `calc(100% - ${top - 4}px)` } : { top: `${bottom + 4}px` };
    const style = { left: across, translate: `-${across}`, ...down };
    return html`<div class="probe tip" style=${styleMap(style)} aria-hidden="true">
      <b class="truncate">${shownAs(this.items[index])}</b>
      ${
        score === undefined
          ? nothing
          : html`<b class=${score < 0 ? "against" : "for"}>${signed(score, 3, true)}</b>
              <span class="muted">rank ${this.#ranking!.rank(index)} of ${this.items.length}</span>`
      }
    </div>`;
  }

  #focused(i: number): void {
    this.at = i;
    this.#probe(i);
  }

  #probe(index: number | null): void {
    if (index === (this.probe?.index ?? null)) return;
    const token = index === null ? null : this.renderRoot.querySelector<HTMLElement>(`[data-token="${index}"]`);
    if (token && index !== null) {
      const [around, box] = [this.getBoundingClientRect(), token.getBoundingClientRect()];
      const left = Math.max(0, Math.min(around.width, (box.left + box.right) / 2 - around.left));
      this.probe = { index, left, top: box.top - around.top, bottom: box.bottom - around.top };
    } else this.probe = null;
    this.dispatchEvent(new CustomEvent("probe", { detail: this.probe?.index ?? null }));
  }

  #act(i: number): void {
    this.at = i;
    this.dispatchEvent(new CustomEvent(this.maskable ? "toggle" : "open", { detail: i }));
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || this.small) return;
    rove(event);
    const hides = event.key === "Delete" || event.key === "Backspace";
    if (event.defaultPrevented || !hides || !this.maskable) return;
    event.preventDefault();
    this.#act(this.at);
  }
}
