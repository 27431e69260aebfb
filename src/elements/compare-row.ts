/** One sample of Compare: what it is, then one cell for each column. Fires "open" with the column as detail. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { bestOf, isDeltaHigh, itemRanking, nameOf } from "../derived";
import type { Actions, Attribution, Card, Column, CompareCell, Result } from "../state";
import { styleNamed } from "../styles/index";
import { imageOf, inWords, itemsOf, shownAs } from "../items";
import { percent, score, signed } from "../format";
import { check, cross, warning } from "./icons";
import { type Look, type Place, probed } from "./map";
import { Nearby } from "./nearby";
import type { Explain } from "./predictions";
import type { AttriscopeTarget } from "./target";
import { base, results } from "./tokens";
import type { FeatureSpec, Items } from "../wire";

/** Side of the sample's own picture, and least inner width of a cell, in CSS pixels. */
const THUMBNAIL = 64;
const INNER = 194;

/** Lines of a table in a cell, the one that tells of the rest among them. */
const LINES = 5;

/** Two lists of the same objects are the same. */
const elementwise = <T>(now: readonly T[], before: readonly T[] | undefined): boolean =>
  now.length !== before?.length || now.some((value, i) => value !== before[i]);

const isWaiting = ({ status }: CompareCell): boolean => status === "queued" || status === "running";

/** What counts: a result that is there and not about to be replaced. */
const areasOf = (cell: CompareCell): { deletion: number; insertion: number } | null =>
  (!isWaiting(cell) && cell.result?.faithfulness?.auc) || null;

/** Deletion and insertion with their names, for cells and means. */
export const figures = (
  deletion: number | null,
  insertion: number | null,
  best: { deletion: boolean; insertion: boolean },
) => {
  const figure = (name: string, title: string, value: number | null, bold: boolean) =>
    html`<dt title=${title}>${name}</dt>
      <dd class=${bold ? "best" : ""}>
        ${value === null ? "–" : score(value)}${bold ? html`<span class="silent">best</span>` : nothing}
      </dd>`;
  return html`${figure("deletion", "Area under the deletion curve, 0 to 1: the lower the better", deletion, best.deletion)}
  ${figure("insertion", "Area under the insertion curve, 0 to 1: the higher the better", insertion, best.insertion)}`;
};

/** For cells and means. */
export const figureStyles = css`
  dl {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    grid-auto-rows: 15px;
    margin: 0;
    font-size: 11px;
    line-height: 15px;
    white-space: nowrap;
  }
  dt {
    color: var(--fg2);
  }
  dd {
    margin: 0;
    text-align: right;
    color: var(--fg2);
  }
  .best {
    font-weight: 600;
    color: var(--fg);
  }
`;

export class AttriscopeCompareRow extends LitElement {
  @property({ attribute: false }) card!: Card;
  /** One for each column; a cell is replaced when something in it changes. */
  @property({ attribute: false, hasChanged: elementwise }) cells: readonly CompareCell[] = [];
  @property({
    attribute: false,
    hasChanged: (now: Column[], before?: Column[]) => headed(now) !== headed(before ?? []),
  })
  columns: readonly Column[] = [];
  /** The columns are models: each cell says what its own predicts. */
  @property({ type: Boolean, reflect: true }) models = false;
  /** Index of the feature in view, and what it is; -1 and null where none is shown. */
  @property({ type: Number }) feature = 0;
  @property({ attribute: false }) spec: FeatureSpec | null = null;
  @property({ attribute: false }) classes: readonly string[] = [];
  @property({ attribute: false }) look!: Look;
  /** What everything is divided by; null: each by its own. */
  @property({ attribute: false }) scale: number | null = null;
  /** The place that the Tab key leads to, 0 being the sample; null where it lies in another row. */
  @property({ attribute: false }) stop: number | null = null;
  @property({ attribute: false }) actions!: Actions;
  /** Drawn only near the viewport. */
  @property({ type: Boolean }) lazy = false;
  /** The pixel under the pointer, marked in all maps; where it is, and in which cell. */
  @own() probe: { column: number; place: Place } | null = null;
  /** The token under the pointer, marked in all texts, and in which cell it is. */
  @own() token: { column: number; index: number } | null = null;

