/** Deletion (solid) and insertion (dashed) of one explanation, as a chart with a scrubber or as a sparkline. */
import { css, html, LitElement, nothing, svg } from "lit";
import { property } from "lit/decorators.js";
import { shareOf, spanOf, valueAt } from "../derived";
import type { Faithfulness } from "../state";
import { score, tick } from "../format";
import { base } from "./tokens";

const scoresOf = (faithfulness: Faithfulness | null): number[] =>
  faithfulness ? [...faithfulness.deletion, ...faithfulness.insertion] : [];

export class AttriscopeCurve extends LitElement {
  /** Null draws the empty axes. */
  @property({ attribute: false }) faithfulness: Faithfulness | null = null;
  /** Where the scrubber stands, 0..1; null: there is none. Fires "scrub" with the share as detail. */
  @property({ type: Number }) at: number | null = null;
  /** What is removed and revealed. */
  @property() unit = "pixel";
  /** 90 x 36 px, without axes and scrubber. */
  @property({ type: Boolean, reflect: true }) small = false;

  static override styles = [
    base,
    css`
      :host {
        display: block;
        height: 136px;
      }
      :host([small]) {
        width: 90px;
        height: 36px;
      }
      .chart {
        display: grid;
        grid-template: 98px 22px 16px / 28px minmax(0, 1fr);
        font-size: 10px;
        line-height: 16px;
        color: var(--fg2);
      }
      .scores {
        position: relative;
        margin: 1px 0;
      }
      .scores span {
        position: absolute;
        right: 8px;
        translate: 0 -50%;
      }
      .plot {
        position: relative;
        margin: 1px 0;
        color: var(--fg);
      }
      .plot[role="slider"] {
        cursor: ew-resize;
        touch-action: pan-y;
      }
      svg {
        position: absolute;
        width: 100%;
        height: 100%;
        overflow: visible;
      }
      :host([small]) svg {
        position: static;
      }
      path {
        fill: none;
        stroke: currentColor;
        stroke-width: 1.5px;
        stroke-linejoin: round;
        vector-effect: non-scaling-stroke;
      }
      :host([small]) path {
        stroke-width: 1.2px;
      }
      .grid {
        stroke: var(--line);
        stroke-width: 1px;
        shape-rendering: crispEdges;
      }
      .area {
        fill: var(--track);
        stroke: none;
      }
      .insertion {
        stroke: var(--fg2);
        stroke-dasharray: 3 2;
      }
      .scrubber {
        position: absolute;
        inset: -4px auto -8px;
        width: 1px;
        margin-left: -0.5px;
        background: var(--acc);
        color: var(--acc);
        pointer-events: none;
      }
      .scrubber::after {
        content: "";
        position: absolute;
        bottom: -1px;
        left: -5.5px;
        border: 6px solid transparent;
        border-top: 0;
        border-bottom: 8px solid currentColor;
      }
      .handle {
        position: absolute;
        width: 8px;
        height: 8px;
        margin: -4px;
        border: 1.5px solid var(--acc);
        border-radius: 50%;
        background: var(--bg);
        pointer-events: none;
      }
      .ticks {
        grid-column: 2;
        display: flex;
        align-items: end;
        justify-content: space-between;
      }
      .ticks span {
        display: flex;
        justify-content: center;
        width: 0;
        white-space: nowrap;
      }
      .ticks span:first-child {
        justify-content: flex-start;
      }
      .ticks span:last-child {
        justify-content: flex-end;
      }
      .caption {
        grid-column: 1 / 3;
        text-align: center;
        padding-left: 28px;
      }
    `,
  ];

  override render() {
    return this.small ? this.#sparkline() : this.#chart();
  }

