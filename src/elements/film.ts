/** The samples of the page as a strip; the arrow keys go from one to the next. Fires "choose" with the id as detail. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property } from "lit/decorators.js";
import type { Card } from "../state";
import { imageOf } from "../items";
import { check, cross } from "./icons";
import type { Look } from "./map";
import { rove } from "./roving";
import { base } from "./tokens";

const SIDE = 64;

export class AttriscopeFilm extends LitElement {
  @property({ attribute: false }) cards: readonly Card[] = [];
  @property({ type: Number }) selected = 0;
  @property({ attribute: false }) classes: readonly string[] = [];
  /** Index of the feature that is shown. */
  @property({ type: Number }) feature = 0;
  @property({ attribute: false }) look!: Look;

  static override styles = [
    base,
    css`
      .strip {
        display: flex;
        gap: 8px;
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
    return html`<div class="strip" role="radiogroup" aria-label="Sample" @keydown=${this.#key}>
      ${this.cards.map((card) => this.#frame(card))}
    </div>`;
  }

  #frame({ sample, correct, predictions }: Card) {
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
      <div class="picture">
        <attriscope-map
          .image=${imageOf(sample, this.feature)}
          .look=${this.look}
          .side=${SIDE}
          label="Sample ${sample.id}"
        ></attriscope-map>
      </div>
      <span class="name">${sample.id} ${correct === null ? nothing : correct ? check : cross}</span>
    </button>`;
  }

  #choose(id: number): void {
    if (id !== this.selected) this.dispatchEvent(new CustomEvent("choose", { detail: id }));
  }

  #key(event: KeyboardEvent): void {
    rove(event);
    if (!event.defaultPrevented) return;
    const focused = this.shadowRoot!.activeElement as HTMLElement | null;
    if (focused) this.#choose(Number(focused.dataset.sample));
  }

  override updated(changed: PropertyValues<this>): void {
    if (!changed.has("selected")) return;
    const strip = this.renderRoot.querySelector<HTMLElement>(".strip")!;
    const frame = strip.querySelector<HTMLElement>('[aria-checked="true"]');
    if (frame) strip.scrollLeft = frame.offsetLeft - strip.offsetLeft - (strip.clientWidth - frame.clientWidth) / 2;
  }
}
