/** The highest scores of one sample; clicking a row explains that class. Fires "explain" with {target, all} as detail. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property } from "lit/decorators.js";
import { shownPredictions, shareOf, spanOf } from "../derived";
import type { Prediction } from "../state";
import { score } from "../format";
import { rove } from "./roving";
import { base } from "./tokens";

export interface Explain {
  target: number;
  /** On every sample, not on this one alone. */
  all: boolean;
}

export class AttriscopePredictions extends LitElement {
  /** All of them, highest first. */
  @property({ attribute: false }) predictions: readonly Prediction[] = [];
  @property({ attribute: false }) target: number | null = null;
  @property({ attribute: false }) truth: number | null = null;
  @property({ type: Number }) max = 4;
  /** The Tab key does not stop here. */
  @property({ type: Boolean }) skipped = false;

  static override styles = [
    base,
    css`
      :host {
        display: block;
      }
      button {
        display: grid;
        grid-template-columns: minmax(0, var(--name-width, 72px)) minmax(12px, 1fr) 42px;
        align-items: center;
        width: calc(100% + 8px);
        height: 24px;
        margin: 0 -4px;
        padding: 0 4px;
        border: 0;
        border-radius: 0;
        background: none;
        text-align: left;
      }
      .name {
        display: flex;
        align-items: baseline;
        gap: 4px;
        min-width: 0;
        padding-right: 4px;
      }
      .badge {
        flex: none;
        font-size: 9px;
        font-weight: 600;
        letter-spacing: 0.06em;
        color: var(--fg2);
      }
      .explain {
        display: none;
        color: var(--acct);
      }
      button:is(:hover, :focus-visible):not([aria-checked="true"]) {
        background: var(--track);
        .explain {
          display: inline;
        }
        .true {
          display: none;
        }
      }
      .track {
        height: 6px;
        background: var(--track);
      }
      .bar {
        height: 100%;
        min-width: 1px;
        background: var(--bar);
        transition: width 120ms ease-out;
      }
      .figure {
        text-align: right;
      }
      button[aria-checked="true"] {
        color: var(--acct);
        font-weight: 600;
        .bar {
          background: var(--acc);
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .bar {
          transition: none;
        }
      }
    `,
  ];

  override render() {
    const rows = shownPredictions(this.predictions, this.truth, this.max);
    const stop = rows.find(({ index }) => index === this.target) ?? rows[0];
    const wrong = this.truth !== null && this.predictions[0]?.index !== this.truth;
    return html`<div role="radiogroup" aria-label="Class to explain" @keydown=${rove}>
      ${rows.map((row) => this.#row(row, row === stop, wrong && row.index === this.truth))}
    </div>`;
  }

  #row({ index, label, score: value }: Prediction, stop: boolean, marked: boolean) {
    const explain = ({ shiftKey }: MouseEvent): void => {
      const detail: Explain = { target: index, all: shiftKey };
      this.dispatchEvent(new CustomEvent("explain", { detail }));
    };
    return html`<button
      role="radio"
      aria-checked=${index === this.target}
      aria-label="${label}${marked ? ", the true class" : ""}, ${score(value)}"
      tabindex=${stop && !this.skipped ? 0 : -1}
      title="${label}: ${value}
Click explains this class, Shift+click explains it on all samples"
      data-roving
      data-class=${index}
      @click=${explain}
    >
      <span class="name">
        <span class="truncate">${label}</span>
        ${marked ? html`<span class="badge true">TRUE</span>` : nothing}
        <span class="badge explain">EXPLAIN</span>
      </span>
      <span class="track"><div class="bar" style="width: ${shareOf(this.#scale, value) * 100}%"></div></span>
      <span class="figure">${score(value)}</span>
    </button>`;
  }

  #scale: [number, number] = [0, 1];

  override willUpdate(changed: PropertyValues<this>): void {
    // Scores need not be probabilities; then the bars span what there is.
    if (changed.has("predictions")) this.#scale = spanOf(this.predictions.map(({ score }) => score));
  }
}