  #sparkline() {
    const { faithfulness } = this;
    return html`<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=${this.#areas()}>
      ${faithfulness ? this.#lines(faithfulness) : nothing}
      <path class="grid" d="M0 100H100"></path>
    </svg>`;
  }

  #chart() {
    const { faithfulness, at } = this;
    const [low, high] = spanOf(scoresOf(faithfulness));
    const plot = html`<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
      <path class="grid" d="M0 0H100M0 50H100M0 100H100"></path>
      ${faithfulness ? this.#lines(faithfulness) : nothing}
    </svg>`;
    return html`<div class="chart">
      <div class="scores" aria-hidden="true">
        ${[1, 0.5, 0].map((y) => html`<span style="top: ${100 - y * 100}%">${tick(low + (high - low) * y)}</span>`)}
      </div>
      ${
        at === null
          ? html`<div class="plot" role="img" aria-label=${this.#areas()}>${plot}</div>`
          : html`<div
              class="plot"
              role="slider"
              tabindex="0"
              aria-label="${this.unit}s removed or revealed"
              aria-valuemin="0"
              aria-valuemax="100"
              aria-valuenow=${(at * 100).toFixed(1)}
              aria-valuetext=${this.#scores(at)}
              @pointerdown=${this.#scrub}
              @pointermove=${this.#scrub}
              @keydown=${this.#key}
            >
              ${plot}${this.#scrubber(at)}
            </div>`
      }
      <div class="ticks" aria-hidden="true">
        ${["0", "25", "50", "75", "100 %"].map((text) => html`<span>${text}</span>`)}
      </div>
      <span class="caption truncate">${this.unit}s removed or revealed, most important first</span>
    </div>`;
  }

  #areas(): string {
    if (!this.faithfulness) return "not measured";
    const { deletion, insertion } = this.faithfulness.auc;
    return `deletion ${score(deletion)}, insertion ${score(insertion)}`;
  }

  #scores(at: number): string {
    const share = `${(at * 100).toFixed(1)} %`;
    if (!this.faithfulness) return share;
    const { deletion, insertion } = this.faithfulness;
    return `${share}, deleted ${score(valueAt(deletion, at))}, inserted ${score(valueAt(insertion, at))}`;
  }

  #lines({ deletion, insertion }: Faithfulness) {
    const line = (curve: Float32Array): string =>
      Array.from(curve, (y, k) => `${((k / (curve.length - 1)) * 100).toFixed(2)} ${this.#top(y).toFixed(2)}`).join(
        "L",
      );
    const removed = line(deletion);
    return svg`${this.small ? svg`<path class="area" d="M0 ${this.#top(0)}L${removed}L100 ${this.#top(0)}Z"></path>` : nothing}
      <path class="insertion" d="M${line(insertion)}"></path><path d="M${removed}"></path>`;
  }

  /** Of a score, in per cent of the plot's height. */
  #top(value: number): number {
    return 100 - shareOf(spanOf(scoresOf(this.faithfulness)), value) * 100;
  }

  #scrubber(at: number) {
    const handle = (curve: Float32Array) =>
      html`<div class="handle" style="left: ${at * 100}%; top: ${this.#top(valueAt(curve, at))}%"></div>`;
    const { faithfulness } = this;
    return html`<div class="scrubber" style="left: ${at * 100}%"></div>
      ${faithfulness ? [handle(faithfulness.insertion), handle(faithfulness.deletion)] : nothing}`;
  }

  #scrub(event: PointerEvent): void {
    const plot = event.currentTarget as HTMLElement;
    if (this.at === null || event.button > 0 || (event.type === "pointermove" && !(event.buttons & 1))) return;
    if (event.type === "pointerdown") plot.setPointerCapture(event.pointerId);
    const { left, width } = plot.getBoundingClientRect();
    this.#fire((event.clientX - left) / width);
  }

  #key(event: KeyboardEvent): void {
    if (this.at === null) return;
    const step = event.shiftKey ? 0.1 : 0.01;
    const moved: Record<string, number> = {
      ArrowLeft: this.at - step,
      ArrowDown: this.at - step,
      ArrowRight: this.at + step,
      ArrowUp: this.at + step,
      PageDown: this.at - 0.1,
      PageUp: this.at + 0.1,
      Home: 0,
      End: 1,
    };
    if (!(event.key in moved)) return;
    event.preventDefault();
    this.#fire(moved[event.key]);
  }

  #fire(share: number): void {
    const detail = Math.round(Math.max(0, Math.min(1, share)) * 1000) / 1000;
    if (detail !== this.at) this.dispatchEvent(new CustomEvent("scrub", { detail }));
  }
}
