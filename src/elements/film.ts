/**
 * The samples of the page as a strip; the arrow keys go from one to the next. Fires "choose" with the id as detail, and
 * "turn" with 1 or -1 where another page is wanted.
 */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property } from "lit/decorators.js";
import { itemRanking } from "../derived";
import { imageOf, itemsOf, shownAs } from "../items";
import type { Card } from "../state";
import type { FeatureSpec, Items } from "../wire";
import { check, cross } from "./icons";
import type { Look } from "./map";
import { rove } from "./roving";
import { base } from "./tokens";

const SIDE = 64;

/** Most tokens that a frame has room for. */
const TOKENS = 12;

export class AttriscopeFilm extends LitElement {
  @property({ attribute: false }) cards: readonly Card[] = [];
  @property({ type: Number }) selected = 0;
  @property({ attribute: false }) classes: readonly string[] = [];
  /** Index of the feature in view, and what it is; -1 and null where none is shown. */
  @property({ type: Number }) feature = 0;
  @property({ attribute: false }) spec: FeatureSpec | null = null;
  @property({ attribute: false }) look!: Look;
  /** There are pages before and after this one. */
  @property({ type: Boolean }) hasPrevious = false;
  @property({ type: Boolean }) hasNext = false;

  /** The focus goes with the page that was turned to. */
  #turned = false;

  static override styles = [
    base,
    css`
      :host {
        display: flex;
        align-items: center;
      }
      .turn {
        width: 20px;
        height: 64px;
        padding: 0;
        font-size: 14px;
      }
      .turn:hover {
        background: var(--tint);
      }
      .strip {
        flex: 1;
        display: flex;
        gap: 8px;
        min-width: 0;
        margin: 0 -4px;
        padding: 4px;
        overflow-x: auto;
        scrollbar-width: thin;
      }
      button {
        flex: none;
        padding: 3px 3px 0;
        border: 0;
        background: none;
        font-size: 10px;
        line-height: 16px;
        color: var(--fg2);
      }
      button:hover,
      [aria-checked="true"] {
        color: var(--fg);
      }
      .picture {
        box-shadow: 0 0 0 1px transparent;
      }
      button:hover .picture {
        box-shadow: 0 0 0 1px var(--line1);
      }
      [aria-checked="true"] {
        font-weight: 600;
      }
      button[aria-checked="true"] .picture {
        box-shadow: 0 0 0 2px var(--acc);
      }
      .words {
        display: grid;
        align-content: center;
        width: 64px;
        height: 64px;
        padding: 4px;
        background: var(--tint);
        line-height: 14px;
        text-align: start;
      }
      .words span {
        display: -webkit-box;
        overflow: hidden;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: var(--lines, 4);
        overflow-wrap: anywhere;
        unicode-bidi: isolate;
      }
      .name {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 4px;
        height: 20px;
      }
      .correct svg {
        color: var(--ok);
      }
      .incorrect svg {
        color: var(--err0);
      }
    `,
  ];

  override render() {
    return html`${this.hasPrevious ? this.#turnTo(-1, "‹", "Previous samples") : nothing}
      <div class="strip" role="radiogroup" aria-label="Sample" @keydown=${this.#key}>
        ${this.cards.map((card) => this.#frame(card))}
      </div>
      ${this.hasNext ? this.#turnTo(1, "›", "Next samples") : nothing}`;
  }

  #turnTo(by: 1 | -1, text: string, label: string) {
    const action = by > 0 ? "next" : "previous";
    return html`<button
      class="turn"
      aria-label=${label}
      title=${label}
      data-action=${action}
      @click=${() => this.#turn(by)}
    >
      ${text}
    </button>`;
  }

  #turn(by: 1 | -1): void {
    this.dispatchEvent(new CustomEvent("turn", { detail: by }));
  }

  #frame(card: Card) {
    const { sample, correct, predictions } = card;
    const chosen = sample.id === this.selected;
    const verdict = correct === null ? "" : correct ? "correct" : "incorrect";
    const truth = sample.label === null ? "" : (this.classes[sample.label] ?? String(sample.label));
    const title = [
      `Sample ${sample.id}`,
      truth,
      predictions[0] && !correct ? `predicted ${predictions[0].label}` : "",
      verdict,
    ];
    return html`<button
      class=${verdict}
      role="radio"
      aria-checked=${chosen}
      aria-label=${title.filter(Boolean).join(", ")}
      title=${title.filter(Boolean).join(", ")}
      tabindex=${chosen ? 0 : -1}
      data-roving
      data-sample=${sample.id}
      @click=${() => this.#choose(sample.id)}
    >
      ${this.#shown(card)}
      <span class="name">${sample.id} ${correct === null ? nothing : correct ? check : cross}</span>
    </button>`;
  }

  #shown(card: Card) {
    const items = itemsOf(card.sample, this.feature);
    if (items) return html`<div class="picture words">${this.#words(items, card)}</div>`;
    const image = imageOf(card.sample, this.feature);
    if (!image) return nothing;
    return html`<div class="picture">
      <attriscope-map
        .image=${image}
        .look=${this.look}
        .side=${SIDE}
        label="Sample ${card.sample.id}"
      ></attriscope-map>
    </div>`;
  }

  /** The beginning of a text, or the strongest value of a row: the first one until there are scores. */
  #words(items: Items, { sample, result }: Card) {
    if (this.spec!.kind === "text")
      return html`<span dir="auto">${items.slice(0, TOKENS).map(shownAs).join(" ")}</span>`;
    const attribution = result?.attributions[this.feature];
    const ranking = itemRanking(attribution, sample.inputs[this.feature].shape, this.look.display.sign);
    const strongest = ranking?.first(1)[0] ?? 0;
    return html`<span style="--lines: 2" dir="auto">${this.spec!.categories[strongest]}</span>
      <span style="--lines: 2" dir="auto">${shownAs(items[strongest])}</span>`;
  }

  #choose(id: number): void {
    if (id !== this.selected) this.dispatchEvent(new CustomEvent("choose", { detail: id }));
  }

  #key(event: KeyboardEvent): void {
    const at = this.cards.findIndex(({ sample }) => sample.id === this.selected);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if ((by === 1 && this.hasNext && at === this.cards.length - 1) || (by === -1 && this.hasPrevious && at === 0)) {
      event.preventDefault();
      this.#turned = true;
      return this.#turn(by);
    }
    rove(event);
    if (!event.defaultPrevented) return;
    const focused = this.shadowRoot!.activeElement as HTMLElement | null;
    if (focused) this.#choose(Number(focused.dataset.sample));
  }

  override updated(changed: PropertyValues<this>): void {
    if (!changed.has("selected")) return;
    const strip = this.renderRoot.querySelector<HTMLElement>(".strip")!;
    const frame = strip.querySelector<HTMLElement>('[aria-checked="true"]');
    if (this.#turned) frame?.focus();
    this.#turned = false;
    if (frame) strip.scrollLeft = frame.offsetLeft - strip.offsetLeft - (strip.clientWidth - frame.clientWidth) / 2;
  }
}
