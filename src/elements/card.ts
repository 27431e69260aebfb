/** One sample: what it is, what it was taken for, which class is explained, and by which pixels, tokens or values. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { isDeltaHigh, itemRanking, nameOf, picturesOf } from "../derived";
import { sortValue, type Actions, type Attribution, type Card, type Faithfulness, type Sort } from "../state";
import { rasterSize } from "../styles/raster";
import { imageOf, isWide, itemsOf, shownAs } from "../items";
import type { FeatureSpec, NDArray } from "../wire";
import { percent, score, signed, spoken } from "../format";
import { bullseye, check, cross, warning } from "./icons";
import { type Look, type Place, probed, SIDE, strongest } from "./map";
import { Nearby } from "./nearby";
import type { Explain } from "./predictions";
import { base, results } from "./tokens";

/** Between two pictures, in CSS pixels. */
const GAP = 4;

const wholeOf = (attributions: readonly (Attribution | null)[]): number =>
  attributions.reduce((sum, attribution) => sum + (attribution ? attribution.positive - attribution.negative : 0), 0);

/** Pixels or tokens that are read out as a table, tokens that are told in a line, and in the summary. */
const TOP = 10;
const TOLD = 4;
const SUMMED_UP = 2;

/** Most values of a row that are shown. */
const MOST = 8;

