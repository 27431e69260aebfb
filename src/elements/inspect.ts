/** The Inspect view: one sample large, what the model says when parts of it are changed, and how faithful the map is. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { baselineNameOf, channelNames, type Grid, isDeltaHigh, nameOf, picturesOf, Ranking } from "../derived";
import type { Actions, Attribution, Card, Inspect, Inspection, State } from "../state";
import { heatMap } from "../styles/heat-map";
import { rasterSize } from "../styles/raster";
import { countOf, imageOf, inView, itemsOf, maskOfItems, perItem, shownAs, UNITS } from "../items";
import type { FeatureSpec, Items, NDArray } from "../wire";
import { percent, plural, signed } from "../format";
import { box, brush, check, cross, warning } from "./icons";
import { type Look, scaleOf } from "./map";
import type { Pixel } from "./masks";
import type { Explain } from "./predictions";
import type { Segment } from "./segments";
import { type AttriscopeStage, type Pane, type Shape, STEP, type Stroke, type Tool } from "./stage";
import type { Edited } from "./table";
import { base, controls, results } from "./tokens";

const TOOLS: readonly (Segment & { value: Tool })[] = [
  { value: "point", label: "Point", title: "Read a pixel; a click keeps it (1)" },
  { value: "zoom", label: "Zoom", title: "Click or wheel; drag moves; double click or 0 shows all (2)" },
  { value: "paint", label: "Paint", title: "Hide pixels (3); Space hides them at the probe" },
  { value: "erase", label: "Erase", title: "Show them again (4)" },
];
const SHAPES: readonly (Segment & { value: Shape })[] = [
  { value: "brush", label: "Brush", title: "Paint and erase with a brush", icon: brush },
  { value: "box", label: "Box", title: "Paint and erase boxes", icon: box },
];
const FILLS: readonly [Inspect["fill"], string, string][] = [
  ["baseline", "baseline", "Hidden pixels are those of the baseline"],
  ["blur", "blur", "Hidden pixels are blurred"],
  ["mean", "mean", "Hidden pixels have the mean colour of the picture"],
];
const CHANNELS: readonly Segment[] = [
  { value: "sum", label: "Sum", title: "One map: the sum over the channels" },
  { value: "apart", label: "Apart", title: "One map for each channel, all on one scale" },
];

/** Of a window, and what the panel beside two of them needs, in CSS pixels. */
const [SIDE, PANEL] = [320, 312];
/** Padding at both sides, and the gap between two windows. */
const [PADDING, GAP] = [24, 12];
/** Where there is but one column, a window is as wide as that, up to here. */
const MAX_SIDE = 384;

/** So many channels can be told apart; of more, the strongest. */
const MAX_CHANNELS = 15;

const TABLE_ROWS = 10;

const MARKS: Partial<Record<FeatureSpec["kind"], string>> = {
  image: "Outlines the strongest pixels in both pictures",
  text: "Outlines the strongest tokens",
  general: "The names of the strongest values are bold",
};

/** How the view is laid out in so many CSS pixels, and the side of a window; compact: the tools have a line of their own. */
export function layoutOf(width: number): { layout: string; side: number } {
  const whole = (side: number): number => Math.max(3 * STEP, Math.floor(side / STEP) * STEP);
  const pair = (room: number): number => whole(Math.min(SIDE, (room - PADDING - GAP) / 2));
  const named = (name: string, side: number) => ({ layout: side < SIDE ? `${name} compact` : name, side });
  if (width >= 898) return named("wide", pair(width - PANEL));
  if (width >= 598) return named("medium", pair(width));
  return { layout: "narrow compact", side: whole(Math.min(MAX_SIDE, width - PADDING)) };
}

/** The slider's way goes with the square root: few pixels are told apart, many need not be. */
const countAt = (at: number, size: number): number => Math.round(at ** 2 * size);
const placeOf = (count: number, size: number): number => Math.sqrt(Math.min(count / size, 1));

const splits = new WeakMap<Attribution, Attribution[]>();