  static override styles = [
    base,
    results,
    figureStyles,
    css`
      :host {
        display: grid;
        grid-template-columns: var(--template);
        height: 113px;
        border-bottom: 1px solid var(--line);
      }
      :host([models]) {
        height: 131px;
      }
      :host([items]) {
        height: 158px;
      }
      :host([items][models]) {
        height: 180px;
      }
      :focus-visible {
        outline-offset: -2px;
      }
      .sample {
        position: sticky;
        left: 0;
        z-index: 2;
        display: grid;
        grid-template: 64px 28px / 64px minmax(0, 1fr);
        column-gap: 12px;
        padding: 8px 8px 0 12px;
        background: var(--bg);
      }
      :host([items]) .sample {
        grid-template: 18px minmax(0, 1fr) auto / minmax(0, 1fr);
        padding-bottom: 8px;
      }
      :host([items]) .about {
        display: flex;
        gap: 8px;
      }
      :host([items]) .id {
        flex: none;
      }
      :host([items]) .truth {
        min-width: 0;
      }
      .thumbnail,
      .words {
        cursor: pointer;
      }
      .words {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 6;
        align-self: start;
        overflow: hidden;
        overflow-wrap: anywhere;
        line-height: 16px;
        font-size: 11px;
        color: var(--fg2);
      }
      :host([models]) .words {
        -webkit-line-clamp: 7;
      }
      .about {
        min-width: 0;
      }
      .about:first-child {
        grid-column: 1 / -1;
      }
      .id {
        line-height: 18px;
        font-size: 11px;
        color: var(--fg2);
      }
      .truth {
        display: flex;
        align-items: center;
        gap: 4px;
        font-weight: 600;
      }
      .correct svg {
        color: var(--ok);
      }
      .incorrect svg {
        color: var(--err0);
      }
      attriscope-target {
        grid-column: 1 / -1;
        min-width: 0;
        padding-top: 2px;
      }
      .output {
        grid-column: 1 / -1;
        line-height: 24px;
        font-size: 11px;
        color: var(--fg2);
      }
      .output b {
        font-weight: 400;
        color: var(--fg);
      }
      .cell {
        position: relative;
        display: grid;
        grid-template-columns: 96px minmax(88px, 176px);
        align-content: start;
        gap: 2px 10px;
        min-width: 0;
        padding: 8px 10px 8px 12px;
        border-left: 1px solid var(--line);
      }
      .predicted {
        grid-column: 1 / 3;
        display: flex;
        align-items: center;
        gap: 4px;
        height: 16px;
        font-size: 11px;
        color: var(--fg2);
      }
      .predicted b {
        font-weight: 600;
        color: var(--fg);
      }
      .predicted span:last-child {
        color: var(--fg);
      }
      .map {
        cursor: pointer;
      }
      .items {
        --text-lines: 5;
        grid-column: 1 / 3;
        height: 90px;
        cursor: pointer;
      }
      :host([items]) .cell {
        grid-template-columns: 96px minmax(88px, 1fr);
        row-gap: 6px;
      }
      :host([items]) .figures {
        display: contents;
      }
      :host([items]) dl {
        max-width: 176px;
      }
      .tip {
        top: 100px;
        left: 12px;
        display: flex;
        gap: 6px;
        max-width: calc(100% - 22px);
      }
      :host([models]) .tip {
        top: 122px;
      }
      attriscope-curve {
        width: 100%;
        margin-bottom: 6px;
      }
      .slot {
        display: grid;
        place-items: center;
        width: 96px;
        height: 96px;
        padding: 4px;
        border: 1px dashed var(--line1);
        background: var(--tint);
        font-size: 11px;
        text-align: center;
        color: var(--fg2);
      }
      .error {
        grid-column: 1 / 3;
        height: 96px;
        padding: 6px 8px;
        border: 1px dashed var(--err0);
        font-size: 11px;
        color: var(--err);
        overflow-wrap: anywhere;
        cursor: pointer;
      }
      :host([items]) .slot {
        grid-column: 1 / 3;
        width: 100%;
        height: 90px;
      }
      .error span {
        display: -webkit-box;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 5;
        overflow: hidden;
      }
      .stale attriscope-map,
      .stale .figures {
        animation: recede 0s 150ms forwards;
      }
      .pending {
        position: absolute;
        inset: auto auto 8px 12px;
        width: 96px;
        height: 96px;
        pointer-events: none;
      }
      :host([items]) .pending {
        inset: auto 10px 59px 12px;
        width: auto;
        height: 90px;
      }
      @container (width < 600px) {
        .sample {
          grid-template: 64px 16px 20px / 64px minmax(0, 1fr);
          column-gap: 4px;
          padding: 6px 4px 0 12px;
        }
        .about {
          display: contents;
        }
        .truth {
          grid-column: 1 / 3;
        }
        attriscope-target {
          padding: 0;
        }
      }
    `,
  ];

