/** One sample: what it is, what it was taken for, which class is explained, and by which pixels. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { isDeltaHigh, nameOf, picturesOf } from "../derived";
import { sortValue, type Actions, type Attribution, type Card, type Faithfulness, type Sort } from "../state";
import { rasterSize } from "../styles/raster";
import { imageOf } from "../items";
import type { FeatureSpec, NDArray } from "../wire";
import { percent, score, signed } from "../format";
import { bullseye, check, cross, warning } from "./icons";
import { type Look, type Place, probed, SIDE, strongest } from "./map";
import type { Explain } from "./predictions";
import { base, results } from "./tokens";

/** Between two pictures, in CSS pixels. */
const GAP = 4;

const wholeOf = (attributions: readonly (Attribution | null)[]): number =>
  attributions.reduce((sum, attribution) => sum + (attribution ? attribution.positive - attribution.negative : 0), 0);

/** Pixels that are read out as a table. */
const TOP = 10;

/** By key: right and down. With Shift ten times as far. */
const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const LEAP = 10;

/** So far from the viewport, in CSS pixels, a card begins to be drawn. */
const AHEAD = "400px";

/** Which cards are near the viewport; where nobody can tell, all are. */
const nearby =
  typeof IntersectionObserver === "undefined"
    ? null
    : new IntersectionObserver(
        (entries) => {
          for (const { target, isIntersecting } of entries) (target as AttriscopeCard).near = isIntersecting;
        },
        { rootMargin: AHEAD, scrollMargin: AHEAD } as IntersectionObserverInit,
      );

export class AttriscopeCard extends LitElement {
  /** Replaced by the store whenever something in it changes. */
  @property({ attribute: false }) card!: Card;
  @property({ attribute: false }) classes: readonly string[] = [];
  @property({ attribute: false }) features: readonly FeatureSpec[] = [];
  @property({ attribute: false }) look!: Look;
  @property({ attribute: false }) actions!: Actions;
  /** What the samples are sorted by: its value is told. */
  @property() sort: Sort["by"] = "dataset";
  /** Drawn only near the viewport. */
  @property({ type: Boolean }) lazy = false;
  @own() near = nearby === null;
  /** The pixel under the pointer, or that the arrow keys have reached, in one picture of one feature. */
  @own() probe: { feature: number; picture: number; place: Place } | null = null;
  /** The focus is inside: until then, the card is one stop of the Tab key. */
  @own() entered = false;