/** One attribution for each channel; their shares sum to that of the whole, as `whole` is the magnitude of all. */
function channelsOf(attribution: Attribution, whole: number): Attribution[] {
  const known = splits.get(attribution);
  if (known) return known;
  const { width, height } = rasterSize(attribution.shape);
  const size = width * height;
  const channels = Array.from({ length: attribution.values.length / size }, (_, c): Attribution => {
    const values = attribution.values.subarray(c * size, (c + 1) * size);
    const positive = values.reduce((sum, value) => sum + Math.max(value, 0), 0);
    const negative = values.reduce((sum, value) => sum + Math.min(value, 0), 0);
    const sum = positive + negative;
    return {
      values,
      shape: [1, height, width],
      sum,
      positive,
      negative,
      share: whole > 0 ? sum / whole : 0,
      contribution: 0,
    };
  });
  splits.set(attribution, channels);
  return channels;
}

const isWaiting = ({ status }: Card): boolean => status === "queued" || status === "running";

/** Next size of the brush: small ones differ by a pixel, large ones by a tenth. */
const resized = (size: number, step: number): number =>
  Math.max(1, step > 0 ? Math.max(size + 1, Math.round(size * 1.1)) : Math.min(size - 1, Math.round(size / 1.1)));

export class AttriscopeInspect extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) look!: Look;
  @property({ attribute: false }) actions!: Actions;
  @own() tool: Tool = "point";
  @own() shape: Shape = "brush";
  /** Diameter of the brush; null: a fitting one. */
  @own() size: number | null = null;
  @own() probe: Pixel | null = null;
  /** The token under the pointer or with the focus. */
  @own() token: number | null = null;
  @own() width = 1038;

  /** The pixels that can be probed and ranked; of a text or a row one for each token or value. */
  #grid: Grid = { width: 1, height: 1 };
  /** Sample and feature in view. */
  #subject = "";
  #ranking: { of: unknown[]; made: Ranking; first: number[] } | null = null;
  #panes: { of: unknown[]; input: Pane; maps: Pane[] } | null = null;
  #gauge: ResizeObserver | null = null;

  static override styles = [
    base,
    results,
    controls,
    css`
      :host {
        display: block;
        padding: 0;
      }
      .view {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
      }
      .view.wide {
        grid-template-columns: calc(2 * var(--window-side) + 36px) minmax(0, 1fr);
      }
      .main,
      .panel {
        min-width: 0;
        padding: 0 12px;
      }
      .panel {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        align-content: start;
        border-top: 1px solid var(--line);
      }
      .wide .panel {
        border-top: 0;
        border-left: 1px solid var(--line);
      }
      .medium:not(.compact) .panel {
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        gap: 25px;
      }
      attriscope-faithfulness {
        border-top: 1px solid var(--line);
        padding: 4px 0 8px;
      }
      .medium:not(.compact) attriscope-faithfulness {
        position: relative;
        border-top: 0;
      }
      .medium:not(.compact) attriscope-faithfulness::before {
        content: "";
        position: absolute;
        inset: 0 auto 0 -13px;
        border-left: 1px solid var(--line);
      }
      .head {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 0 12px;
        height: 40px;
      }
      .compact .head {
        display: grid;
        height: auto;
        padding-bottom: 6px;
      }
      .sample,
      .tools {
        display: flex;
        align-items: center;
        gap: 8px;
        min-width: 0;
        height: 32px;
      }
      .tools {
        flex: none;
      }
      .compact .tools {
        flex-wrap: wrap;
        height: auto;
        gap: 8px;
      }
      .id {
        flex: none;
        color: var(--fg2);
      }
      .truth {
        display: flex;
        align-items: center;
        gap: 4px;
        min-width: 0;
        font-weight: 600;
      }
      .correct svg {
        color: var(--ok);
      }
      .incorrect svg {
        color: var(--err0);
      }
      attriscope-target {
        min-width: 40px;
      }
      .replacement {
        display: flex;
        align-items: center;
        gap: 4px;
        min-width: 0;
        height: 32px;
        white-space: nowrap;
        color: var(--fg2);
      }
      .replacement b {
        font-weight: 400;
        color: var(--fg);
      }
      .size {
        gap: 4px;
      }
      .size input {
        width: 48px;
      }
      .size span {
        width: 20px;
        text-align: right;
        color: var(--fg);
      }
      .feature {
        padding-top: 8px;
      }
      .feature select {
        max-width: 240px;
      }
      .items {
        position: relative;
        padding: 4px 0 20px;
      }
      attriscope-text {
        --text-height: 416px;
      }
      attriscope-table {
        max-height: 520px;
        overflow-y: auto;
        scrollbar-width: thin;
      }
      .items .note {
        position: absolute;
        bottom: 2px;
        left: 0;
        font-size: 11px;
        color: var(--fg2);
      }
      .items .error {
        margin: 8px 0 0;
        padding: 8px;
        border: 1px dashed var(--err0);
        background: var(--tint);
        font-size: 11px;
        color: var(--err);
        overflow-wrap: anywhere;
      }
      .unshown {
        margin: 0;
        padding: 12px;
        border: 1px dashed var(--line1);
        background: var(--tint);
        color: var(--fg2);
      }
      .readout {
        display: flex;
        align-items: center;
        gap: 16px;
        height: 28px;
        overflow: hidden;
        border-bottom: 1px solid var(--line);
        font-size: 11px;
        white-space: nowrap;
        color: var(--fg2);
      }
      .narrow .readout {
        gap: 10px;
      }
      .readout b {
        font-weight: 400;
        color: var(--fg);
      }
      .below {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0 12px;
        min-height: 40px;
      }
      .below > * {
        height: 40px;
      }
      .outline input {
        width: 72px;
      }
      .outline .figure {
        width: 104px;
        color: var(--fg);
      }
      .below attriscope-segments {
        display: flex;
        align-items: center;
      }
      .legend {
        flex: none;
        display: flex;
        align-items: center;
        container-type: inline-size;
        width: 244px;
      }
      attriscope-legend {
        margin-left: auto;
      }
      .compact attriscope-legend {
        margin-left: 0;
      }
      attriscope-film {
        padding: 4px 0 8px;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    // What is measured has no height: it changes with the width alone.
    if (typeof ResizeObserver === "undefined") return;
    this.#gauge = new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width > 0) this.width = Math.round(contentRect.width);
    });
    if (this.hasUpdated) this.#measure();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#gauge?.disconnect();
  }

  #measure(): void {
    this.#gauge?.observe(this.renderRoot.querySelector(".gauge")!);
  }

  override firstUpdated(): void {
    this.#measure();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    const { inspection } = this.state;
    if (!changed.has("state") || !inspection) return;
    const items = this.#items;
    const { width, height } = items ? { width: items.length, height: 1 } : inspection;
    if (width !== this.#grid.width || height !== this.#grid.height) this.#grid = { width, height };
    const subject = `${inspection.card.sample.id} ${this.#feature}`;
    if (subject !== this.#subject) this.probe = this.token = null;
    this.#subject = subject;
  }

  override render() {
    const { inspection } = this.state;
    const { layout, side } = layoutOf(this.width);
    return html`<div class="gauge"></div>
      ${
        inspection
          ? html`<div class="view ${layout}" style="--window-side: ${side}px" @keydown=${this.#key}>
              <div class="main">
                ${this.#features()}${this.#head(inspection)}${this.#shown(inspection, side)}${this.#readout(inspection)}
                ${this.#below(inspection)}${this.#film(inspection.card)}${this.#table(inspection)}
              </div>
              <div class="panel">
                <attriscope-what-if .state=${this.state} .actions=${this.actions}></attriscope-what-if>
                <attriscope-faithfulness
                  .state=${this.state}
                  .look=${this.look}
                  .actions=${this.actions}
                ></attriscope-faithfulness>
              </div>
            </div>`
          : nothing
      }`;
  }

  get #chosen(): Inspect {
    return this.state.choice.inspect;
  }

  /** Index of the feature in view; -1 where none is shown. */
  get #feature(): number {
    return inView(this.state.features, this.#chosen.feature);
  }

  get #spec(): FeatureSpec | null {
    return this.state.features[this.#feature] ?? null;
  }

  /** Of the feature in view; null where it is a picture, or none is shown. */
  get #items(): Items | null {
    const { inspection } = this.state;
    return inspection && itemsOf(inspection.card.sample, this.#feature);
  }

  get #unit(): string {
    return UNITS[this.#spec?.kind ?? "empty"];
  }

  // -- the line above the pictures

  #head({ card }: Inspection) {
    const { sample, correct, predictions, target } = card;
    const truth = nameOf(card, this.state.classes, sample.label);
    const verdict = correct === null ? "" : correct ? "correct" : "incorrect";
    return html`<div class="head">
      <div class="sample">
        <span class="id">#${sample.id}</span>
        ${
          truth === null
            ? nothing
            : html`<span
                class="truth ${verdict}"
                title="True class: ${truth}${predictions.length ? `; predicted: ${predictions[0].label}` : ""}"
                >${correct === null ? nothing : correct ? check : cross}<span class="truncate">${truth}</span></span
              >`
        }
        ${
          target === null
            ? nothing
            : html`<attriscope-target
                stop
                .predictions=${predictions}
                .target=${target}
                .truth=${sample.label}
                @explain=${({ detail }: CustomEvent<Explain>) => this.#explain(sample.id, detail)}
              ></attriscope-target>`
        }
      </div>
      ${this.#spec?.kind === "image" ? html`<div class="tools">${this.#tools()}</div>` : this.#replacement()}
    </div>`;
  }

  /** Tokens and values have but one: that of the baseline. */
  #replacement() {
    if (!this.#spec) return nothing;
    const name = html`<b class="truncate">${baselineNameOf(this.state, this.#feature)}</b>`;
    return this.#spec.kind === "text"
      ? html`<div class="replacement" title="Hidden tokens are replaced by those of this baseline">
          hidden tokens become ${name}
        </div>`
      : html`<div class="replacement" title="Delete on a value puts that of this baseline there">
          compared with ${name}
        </div>`;
  }

  #explain(sample: number, { target, all }: Explain): void {
    if (all) this.actions.setTargetForAll(target);
    else this.actions.setTarget(sample, target);
  }

  #features() {
    const shown = this.state.features.flatMap(({ name, kind }, index) => (kind === "empty" ? [] : [{ name, index }]));
    if (shown.length < 2) return nothing;
    const choose = (event: Event): void =>
      this.actions.setInspect({ feature: Number((event.target as HTMLSelectElement).value) });
    return html`<label class="field feature">
      <span>feature</span>
      <select class="control" data-control="feature" @change=${choose}>
        ${shown.map(
          ({ name, index }) =>
            html`<option value=${index} ?selected=${index === this.#feature} .selected=${index === this.#feature}>
              ${name}
            </option>`,
        )}
      </select>
    </label>`;
  }

  #tools() {
    const size = this.#size;
    const most = this.#mostSize;
    const { fill } = this.#chosen;
    const read = (event: Event): string => (event.target as HTMLInputElement | HTMLSelectElement).value;
    return html`<attriscope-segments
        label="Tool"
        .segments=${TOOLS}
        .value=${this.tool}
        data-control="tool"
        @choose=${({ detail }: CustomEvent<Tool>) => (this.tool = detail)}
      ></attriscope-segments>
      <attriscope-segments
        label="Shape"
        .segments=${SHAPES}
        .value=${this.shape}
        data-control="shape"
        @choose=${({ detail }: CustomEvent<Shape>) => (this.shape = detail)}
      ></attriscope-segments>
      <label class="field size" title="Diameter of the brush, in pixels ([ and ])">
        <span class="silent">size</span>
        <input
          type="range"
          min="1"
          max=${most}
          data-control="size"
          style="--at: ${most > 1 ? (size - 1) / (most - 1) : 0}"
          ?disabled=${this.shape === "box" || most === 1}
          .value=${live(String(size))}
          @input=${(event: Event) => (this.size = Number(read(event)))}
        />
        <span>${size}</span>
      </label>
      <select
        class="control"
        aria-label="What hides the pixels"
        title=${FILLS.find(([name]) => name === fill)![2]}
        data-control="fill"
        @change=${(event: Event) => this.actions.setInspect({ fill: read(event) as Inspect["fill"] })}
      >
        ${FILLS.map(
          ([name, label, title]) =>
            html`<option value=${name} title=${title} ?selected=${name === fill} .selected=${name === fill}>
              ${label}
            </option>`,
        )}
      </select>`;
  }

  get #mostSize(): number {
    return Math.max(1, Math.ceil(Math.max(this.#grid.width, this.#grid.height) / 2));
  }

  get #size(): number {
    const fitting = Math.max(1, Math.round(Math.max(this.#grid.width, this.#grid.height) * 0.15));
    return Math.min(this.size ?? fitting, this.#mostSize);
  }

  #key(event: KeyboardEvent): void {
    const { key, ctrlKey, metaKey, altKey } = event;
    const typing = (event.composedPath()[0] as Element).matches("select, input:not([type=range], [type=checkbox])");
    const stage = this.renderRoot.querySelector<AttriscopeStage>("attriscope-stage");
    if (ctrlKey || metaKey || altKey || typing || !stage) return;
    const acts: Record<string, () => void> = {
      "[": () => (this.size = resized(this.#size, -1)),
      "]": () => (this.size = Math.min(resized(this.#size, 1), this.#mostSize)),
      "+": () => stage.zoomBy(1.5),
      "=": () => stage.zoomBy(1.5),
      "-": () => stage.zoomBy(1 / 1.5),
      "0": () => stage.showAll(),
    };
    TOOLS.forEach(({ value }, i) => (acts[i + 1] = () => (this.tool = value)));
    acts[key]?.();
    if (key in acts) event.preventDefault();
  }

  // -- the pictures, the text or the row

  #shown(inspection: Inspection, side: number) {
    switch (this.#spec?.kind) {
      case "image":
        return this.#stage(inspection, side);
      case "text":
        return this.#itemised(inspection, this.#text(inspection));
      case "general":
        return this.#itemised(inspection, this.#row(inspection));
      default:
        return html`<p class="unshown">
          All features of this model are attributed, but none is shown: each is an EmptyFeature. An ImageFeature,
          TextFeature or GeneralFeature in its place can be seen and changed here.
        </p>`;
    }
  }

  #text({ card, painted, error }: Inspection) {
    const items = this.#items!;
    const masked = maskOfItems(painted, items.length);
    const toggle = ({ detail }: CustomEvent<number>): void => {
      const pixels = painted.slice();
      const size = pixels.length / items.length;
      this.actions.paint(pixels.fill(1 - masked[detail], detail * size, (detail + 1) * size), true);
    };
    return html`<attriscope-text
      .items=${items}
      .attribution=${this.#attributionOf(card)}
      .shape=${card.sample.inputs[this.#feature].shape}
      .look=${this.look}
      .masked=${masked}
      .top=${this.#top}
      ?stale=${isWaiting(card)}
      ?maskable=${error === null}
      stop
      label="${this.#spec!.name}, sample ${card.sample.id}. Space or Delete hides a token, and shows it again."
      @probe=${({ detail }: CustomEvent<number | null>) => (this.token = detail)}
      @toggle=${toggle}
    ></attriscope-text>`;
  }

  #row({ card, painted, edited, error }: Inspection) {
    const { sample } = card;
    const { shape, data } = sample.inputs[this.#feature];
    const baselines = sample.baselines[this.#feature];
    const baseline = baselines[Math.min(this.state.baseline, baselines.length - 1)];
    return html`<attriscope-table
      .categories=${this.#spec!.categories}
      .items=${this.#items!}
      .inputs=${data}
      .baseline=${baseline?.data ?? null}
      .edited=${edited}
      .masked=${painted}
      .attribution=${this.#attributionOf(card)}
      .shape=${shape}
      .look=${this.look}
      .top=${this.#top}
      ?stale=${isWaiting(card)}
      ?editable=${error === null}
      label="${this.#spec!.name}, sample ${sample.id}"
      @edit=${({ detail }: CustomEvent<Edited>) => this.actions.edit(detail.place, detail.value)}
    ></attriscope-table>`;
  }

  /** With what there is to say about its scores. */
  #itemised({ card }: Inspection, content: unknown) {
    const error = card.error ?? card.sample.error;
    return html`<div class="items">
      ${content}
      ${
        error === null
          ? html`<div class="note">${this.#waiting(card)}</div>`
          : html`<div class="error" data-error>${error}</div>`
      }
    </div>`;
  }

  #attributionOf({ result }: Card): Attribution | null {
    return result?.attributions[this.#feature] ?? null;
  }

  /** What there is in place of scores, or of those of now; undefined where nothing is missing. */
  #waiting(card: Card): string | undefined {
    const { result, status, done } = card;
    if (isWaiting(card)) return status === "running" ? percent(done) : "queued";
    if (this.#attributionOf(card)) return undefined;
    return result ? `${result.method} gives one map, which lies over another feature` : "no map";
  }

  #stage(inspection: Inspection, side: number) {
    const { card, painted, error } = inspection;
    const feature = this.#feature;
    const { input, maps } = this.#pictures(inspection);
    return html`<attriscope-stage
      .subject=${`${card.sample.id} ${feature}`}
      .input=${input}
      .maps=${maps}
      .side=${side}
      .grid=${this.#grid}
      .look=${this.look}
      .ranking=${this.#ranked(card)}
      .top=${this.#top}
      .painted=${painted}
      .tool=${this.tool}
      .shape=${this.shape}
      .size=${this.#size}
      ?readonly=${error !== null}
      @probe=${({ detail }: CustomEvent<Pixel | null>) => (this.probe = detail)}
      @paint=${({ detail }: CustomEvent<Stroke>) => this.actions.paint(detail.pixels, detail.done)}
    ></attriscope-stage>`;
  }

  /** The same ones as long as nothing in them changes: the probe goes over them often. */
  #pictures(inspection: Inspection): { input: Pane; maps: Pane[] } {
    const of = [inspection, this.look, this.#feature, this.#chosen.channels, this.state.method];
    if (!this.#panes || of.some((input, i) => input !== this.#panes!.of[i]))
      this.#panes = { of, input: this.#input(inspection), maps: this.#maps(inspection) };
    return this.#panes;
  }

  #input({ card, painted, after }: Inspection): Pane {
    const { id } = card.sample;
    const hidden = countOf(painted);
    const about = [
      this.state.features[this.#feature].name,
      `sample ${id}`,
      hidden ? `${plural(hidden, "pixel")} hidden` : "",
    ];
    return {
      name: "input",
      image: after?.picture ?? imageOf(card.sample, this.#feature),
      attribution: null,
      picture: null,
      scale: null,
      label: about.filter(Boolean).join(", "),
    };
  }

  #maps({ card }: Inspection): Pane[] {
    const { result, sample } = card;
    const attribution = this.#attributionOf(card);
    const target = nameOf(card, this.state.classes, result?.target ?? card.target);
    // Only the heat map says that it is empty.
    const blank = attribution !== null && scaleOf(attribution, this.look.display) === 0;
    const style = blank ? heatMap : (picturesOf(this.look.display.style).at(-1) ?? heatMap);
    const pane: Pane = {
      name: "map",
      image: imageOf(sample, this.#feature),
      attribution,
      picture: style,
      scale: null,
      label: [
        `${style.name}: ${result?.method ?? this.state.method}`,
        target === null ? "" : `for ${target}`,
        attribution ? `share ${signed(attribution.share, 2)}` : "",
      ]
        .filter(Boolean)
        .join(", "),
      error: card.error ?? sample.error ?? undefined,
      waiting: this.#waiting(card),
    };
    if (!attribution || pane.error !== undefined || this.#chosen.channels === "sum") return [pane];
    return this.#apart(pane, attribution, card);
  }

  /** A map for each channel and one of their sum, all divided by what divides the channels taken together. */
  #apart(pane: Pane, attribution: Attribution, { result }: Card): Pane[] {
    const whole = result!.attributions.reduce((sum, other) => sum + (other ? other.positive - other.negative : 0), 0);
    const channels = channelsOf(attribution, whole);
    if (channels.length < 2) return [pane];
    const names = channelNames(channels.length);
    const magnitude = ({ positive, negative }: Attribution): number => positive - negative;
    const strongest = new Set([...channels].sort((a, b) => magnitude(b) - magnitude(a)).slice(0, MAX_CHANNELS));
    const scale = scaleOf(together(attribution), this.look.display);
    const panes = channels.map((channel, c) => this.#channel(pane, channel, names[c], scale));
    return [...panes.filter((_, c) => strongest.has(channels[c])), this.#channel(pane, attribution, "sum", scale)];
  }

  #channel(pane: Pane, attribution: Attribution, name: string, scale: number): Pane {
    const share = signed(attribution.share, 2);
    return {
      ...pane,
      name,
      attribution,
      scale,
      label: `${name}, share ${share}. ${pane.label}`,
      caption: [name, share],
    };
  }

  #ranked(card: Card): Ranking | null {
    const whole = this.#attributionOf(card);
    const attribution = whole && this.#items ? perItem(whole, card.sample.inputs[this.#feature].shape) : whole;
    if (!attribution || card.error !== null) return null;
    const of = [attribution, this.#grid, this.look.display.sign];
    if (!this.#ranking || of.some((input, i) => input !== this.#ranking!.of[i])) {
      const made = new Ranking(attribution, this.#grid, this.look.display.sign);
      this.#ranking = { of, made, first: made.first(TABLE_ROWS) };
    }
    return this.#ranking.made;
  }

  get #top(): number {
    return Math.min(this.#chosen.top, this.#grid.width * this.#grid.height);
  }

  // -- the lines below them

  #readout({ card }: Inspection) {
    const { result } = card;
    const high = result !== null && isDeltaHigh(result);
    return html`<div class="readout">
      ${this.#read(card)}
      ${
        typeof result?.delta === "number"
          ? html`<span
              class="delta ${high ? "high" : ""}"
              title="sum − (f(x) − f(baseline))${
                result.change === null ? "" : `; f(x) − f(baseline) = ${signed(result.change, 4, true)}`
              }"
              >${high ? warning : nothing}<span>Δ ${signed(result.delta, 3, high)}</span></span
            >`
          : nothing
      }
    </div>`;
  }

  #read(card: Card) {
    switch (this.#spec?.kind) {
      case "image":
        return this.#pixel(card);
      case "text":
        return this.#readToken(card);
      case "general":
        return html`<span class="truncate">change a value: Enter tries it, Escape takes it back</span>`;
      default:
        return nothing;
    }
  }

  #readToken(card: Card) {
    const { token } = this;
    if (token === null) return html`<span class="truncate">point at a token to read it; a click hides it</span>`;
    const ranking = this.#ranked(card);
    return html`<b class="truncate" dir="auto">${shownAs(this.#items![token])}</b> ${
        ranking
          ? html`<span>attribution <b>${signed(ranking.values[token], 4, true)}</b></span>
              <span>rank ${ranking.rank(token)} of ${ranking.values.length}</span>`
          : nothing
      }`;
  }

  #pixel(card: Card) {
    const { probe } = this;
    if (!probe) return html`<span>point at a pixel to read it</span>`;
    const image = imageOf(card.sample, this.#feature);
    const attribution = this.#attributionOf(card);
    const unit = image?.dtype === "uint8" ? 1 : 255;
    const colour = image ? valuesAt(image, probe, this.#grid).map((value) => Math.round(value * unit)) : [];
    const word = colour.length >= 3 ? "RGB" : "grey";
    const parts = attribution ? valuesAt(attribution, probe, this.#grid) : [];
    const names = channelNames(parts.length);
    return html`<span>x ${probe.x} y ${probe.y}</span>
      <span>${word} <b>${colour.join(" ")}</b></span>
      ${
        parts.length > 0
          ? html`<span
              >attribution
              <b
                >${signed(
                  parts.reduce((a, b) => a + b, 0),
                  4,
                  true,
                )}</b
              ></span
            >`
          : nothing
      }
      ${
        parts.length > 1 && parts.length <= 4
          ? html`<span title="Attribution of each channel; they sum to that of the pixel"
              >${parts.map((value, c) => html`${names[c]} <b>${signed(value, 3)}</b> `)}</span
            >`
          : nothing
      }`;
  }

  #below({ card }: Inspection) {
    if (!this.#spec) return nothing;
    const { kind } = this.#spec;
    const size = this.#grid.width * this.#grid.height;
    const top = this.#top;
    const channels =
      this.#attributionOf(card)
        ?.shape.slice(0, -2)
        .reduce((a, b) => a * b, 1) ?? 1;
    const count = top < 1e4 ? plural(top, this.#unit) : `${Math.round(top / 1000)}k ${this.#unit}s`;
    const text = top === 0 ? "none" : `${count}, ${((top / size) * 100).toFixed(1)} %`;
    const { ramp, display } = this.look;
    return html`<div class="below">
      <label class="field outline" title=${MARKS[kind] ?? nothing}>
        <span>${kind === "general" ? "mark" : "outline"} top</span>
        <input
          type="range"
          min="0"
          max="1"
          step="0.005"
          data-control="top"
          style="--at: ${placeOf(top, size)}"
          aria-valuetext=${text}
          .value=${live(String(placeOf(top, size)))}
          @input=${(event: Event) =>
            this.actions.setInspect({ top: countAt(Number((event.target as HTMLInputElement).value), size) })}
          @keydown=${(event: KeyboardEvent) => this.#countByKey(event, size)}
        />
        <span class="figure">${text}</span>
      </label>
      ${
        kind === "image"
          ? html`<attriscope-segments
              label="Channels"
              .segments=${CHANNELS}
              .value=${this.#chosen.channels}
              data-control="channels"
              style=${channels > 1 ? nothing : "visibility: hidden"}
              @choose=${({ detail }: CustomEvent<Inspect["channels"]>) => this.actions.setInspect({ channels: detail })}
            ></attriscope-segments>`
          : nothing
      }
      <div class="legend"><attriscope-legend .ramp=${ramp} .sign=${display.sign}></attriscope-legend></div>
    </div>`;
  }

  /** A step of the slider is less than one pixel at its start, and many at its end; the arrow keys count them. */
  #countByKey(event: KeyboardEvent, size: number): void {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const top = this.#top + step * (event.shiftKey ? 10 : 1);
    this.actions.setInspect({ top: Math.max(0, Math.min(size, top)) });
  }

  #film({ sample }: Card) {
    return html`<attriscope-film
      .cards=${this.state.cards}
      .selected=${sample.id}
      .classes=${this.state.classes}
      .feature=${this.#feature}
      .spec=${this.#spec}
      .look=${this.look}
      .hasPrevious=${this.state.hasPrevious}
      .hasNext=${this.state.hasNext}
      @choose=${({ detail }: CustomEvent<number>) => this.actions.select(detail)}
      @turn=${({ detail }: CustomEvent<1 | -1>) => (detail > 0 ? this.actions.next() : this.actions.previous())}
    ></attriscope-film>`;
  }

  /** For readers who do not see the map or the shades; a row is a table already. */
  #table({ card }: Inspection) {
    if (!this.#ranked(card) || this.#spec!.kind === "general") return nothing;
    const { made, first } = this.#ranking!;
    if (!first.length) return nothing;
    const items = this.#items;
    const { width } = this.#grid;
    const place = (i: number) =>
      items
        ? html`<td>${shownAs(items[i])}</td>`
        : html`<td>${i % width}</td>
            <td>${Math.floor(i / width)}</td>`;
    return html`<table class="silent">
      <caption>
        The ${first.length} strongest ${this.#unit}s
      </caption>
      <tr>
        ${
          items
            ? html`<th>token</th>`
            : html`<th>x</th>
                <th>y</th>`
        }
        <th>attribution</th>
      </tr>
      ${first.map(
        (i) =>
          html`<tr>
            ${place(i)}
            <td>${signed(made.values[i], 3, true)}</td>
          </tr>`,
      )}
    </table>`;
  }
}

/** All channels as one tall map, so that they are scaled together. */
const tall = new WeakMap<Attribution, Attribution>();
function together(attribution: Attribution): Attribution {
  const { width } = rasterSize(attribution.shape);
  const { values } = attribution;
  const made = tall.get(attribution) ?? {
    ...attribution,
    values: values.slice(),
    shape: [values.length / width, width],
  };
  tall.set(attribution, made);
  return made;
}

/** What the channels hold at a pixel of the grid. */
function valuesAt({ shape, data, values }: Partial<NDArray & Attribution>, { x, y }: Pixel, grid: Grid): number[] {
  const { width, height } = rasterSize(shape!);
  const all = (data ?? values)!;
  const size = width * height;
  const at = Math.floor((y * height) / grid.height) * width + Math.floor((x * width) / grid.width);
  return Array.from({ length: all.length / size }, (_, c) => Number(all[c * size + at]));
}