  readonly #nearby = new Nearby(this);

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute("role", "row");
  }

  get #isDrawn(): boolean {
    return !this.lazy || this.#nearby.isNear || this.stop !== null;
  }

  /** @param column 0 is the sample */
  async focusCell(column: number): Promise<void> {
    if (!this.#isDrawn) {
      this.stop = column;
      await this.updateComplete;
    }
    this.renderRoot.querySelector<HTMLElement>(`[data-column="${column}"]`)?.focus();
  }

  /** What Enter does on the sample. */
  chooseTarget(): void {
    void this.renderRoot.querySelector<AttriscopeTarget & HTMLElement>("attriscope-target")?.show();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("columns") || changed.has("card") || changed.has("feature")) this.probe = this.token = null;
    this.toggleAttribute("items", this.#items !== null);
    if (this.#isDrawn) this.removeAttribute("aria-busy");
    else this.setAttribute("aria-busy", "true");
  }

  override render() {
    if (!this.#isDrawn) return nothing;
    const areas = this.cells.map(areasOf);
    const deletion = bestOf(
      areas.map((area) => area?.deletion ?? null),
      "lowest",
    );
    const insertion = bestOf(
      areas.map((area) => area?.insertion ?? null),
      "highest",
    );
    return html`${this.#sample()}
    ${this.columns.map((column, i) => {
      const cell = this.cells[i];
      return cell ? this.#cell(cell, column, i, { deletion: deletion[i], insertion: insertion[i] }) : nothing;
    })}`;
  }

  #name(index: number | null): string | null {
    return nameOf(this.card, this.classes, index);
  }

  /** Of the input of the feature in view. */
  get #shape(): readonly number[] {
    return this.card.sample.inputs[this.feature].shape;
  }

  /** Of the feature in view; null where it is a picture, or none is shown. */
  get #items(): Items | null {
    return itemsOf(this.card.sample, this.feature);
  }

  #sample() {
    const { sample, correct, target, predictions } = this.card;
    const truth = this.#name(sample.label);
    const verdict = correct === null ? "" : correct ? "correct" : "incorrect";
    const about = [
      `Sample ${sample.id}`,
      truth === null ? "" : `true ${truth}`,
      verdict,
      target === null ? "" : `explaining ${this.#name(target)}`,
    ];
    const explain = ({ detail }: CustomEvent<Explain>): void => {
      if (detail.all) this.actions.setTargetForAll(detail.target);
      else this.actions.setTarget(sample.id, detail.target);
    };
    return html`<div
      class="sample"
      role="rowheader"
      tabindex=${this.stop === 0 ? 0 : -1}
      aria-label=${about.filter(Boolean).join(", ")}
      data-column="0"
    >
      ${this.#items ? nothing : this.#thumbnail()}
      <div class="about">
        <div class="id">#${sample.id}</div>
        ${
          truth === null
            ? nothing
            : html`<div class="truth ${verdict}" title="True class: ${truth}${verdict && `, predicted ${verdict}ly`}">
                ${correct === null ? nothing : correct ? check : cross}<span class="truncate" dir="auto">${truth}</span>
              </div>`
        }
      </div>
      ${this.#items ? this.#words(this.#items) : nothing}
      ${
        predictions.length > 0
          ? html`<attriscope-target
              .predictions=${predictions}
              .target=${target}
              .truth=${sample.label}
              @explain=${explain}
            ></attriscope-target>`
          : this.#output()
      }
    </div>`;
  }

  #thumbnail() {
    const { sample } = this.card;
    const image = imageOf(sample, this.feature);
    if (!image) return nothing;
    return html`<attriscope-map
      class="thumbnail"
      .image=${image}
      .look=${this.look}
      .side=${THUMBNAIL}
      label="${this.spec?.name}, sample ${sample.id}"
      @click=${() => this.#open(null)}
    ></attriscope-map>`;
  }

  #words(items: Items) {
    const words = inWords(items, this.spec!);
    return html`<div class="words" dir="auto" title=${words} @click=${() => this.#open(null)}>${words}</div>`;
  }

  /** In place of a target, where there are no classes. */
  #output() {
    const values = this.card.sample.outputs[0]?.scores.data ?? [];
    return values.length === 1 ? html`<div class="output">output <b>${score(Number(values[0]))}</b></div>` : nothing;
  }

  #cell(cell: CompareCell, column: Column, index: number, best: { deletion: boolean; insertion: boolean }) {
    const stale = cell.result !== null && isWaiting(cell);
    return html`<div
      class="cell ${stale ? "stale" : ""}"
      role="gridcell"
      tabindex=${this.stop === index + 1 ? 0 : -1}
      aria-busy=${isWaiting(cell) ? "true" : nothing}
      aria-disabled=${stale ? "true" : nothing}
      data-column=${index + 1}
      data-status=${cell.status}
    >
      ${this.models ? this.#predicted(cell) : nothing}${this.#content(cell, column, index, best)}
    </div>`;
  }

  #predicted({ predictions: [first] }: CompareCell) {
    if (!first) return html`<div class="predicted"></div>`;
    const { label } = this.card.sample;
    return html`<div class="predicted" title="Predicted: ${first.label}, ${first.score}">
      <span>predicted</span><b class="truncate" dir="auto">${first.label}</b><span>${score(first.score)}</span>
      ${
        label === null
          ? nothing
          : first.index === label
            ? html`<span class="correct">${check}</span>`
            : html`<span class="incorrect">${cross}</span>`
      }
    </div>`;
  }

  #content(cell: CompareCell, column: Column, index: number, best: { deletion: boolean; insertion: boolean }) {
    if (column.whyNot !== undefined) return html`<div class="slot" title=${column.whyNot}>not here</div>`;
    const error = cell.error ?? this.card.sample.error;
    if (error !== null)
      return html`<div class="error" title=${error} data-error @click=${() => this.#open(index)}>
        <span>${error}</span>
      </div>`;
    const waiting = cell.status === "running" ? percent(cell.done) : "queued";
    const areas = cell.result?.faithfulness?.auc ?? null;
    return html`${this.#shown(cell, index, waiting)}
      <div class="figures">
        <attriscope-curve
          small
          aria-hidden="true"
          .faithfulness=${cell.result?.faithfulness ?? null}
        ></attriscope-curve>
        <dl>${figures(areas?.deletion ?? null, areas?.insertion ?? null, best)}${this.#delta(cell.result)}</dl>
      </div>
      ${cell.result && isWaiting(cell) ? html`<div class="pending"><span>${waiting}</span></div>` : nothing}`;
  }

  /** The map, the text or the row. */
  #shown(cell: CompareCell, index: number, waiting: string) {
    const { result } = cell;
    if (!result) return html`<div class="slot">${waiting}</div>`;
    const open = () => this.#open(index);
    if (!this.spec) {
      const why = "All features are attributed, but none is shown";
      return html`<div class="slot map" title=${why} @click=${open}>not shown</div>`;
    }
    const attribution = result.attributions[this.feature];
    if (!attribution) {
      const why = `${result.method} gives one map, which lies over another feature`;
      return html`<div class="slot map" title=${why} @click=${open}>no map</div>`;
    }
    const target = this.#name(result.target);
    const label = `${result.method}${target === null ? "" : ` for ${target}`}, share ${signed(attribution.share, 2)}`;
    if (this.#items) return this.#itemised(this.#items, attribution, cell, index, label);
    return html`<attriscope-map
        class="map"
        .image=${imageOf(this.card.sample, this.feature)}
        .attribution=${attribution}
        .picture=${styleNamed(this.look.display.style)}
        .look=${this.look}
        .scale=${this.scale}
        .mark=${this.probe?.place ?? null}
        label=${label}
        data-picture=${result.method}
        @click=${open}
        @probe=${({ detail }: CustomEvent<Place | null>) => (this.probe = detail && { column: index, place: detail })}
      ></attriscope-map>
      ${this.probe?.column === index ? this.#readout(attribution, this.probe.place) : nothing}`;
  }

  #itemised(items: Items, attribution: Attribution, cell: CompareCell, index: number, label: string) {
    const { spec, look, scale, token } = this;
    const stale = isWaiting(cell);
    const open = () => this.#open(index);
    if (spec!.kind === "general")
      return html`<attriscope-table
        class="items"
        small
        most=${items.length > LINES ? LINES - 1 : LINES}
        ?stale=${stale}
        .categories=${spec!.categories}
        .items=${items}
        .attribution=${attribution}
        .shape=${this.#shape}
        .look=${look}
        .scale=${scale}
        label=${label}
        @click=${open}
      ></attriscope-table>`;
    return html`<attriscope-text
        class="items"
        small
        ?stale=${stale}
        .items=${items}
        .attribution=${attribution}
        .shape=${this.#shape}
        .look=${look}
        .scale=${scale}
        .mark=${token?.index ?? null}
        label=${label}
        @click=${open}
        @probe=${({ detail }: CustomEvent<number | null>) =>
          (this.token = detail === null ? null : { column: index, index: detail })}
      ></attriscope-text>
      ${token?.column === index ? this.#tip(items, attribution, token.index) : nothing}`;
  }

  /** The token under the pointer, its score and rank, below the text. */
  #tip(items: Items, attribution: Attribution, index: number) {
    const ranking = itemRanking(attribution, this.#shape, this.look.display.sign);
    if (!ranking) return nothing;
    return html`<div class="probe tip">
      <b class="truncate">${shownAs(items[index])}</b>
      <span>${signed(ranking.values[index], 3, true)} · rank ${ranking.rank(index)}</span>
    </div>`;
  }

  /** Position, value and rank of the pixel under the pointer, beside it and inside the cell. */
  #readout(attribution: Attribution, place: Place) {
    const { x, y, value, rank } = probed(attribution, this.look, place, this.scale);
    const down = place.v < 0.5 ? `bottom: 12px` : `bottom: 84px`;
    return html`<div
      class="probe"
      style="left: calc(12px + ${place.u} * ${INNER}px); translate: ${-place.u * 100}%; ${down}"
    >
      x ${x}, y ${y} · ${signed(value, 3)} · rank ${rank}
    </div>`;
  }

  #delta(result: Result | null) {
    const delta = result?.delta ?? null;
    const high = result !== null && isDeltaHigh(result);
    const about =
      "sum of attributions − (f(x) − f(baseline))" +
      (result?.change ? `; f(x) − f(baseline) = ${signed(result.change, 4, true)}` : "") +
      (high ? ". More than 5 % of that change: the attributions do not add up well; more steps may help." : "") +
      (result && delta === null ? ". This method does not promise that they add up." : "");
    return html`<dt title=${about}>Δ</dt>
      <dd class="delta ${high ? "high" : ""}" title=${about}>
        ${high ? html`${warning}<span class="silent">high</span>` : nothing}${delta === null ? "–" : signed(delta, 3, high)}
      </dd>`;
  }

  #open(detail: number | null): void {
    this.dispatchEvent(new CustomEvent("open", { detail }));
  }
}

/** What a row takes from its columns; their means are none of its business. */
const headed = (columns: readonly Column[]): string =>
  columns.map(({ title, whyNot }) => JSON.stringify([title, whyNot])).join();