/** By key: right and down. With Shift ten times as far. */
const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const LEAP = 10;

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
      :host([wide]) {
        padding: 0;
        .card {
          grid-template: auto / minmax(0, 1fr) clamp(200px, 26%, 265px);
          gap: 0;
          outline-offset: -2px;
        }
        .head {
          width: 100%;
        }
        .explaining {
          flex: none;
          max-width: 50%;
          padding-left: 20px;
        }
        .pending {
          position: static;
          width: auto;
          height: 20px;
          padding-left: 12px;
        }
        .body {
          min-height: 0;
        }
        .error {
          width: 100%;
          height: auto;
          max-height: 96px;
        }
      }
      .main,
      .gallery {
        display: flex;
        gap: 8px 16px;
        min-width: 0;
      }
      .main {
        flex-direction: column;
        padding: 8px 16px 12px 12px;
      }
      .gallery {
        flex-wrap: wrap;
      }
      .panel {
        min-width: 0;
        padding: 10px 12px 8px 16px;
        border-left: 1px solid var(--line);
      }
      .foot {
        margin-top: 6px;
        padding-top: 4px;
        border-top: 1px solid var(--line);
      }
      .feature {
        position: relative;
        min-width: 0;
      }
      .name {
        margin-bottom: 4px;
        font-size: 11px;
        color: var(--fg2);
      }
      /* Half a line tells that there is more. */
      attriscope-text {
        --text-height: 143px;
      }
      .row {
        cursor: zoom-in;
      }
      .told {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
        height: 32px;
        margin-top: 2px;
        overflow: hidden;
        font-size: 11px;
        line-height: 16px;
        color: var(--fg2);
      }
      .pair {
        white-space: nowrap;
      }
      .word {
        display: inline-block;
        max-width: 96px;
        vertical-align: top;
      }
      @container (width < 600px) {
        :host([wide]) {
          .card {
            grid-template: auto auto / minmax(0, 1fr);
          }
          .head {
            flex-wrap: wrap;
            height: auto;
          }
          .explaining {
            order: 1;
            flex: 1 0 100%;
            max-width: none;
            padding: 0;
          }
        }
        .main {
          padding: 8px 12px;
        }
        .panel {
          padding: 0 12px 8px;
          border: 0;
        }
        .gallery {
          overflow-x: auto;
        }
        .told {
          -webkit-line-clamp: 1;
          height: 16px;
        }
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

  readonly #nearby = new Nearby(this);

  override shouldUpdate(): boolean {
    return this.#nearby.isNear || !this.lazy;
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("entered") && !this.entered) this.probe = null;
    this.toggleAttribute("wide", isWide(this.features));
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
      ${isWide(this.features) ? this.#wide() : this.#pictured()}
    </div>`;
  }

  /** Pictures, and beside them what the model says. */
  #pictured() {
    return html`<div class="head">${this.#head()}${this.#sorted()}</div>
      <div class="explaining side">${this.#target()}</div>
      <div class="scroll">${this.#ofKind("image").map((feature) => this.#pictures(feature))}</div>
      <div class="body side">${this.#body()}</div>
      <div class="shares">${this.#shares()}</div>
      <div class="numbers side">${this.#numbers()}</div>`;
  }

  /** Everything below each other, pictures first, and what the model says in a panel. */
  #wide() {
    const [pictures, texts, rows] = (["image", "text", "general"] as const).map((kind) => this.#ofKind(kind));
    const error = this.card.error ?? this.card.sample.error;
    const count = pictures.length + texts.length + rows.length;
    const named = (feature: number, content: unknown) => {
      const why = this.#whyAbsent(feature);
      const { name } = this.features[feature];
      const about = html`<div class="name truncate" title=${name}>${name}${why && ` · ${why}`}</div>`;
      return html`<div class="feature">${count > 1 || why ? about : nothing}${content}</div>`;
    };
    return html`<div class="main">
        <div class="head">
          ${this.#head()}
          <div class="explaining">${this.#target()}</div>
          ${this.#isWaiting() ? html`<div class="pending"><span>${this.#progress()}</span></div>` : nothing}
          ${this.#sorted()}
        </div>
        ${
          pictures.length
            ? html`<div class="gallery">${pictures.map((feature) => named(feature, this.#pictures(feature)))}</div>`
            : nothing
        }
        ${texts.map((feature) => named(feature, this.#text(feature)))}
        ${rows.map((feature) => named(feature, this.#row(feature)))}
        ${count ? nothing : html`<div class="name">All features are attributed, but none is shown.</div>`}
        ${error === null ? nothing : this.#error(error)}
      </div>
      <div class="panel">
        <div class="caps">Prediction</div>
        <div class="body">${this.#body()}</div>
        <div class="foot">
          ${this.#shares()}
          <div class="numbers">${this.#numbers()}</div>
          ${texts.map((feature) => this.#told(feature, texts.length > 1))}
        </div>
      </div>`;
  }

  /** Indices of the features of a kind. */
  #ofKind(kind: FeatureSpec["kind"]): number[] {
    return this.features.flatMap((spec, feature) => (spec.kind === kind ? [feature] : []));
  }

  readonly #leave = ({ currentTarget, relatedTarget }: FocusEvent): void => {
    if (!(currentTarget as Element).contains(relatedTarget as Node | null)) this.entered = false;
  };

  readonly #goIn = (event: KeyboardEvent): void => {
    const card = event.currentTarget as HTMLElement;
    const inside = event.target !== card;
    // With Ctrl or Shift it runs the cell.
    if (event.ctrlKey || event.shiftKey) return;
    if (event.key === "Enter" && !inside) this.renderRoot.querySelector<HTMLElement>("[data-feature]")?.focus();
    else if (event.key === "Escape" && inside) card.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** A result that stays because its successor was refused is not waiting for one. */
  #isWaiting(): boolean {
    return this.card.status === "queued" || this.card.status === "running";
  }

  #progress(): string {
    return this.card.status === "running" ? percent(this.card.done) : "queued";
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
    return html`<span class="id">#${sample.id}</span> ${
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
      }`;
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
      ${this.entered && attribution ? this.#spokenPixels(feature, attribution) : nothing}
    </div>`;
  }

  #maps(feature: number, image: NDArray | null) {
    const { card, look } = this;
    const styles = picturesOf(look.display.style);
    const error = card.error ?? card.sample.error;
    if (error !== null) return isWide(this.features) ? nothing : this.#error(error, styles.length < 2 ? "single" : "");
    const attribution = card.result?.attributions[feature];
    if (!attribution) {
      const why = this.#whyAbsent(feature);
      const words = why === null ? this.#progress() : "no map";
      return styles.map(
        (_, index) => html`<div class="slot" title=${why ?? nothing}>${index === 0 ? words : nothing}</div>`,
      );
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
    ${
      this.#isWaiting() && styles.length > 0 && !isWide(this.features)
        ? html`<div class="pending"><span>${this.#progress()}</span></div>`
        : nothing
    }`;
  }

  #error(error: string, size = "") {
    return html`<div class="error ${size}" tabindex=${this.entered ? 0 : -1} title=${error} data-error>${error}</div>`;
  }

  /** Why a finished explanation says nothing about the feature; null where it does, or is not finished. */
  #whyAbsent(feature: number): string | null {
    const { result } = this.card;
    return result && !result.attributions[feature] && !this.#isWaiting()
      ? `${result.method} gives one map, which lies over another feature`
      : null;
  }

  #markIn(feature: number): Place | null {
    return this.probe?.feature === feature && this.card.result ? this.probe.place : null;
  }

  #probes(feature: number, picture: number) {
    return ({ detail }: CustomEvent<Place | null>): void => {
      this.probe = detail && { feature, picture, place: detail };
    };
  }

  #text(feature: number) {
    const { card } = this;
    const { name } = this.features[feature];
    const attribution = card.result?.attributions[feature] ?? null;
    return html`<attriscope-text
        .items=${itemsOf(card.sample, feature)!}
        .attribution=${attribution}
        .shape=${card.sample.inputs[feature].shape}
        .look=${this.look}
        ?stale=${this.#isWaiting()}
        ?stop=${this.entered}
        label="${name}, sample ${card.sample.id}: arrow keys read tokens, Enter opens Inspect"
        data-feature=${feature}
        @open=${this.#open}
      ></attriscope-text>
      ${this.entered && attribution ? this.#spokenTokens(feature) : nothing}`;
  }

  #row(feature: number) {
    const { card } = this;
    const { name, categories } = this.features[feature];
    const { shape, data } = card.sample.inputs[feature];
    return html`<div
      class="row"
      role="group"
      aria-label="Values of ${name}: Enter opens Inspect"
      tabindex=${this.entered ? 0 : -1}
      data-feature=${feature}
      @click=${this.#open}
      @keydown=${this.#press}
    >
      <attriscope-table
        .categories=${categories}
        .items=${itemsOf(card.sample, feature)!}
        .inputs=${data}
        .attribution=${card.result?.attributions[feature] ?? null}
        .shape=${shape}
        .look=${this.look}
        .most=${MOST}
        ?stale=${this.#isWaiting()}
        label="Values of ${name}, the strongest first"
      ></attriscope-table>
    </div>`;
  }

  readonly #click = (event: MouseEvent): void => {
    if ((event.target as Element).localName === "attriscope-map") this.#inspect(event.currentTarget as HTMLElement);
  };

  #inspect({ dataset }: HTMLElement): void {
    if (this.features.length > 1) this.actions.setInspect({ feature: Number(dataset.feature) });
    this.actions.select(this.card.sample.id);
    this.actions.setView("inspect");
  }

  readonly #open = ({ currentTarget }: Event): void => this.#inspect(currentTarget as HTMLElement);

  /** Enter and Space open Inspect. */
  readonly #press = (event: KeyboardEvent): void => {
    const { key, target, currentTarget, ctrlKey, shiftKey } = event;
    if (target !== currentTarget || ctrlKey || shiftKey || !(key === "Enter" || key === " ")) return;
    this.#inspect(currentTarget as HTMLElement);
    event.preventDefault();
  };

  /** Arrow keys go from pixel to pixel, beginning with the strongest. */
  readonly #walk = (event: KeyboardEvent): void => {
    const pictures = event.currentTarget as HTMLElement;
    const feature = Number(pictures.dataset.feature);
    const attribution = this.card.result?.attributions[feature];
    const step = STEPS[event.key];
    if (event.target !== pictures || event.ctrlKey || !step || !attribution) return this.#press(event);
    const { width, height } = rasterSize(attribution.shape);
    const times = event.shiftKey ? LEAP : 1;
    const move = (at: number, by: number, size: number): number =>
      Math.max(0.5 / size, Math.min(1 - 0.5 / size, at + (by * times) / size));
    const from = this.#markIn(feature);
    const [first = { u: 0.5, v: 0.5 }] = from ? [] : strongest(attribution, this.look, 1);
    const place = from ? { u: move(from.u, step[0], width), v: move(from.v, step[1], height) } : first;
    this.probe = { feature, picture: Math.min(1, picturesOf(this.look.display.style).length), place };
    event.preventDefault();
  };

  /** For readers who do not see the map: the pixel that was reached, and the strongest ones. */
  #spokenPixels(feature: number, attribution: Attribution) {
    const place = this.#markIn(feature);
    const words = (at: Place) => {
      const { value, ...rest } = probed(attribution, this.look, at);
      return { ...rest, value: spoken(value, 3) };
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

  /** Tokens say their scores themselves once they have the focus. */
  #spokenTokens(feature: number) {
    return html`<table class="silent">
      <caption>
        Strongest tokens of ${this.features[feature].name}
      </caption>
      <tr>
        <th>token</th>
        <th>value</th>
      </tr>
      ${this.#strongest(feature, TOP).map(
        ({ word, value }) =>
          html`<tr>
            <td>${word}</td>
            <td>${spoken(value, 3)}</td>
          </tr>`,
      )}
    </table>`;
  }

  /** The strongest tokens of a text or values of a row; none where nothing is known of them. */
  #strongest(feature: number, count: number): { word: string; value: number }[] {
    const { sample, result } = this.card;
    const items = itemsOf(sample, feature);
    const { shape } = sample.inputs[feature];
    const ranking = items && itemRanking(result?.attributions[feature], shape, this.look.display.sign);
    if (!ranking) return [];
    const { kind, categories } = this.features[feature];
    return ranking
      .first(Math.min(count, items.length))
      .map((i) => ({ word: kind === "text" ? shownAs(items[i]) : categories[i], value: ranking.values[i] }));
  }

  /** The strongest tokens of a text, in a line or two whose place is kept. */
  #told(feature: number, named: boolean) {
    const strongest = this.#strongest(feature, TOLD);
    const of = named ? ` of ${this.features[feature].name}` : "";
    return html`<div class="told">
      ${
        strongest.length
          ? html`strongest${of}:
            ${strongest.map(
              ({ word, value }, i) =>
                html`<span class="pair"
                  ><span class="word truncate" title=${word}>${word}</span> ${signed(value, 2, true)}${
                    i < strongest.length - 1 ? "," : ""
                  }</span
                > `,
            )}`
          : nothing
      }
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
        .skipped=${!this.entered && this.features.some(({ kind }) => kind !== "empty")}
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

  #shares() {
    const attributions = this.card.result?.attributions ?? [];
    return this.features.map(
      ({ name }, feature) =>
        html`<attriscope-share
          .feature=${name}
          .attribution=${attributions[feature] ?? null}
          .whole=${wholeOf(attributions)}
        ></attriscope-share>`,
    );
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
      title="How the score of the explained class changes when the strongest values are taken out (deletion: the lower the better) or put in (insertion: the higher the better): areas under the curves, 0 to 1"
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
      status === "ready" ? this.#strongestInWords() : "",
      result && typeof result.delta === "number"
        ? `delta ${signed(result.delta, 3)}${isDeltaHigh(result) ? " high" : ""}`
        : "",
    ];
    return `Sample ${sample.id}: ${about.filter(Boolean).join(", ")}`;
  }

  #strongestInWords(): string {
    const words = this.features.flatMap((_, feature) => this.#strongest(feature, SUMMED_UP));
    return words.length
      ? `strongest ${words.map(({ word, value }) => `${word} ${spoken(value, 2)}`).join(" and ")}`
      : "";
  }
}