  static override styles = [
    base,
    results,
    css`
      :host {
        display: block;
        min-width: 0;
        padding: 8px 12px;
      }
      .card {
        display: grid;
        outline-offset: 4px;
        grid-template-columns: auto minmax(0, 1fr);
        grid-template-rows: 20px auto auto;
        gap: 4px 0;
      }
      .side {
        padding-left: 16px;
        min-width: 0;
      }
      .head,
      .explaining {
        display: flex;
        align-items: center;
        min-width: 0;
        height: 20px;
      }
      .head,
      .shares {
        /* The pictures alone decide the column's width. */
        width: 0;
        min-width: 100%;
      }
      .id {
        flex: none;
        min-width: 32px;
        padding-right: 8px;
        color: var(--fg2);
      }
      .truth {
        display: flex;
        align-items: center;
        gap: 4px;
        flex: none;
        max-width: 60%;
        height: 20px;
        padding: 0;
        border: 0;
        background: none;
        font-weight: 600;
      }
      button.truth:hover .truncate {
        text-decoration: underline;
        text-underline-offset: 2px;
      }
      .correct svg {
        color: var(--ok);
      }
      .incorrect svg {
        color: var(--err0);
      }
      .predicted {
        flex: 0 1 auto;
        padding-left: 8px;
        color: var(--fg2);
      }
      .sorted {
        flex: none;
        margin-left: auto;
        padding-left: 8px;
        font-size: 11px;
        color: var(--fg2);
      }
      .sorted b {
        font-weight: 400;
        color: var(--fg);
      }
      .explaining {
        gap: 6px;
        font-size: 11px;
        color: var(--fg2);
      }
      .target {
        display: flex;
        align-items: center;
        gap: 4px;
        min-width: 0;
        font-size: 12px;
        font-weight: 600;
        color: var(--acct);
      }
      .target svg {
        color: var(--acc);
      }
      .scroll {
        min-width: 196px;
      }
      .pictures {
        position: relative;
        display: flex;
        gap: 4px;
        width: max-content;
      }
      .pictures attriscope-map {
        cursor: zoom-in;
      }
      .pictures + .pictures {
        margin-top: 4px;
      }
      .slot {
        display: grid;
        place-items: center;
        width: 96px;
        height: 96px;
        border: 1px dashed var(--line1);
        background: var(--tint);
        font-size: 11px;
        color: var(--fg2);
      }
      .stale attriscope-map:not(:first-child) {
        animation: recede 0s 150ms forwards;
      }
      .pending {
        position: absolute;
        left: 100px;
        width: 96px;
        height: 96px;
      }
      @keyframes fade {
        to {
          --faded: 0.3;
        }
      }
      @keyframes dim {
        to {
          color: var(--fg2);
        }
      }
      .error {
        width: 196px;
        height: 96px;
        padding: 6px 8px;
        overflow: auto;
        border: 1px dashed var(--err0);
        font-size: 11px;
        color: var(--err);
        overflow-wrap: anywhere;
      }
      .error.single {
        width: 96px;
      }
      .body {
        min-height: 96px;
      }
      .output {
        display: flex;
        justify-content: space-between;
        gap: 8px;
        line-height: 24px;
      }
      .numbers {
        display: flex;
        justify-content: space-between;
        height: 20px;
        align-items: center;
        font-size: 11px;
        color: var(--fg2);
        white-space: nowrap;
      }
      .numbers b {
        font-weight: 400;
        color: var(--fg);
      }
      /* Text stays readable. */
      .stale attriscope-share {
        animation: fade 0s 150ms forwards;
      }
      .stale :is(.numbers b, .high) {
        animation: dim 0s 150ms forwards;
      }
      @container (width < 600px) {
        .card {
          grid-template-columns: minmax(0, 1fr);
          grid-template-rows: 20px auto auto auto 20px auto;
        }
        .head,
        .shares {
          width: 100%;
        }
        .side {
          padding-left: 0;
        }
        .explaining {
          order: 2;
        }
        .body {
          order: 3;
        }
        .shares {
          order: 4;
        }
        .numbers {
          order: 5;
        }
        .scroll {
          overflow-x: auto;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    nearby?.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    nearby?.unobserve(this);
  }

  override shouldUpdate(): boolean {
    return this.near || !this.lazy;
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("entered") && !this.entered) this.probe = null;
  }

  override render() {
    const { card } = this;
    const stale = card.result && this.#isWaiting();
    return html`<div
      role="group"
      aria-label=${this.#summary()}
      aria-description=${this.entered ? nothing : "Enter goes in"}
      class="card ${stale ? "stale" : ""}"
      tabindex="0"
      ?data-uses-escape=${this.entered}
      @focusin=${(event: FocusEvent) => (this.entered = event.target !== event.currentTarget)}
      @focusout=${this.#leave}
      @keydown=${this.#goIn}
    >
      ${this.#head()}
      <div class="explaining side">${this.#target()}</div>
      <div class="scroll">${this.features.map((_, feature) => this.#pictures(feature))}</div>
      <div class="body side">${this.#body()}</div>
      <div class="shares">${this.features.map((spec, feature) => this.#share(spec, feature))}</div>
      <div class="numbers side">${this.#numbers()}</div>
    </div>`;
  }

  readonly #leave = ({ currentTarget, relatedTarget }: FocusEvent): void => {
    if (!(currentTarget as Element).contains(relatedTarget as Node | null)) this.entered = false;
  };

  readonly #goIn = (event: KeyboardEvent): void => {
    const card = event.currentTarget as HTMLElement;
    const inside = event.target !== card;
    // With Ctrl or Shift it runs the cell.
    if (event.ctrlKey || event.shiftKey) return;
    if (event.key === "Enter" && !inside) this.renderRoot.querySelector<HTMLElement>(".pictures")?.focus();
    else if (event.key === "Escape" && inside) card.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** A result that stays because its successor was refused is not waiting for one. */
  #isWaiting(): boolean {
    return this.card.status === "queued" || this.card.status === "running";
  }

  #name(index: number | null): string | null {
    return nameOf(this.card, this.classes, index);
  }

  #explain(target: number, all: boolean): void {
    if (all) this.actions.setTargetForAll(target);
    else this.actions.setTarget(this.card.sample.id, target);
  }

  #head() {
    const { sample, correct, predictions } = this.card;
    const truth = this.#name(sample.label);
    const predicted = predictions[0]?.label;
    const mark = correct === null ? nothing : correct ? check : cross;
    const verdict = correct === null ? "" : correct ? "correct" : "incorrect";
    const choosable = sample.label !== null && predictions.some(({ index }) => index === sample.label);
    const content = html`${mark}<span class="truncate">${truth}</span>`;
    return html`<div class="head">
      <span class="id">#${sample.id}</span>
      ${
        truth === null
          ? nothing
          : choosable
            ? html`<button
                class="truth ${verdict}"
                tabindex="-1"
                data-action="explain-truth"
                title="True class: ${truth}${verdict && `, predicted ${verdict}ly`}. Click explains it."
                @click=${({ shiftKey }: MouseEvent) => this.#explain(sample.label!, shiftKey)}
              >
                ${content}
              </button>`
            : html`<span class="truth ${verdict}" title="True class: ${truth}">${content}</span>`
      }
      ${
        predicted !== undefined && correct !== true
          ? html`<span
              class="predicted truncate"
              style=${truth === null ? "padding-left: 0" : nothing}
              title="Predicted: ${predicted}"
              >predicted ${predicted}</span
            >`
          : nothing
      }
      ${this.#sorted()}
    </div>`;
  }

  #sorted() {
    if (this.sort === "dataset") return nothing;
    const value = sortValue(this.card.sample, this.sort);
    const text = value === null ? "none" : score(value);
    return html`<span class="sorted" title="Sorted by ${this.sort}" data-sorted>${this.sort} <b>${text}</b></span>`;
  }

  #target() {
    const name = this.#name(this.card.target);
    if (name === null) return nothing;
    return html`explaining <span class="target" title=${name}>${bullseye}<span class="truncate">${name}</span></span>`;
  }

  #pictures(feature: number) {
    const { card, look } = this;
    const image = imageOf(card.sample, feature);
    const name = this.features[feature].name;
    const original = html`<attriscope-map
      .image=${image}
      .look=${look}
      .mark=${this.#markIn(feature)}
      label="${name}, sample ${card.sample.id}"
      data-picture="Original"
      @probe=${this.#probes(feature, 0)}
    ></attriscope-map>`;
    const attribution = card.result?.attributions[feature];
    return html`<div
      class="pictures"
      role="group"
      aria-label="Pictures of ${name}: ${attribution ? "arrow keys read pixels, " : ""}Enter opens Inspect"
      tabindex=${this.entered ? 0 : -1}
      data-feature=${feature}
      @click=${this.#click}
      @keydown=${this.#walk}
      @blur=${() => (this.probe = null)}
    >
      ${original}${this.#maps(feature, image)}${this.#readout(feature)}
      ${this.entered && attribution ? this.#spoken(feature, attribution) : nothing}
    </div>`;
  }

  #maps(feature: number, image: NDArray | null) {
    const { card, look } = this;
    const styles = picturesOf(look.display.style);
    const error = card.error ?? card.sample.error;
    if (error !== null) {
      const single = styles.length < 2 ? "single" : "";
      return html`<div class="error ${single}" tabindex=${this.entered ? 0 : -1} title=${error} data-error>
        ${error}
      </div>`;
    }
    const waiting = card.status === "running" ? percent(card.done) : "queued";
    const attribution = card.result?.attributions[feature];
    if (!attribution && card.result && !this.#isWaiting()) {
      const why = `${card.result.method} gives one map, which lies over another feature`;
      return styles.map((_, index) => html`<div class="slot" title=${why}>${index === 0 ? "no map" : nothing}</div>`);
    }
    if (!attribution) {
      return styles.map((_, index) => html`<div class="slot">${index === 0 ? waiting : nothing}</div>`);
    }
    const about = [
      card.result!.method,
      this.#name(card.result!.target) === null ? "" : `for ${this.#name(card.result!.target)}`,
      `share ${signed(attribution.share, 2)}`,
    ];
    const label = about.filter(Boolean).join(", ");
    return html`${styles.map(
      (style, index) =>
        html`<attriscope-map
          .image=${image}
          .attribution=${attribution}
          .picture=${style}
          .look=${look}
          .mark=${this.#markIn(feature)}
          label="${style.name}: ${label}"
          data-picture=${style.name}
          @probe=${this.#probes(feature, index + 1)}
        ></attriscope-map>`,
    )}
    ${this.#isWaiting() && styles.length > 0 ? html`<div class="pending"><span>${waiting}</span></div>` : nothing}`;
  }

  #markIn(feature: number): Place | null {
    return this.probe?.feature === feature && this.card.result ? this.probe.place : null;
  }

  #probes(feature: number, picture: number) {
    return ({ detail }: CustomEvent<Place | null>): void => {
      this.probe = detail && { feature, picture, place: detail };
    };
  }

  readonly #click = (event: MouseEvent): void => {
    if ((event.target as Element).localName === "attriscope-map") this.#inspect(event.currentTarget as HTMLElement);
  };

  #inspect({ dataset }: HTMLElement): void {
    if (this.features.length > 1) this.actions.setInspect({ feature: Number(dataset.feature) });
    this.actions.select(this.card.sample.id);
    this.actions.setView("inspect");
  }

  /** Arrow keys go from pixel to pixel, beginning with the strongest; Enter and Space open Inspect. */
  readonly #walk = (event: KeyboardEvent): void => {
    const pictures = event.currentTarget as HTMLElement;
    if (event.target !== pictures || event.ctrlKey) return;
    const feature = Number(pictures.dataset.feature);
    const attribution = this.card.result?.attributions[feature];
    const step = STEPS[event.key];
    if ((event.key === "Enter" || event.key === " ") && !event.shiftKey) this.#inspect(pictures);
    else if (step && attribution) {
      const { width, height } = rasterSize(attribution.shape);
      const times = event.shiftKey ? LEAP : 1;
      const move = (at: number, by: number, size: number): number =>
        Math.max(0.5 / size, Math.min(1 - 0.5 / size, at + (by * times) / size));
      const from = this.#markIn(feature);
      const [first = { u: 0.5, v: 0.5 }] = from ? [] : strongest(attribution, this.look, 1);
      const place = from ? { u: move(from.u, step[0], width), v: move(from.v, step[1], height) } : first;
      this.probe = { feature, picture: Math.min(1, picturesOf(this.look.display.style).length), place };
    } else return;
    event.preventDefault();
  };

  /** For readers who do not see the map: the pixel that was reached, and the strongest ones. */
  #spoken(feature: number, attribution: Attribution) {
    const place = this.#markIn(feature);
    const words = (at: Place) => {
      const { x, y, value, rank } = probed(attribution, this.look, at);
      return { x, y, rank, value: `${value < 0 ? "minus" : "plus"} ${score(Math.abs(value))}` };
    };
    const now = place && words(place);
    return html`<div class="silent">
      <p aria-live="polite">${now ? `x ${now.x} y ${now.y}, ${now.value}, rank ${now.rank}` : nothing}</p>
      <table>
        <caption>
          Strongest pixels of ${this.features[feature].name}
        </caption>
        <tr>
          <th>x</th>
          <th>y</th>
          <th>value</th>
        </tr>
        ${strongest(attribution, this.look, TOP).map((at) => {
          const { x, y, value } = words(at);
          return html`<tr>
            <td>${x}</td>
            <td>${y}</td>
            <td>${value}</td>
          </tr>`;
        })}
      </table>
    </div>`;
  }

  /** Position, value and rank of the pixel under the pointer, beside it and always over the pictures. */
  #readout(feature: number) {
    const attribution = this.card.result?.attributions[feature];
    const place = this.#markIn(feature);
    if (!attribution || !place) return nothing;
    const { x, y, value, rank } = probed(attribution, this.look, place);
    const whole = (1 + picturesOf(this.look.display.style).length) * (SIDE + GAP) - GAP;
    // Hanging by the same share of its own width, it never leaves the pictures.
    const across = ((this.probe!.picture * (SIDE + GAP) + place.u * SIDE) / whole) * 100;
    const top = place.v * SIDE;
    const down = top < SIDE / 2 ? `top: ${top + 10}px` : `bottom: ${SIDE - top + 10}px`;
    return html`<div class="probe" style="left: ${across}%; translate: ${-across}%; ${down}">
      x ${x}, y ${y} · ${signed(value, 3)} · rank ${rank}
    </div>`;
  }

  #body() {
    const { predictions, target, sample } = this.card;
    if (predictions.length > 0) {
      return html`<attriscope-predictions
        .predictions=${predictions}
        .target=${target}
        .truth=${sample.label}
        .skipped=${!this.entered}
        @explain=${({ detail }: CustomEvent<Explain>) => this.#explain(detail.target, detail.all)}
      ></attriscope-predictions>`;
    }
    const outputs = sample.outputs[0]?.scores.data ?? [];
    return Array.from(outputs as ArrayLike<number>)
      .slice(0, 4)
      .map(
        (value, index) =>
          html`<div class="output">
            <span>output${outputs.length > 1 ? ` ${index}` : ""}</span><span>${score(Number(value))}</span>
          </div>`,
      );
  }

  #share({ name }: FeatureSpec, feature: number) {
    const attributions = this.card.result?.attributions ?? [];
    return html`<attriscope-share
      .feature=${name}
      .attribution=${attributions[feature] ?? null}
      .whole=${wholeOf(attributions)}
    ></attriscope-share>`;
  }

  #numbers() {
    const { result } = this.card;
    if (!result) return nothing;
    const sum = result.attributions.reduce((total, attribution) => total + (attribution?.sum ?? 0), 0);
    return html`<span title="Total attribution, in units of the model's output: ${sum}"
        >sum <b>${signed(sum, 2, true)}</b></span
      >
      ${result.delta === null && result.faithfulness ? this.#auc(result.faithfulness.auc) : this.#delta()}`;
  }

  #auc({ deletion, insertion }: Faithfulness["auc"]) {
    return html`<span
      class="delta"
      title="How the score of the explained class changes when the strongest values are taken out (deletion: the lower the better) or put into a blurred picture (insertion: the higher the better): areas under the curves, 0 to 1"
      >del <b>${score(deletion)}</b> · ins <b>${score(insertion)}</b></span
    >`;
  }

  #delta() {
    const { delta, change } = this.card.result!;
    if (delta === null) return nothing;
    const high = isDeltaHigh(this.card.result!);
    const title =
      "sum − (f(x) − f(baseline))" +
      (change === null ? "" : `; f(x) − f(baseline) = ${signed(change, 4, true)}`) +
      (high ? ". More than 5 % of that change: the attributions do not add up well; more steps may help." : "");
    return html`<span class="delta ${high ? "high" : ""}" title=${title}>
      ${high ? warning : nothing}<span>Δ ${signed(delta, 3, high)}</span>
    </span>`;
  }

  /** The whole card as a sentence, for readers who do not see it. */
  #summary(): string {
    const { sample, predictions, correct, target, result, error, status } = this.card;
    const failure = error ?? sample.error;
    const about = [
      sample.label === null ? "" : `true ${this.#name(sample.label)}`,
      predictions.length > 0 ? `predicted ${predictions[0].label}` : "",
      correct === null ? "" : correct ? "correct" : "incorrect",
      target === null ? "" : `explaining ${this.#name(target)}`,
      failure === null ? "" : `error: ${failure}`,
      failure === null && status !== "ready" ? status : "",
      result && status === "ready"
        ? `share ${signed(
            result.attributions.reduce((sum, attribution) => sum + (attribution?.share ?? 0), 0),
            2,
          )}`
        : "",
      result && typeof result.delta === "number"
        ? `delta ${signed(result.delta, 3)}${isDeltaHigh(result) ? " high" : ""}`
        : "",
    ];
    return `Sample ${sample.id}: ${about.filter(Boolean).join(", ")}`;
  }
}
