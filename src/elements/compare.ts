/** The Compare view: do methods, or models, agree, and which one is faithful? Samples as rows, pins or models as columns. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { bestOf, initialsOf, rowScales } from "../derived";
import type { Arguments } from "../methods/method";
import type { Actions, Attribution, Column, CompareCell, Comparison, Display, State } from "../state";
import { scaleName } from "./columns";
import { type AttriscopeCompareRow, figures, figureStyles } from "./compare-row";
import { plural } from "../format";
import { inView, itemScale, itemsOf, takenUnitOf, unitOf } from "../items";
import { cross, warning } from "./icons";
import { type Look, scaleOf } from "./map";
import { Reorder } from "./reorder";
import { base, controls, results } from "./tokens";

type Method = State["methods"][number];

/** Of the two kinds of methods, and cheap enough to be a start. */
const SUGGESTIONS = [
  "Integrated Gradients",
  "Saliency",
  "Layer Grad Cam",
  "Occlusion",
  "Deep Lift",
  "Feature Ablation",
];
const SUGGESTED = 4;

/** The method that is chosen anyway, then those that differ most from each other, as far as they can be applied. */
export function suggested(methods: readonly Method[], chosen: string): string[] {
  const usable = methods.filter(({ whyNot }) => whyNot === undefined).map(({ name }) => name);
  const known = SUGGESTIONS.filter((name) => usable.includes(name));
  const first = usable.includes(chosen) ? [chosen] : [];
  return [...new Set([...first, ...known, ...usable])].slice(0, SUGGESTED);
}

/** Scales that are asked for with every change of the state, by what they depend on beside the values. */
const scales = new WeakMap<Float32Array, { key: string; scale: number }>();

/** @param shape of the input where it lies over items; null: it is a map */
function ownScale(attribution: Attribution, display: Display, shape: readonly number[] | null): number {
  const key = `${display.sign} ${display.clip}`;
  const known = scales.get(attribution.values);
  if (known?.key === key) return known.scale;
  const scale = shape === null ? scaleOf(attribution, display) : itemScale(attribution, shape, display.sign);
  scales.set(attribution.values, { key, scale });
  return scale;
}

/** What there will be, before anything of it is known. */
function awaited({ choice, models, cards, model }: State): Comparison {
  const { columns, pins } = choice.compare;
  const none = { detail: "", rho: null, deletion: null, insertion: null };
  const pin = { method: choice.method, arguments: {} };
  const cell: CompareCell = { status: "queued", done: 0, result: null, stale: false, error: null, predictions: [] };
  const heads: Column[] =
    columns === "models"
      ? models.map((title, index) => ({ ...none, title, pin, model: index }))
      : pins.map((pinned) => ({ ...none, title: pinned.method, pin: pinned, model }));
  return { columns: heads, rows: cards.map(() => heads.map(() => cell)) };
}

/** So many columns of maps fit into the width that the design is for; of more, a part shows that there are more. */
const FIT = 4;
/** Least widths of a column, in CSS pixels: one of those that fit, one of more than fit, and one of texts or rows. */
const [FITTING, PARTLY, WORDY] = [217, 228, 240];
/** So many rows are always drawn, wherever they are; of more, those near the viewport. */
const EAGER = 16;

/** A place in the table: row 0 holds the heads, the last one the means; column 0 the samples. */
interface Stop {
  row: number;
  column: number;
}

export class AttriscopeCompare extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) look!: Look;
  @property({ attribute: false }) actions!: Actions;
  /** What the Tab key leads to. */
  @own() stop: Stop = { row: 1, column: 1 };
  /** For readers who do not see that a column moved. */
  @own() said = "";

  static override styles = [
    base,
    results,
    controls,
    figureStyles,
    css`
      :host {
        display: block;
        padding: 0;
        --first: 168px;
      }
      .strip svg {
        display: inline;
        vertical-align: middle;
      }
      attriscope-legend {
        flex: none;
        margin-left: auto;
      }
      .scroller {
        position: relative;
        overflow: auto hidden;
      }
      .table {
        --template: var(--first) repeat(var(--columns), minmax(var(--least), 1fr));
        min-width: calc(var(--first) + var(--columns) * var(--least));
      }
      .heads,
      .means {
        display: grid;
        grid-template-columns: var(--template);
        border-bottom: 1px solid var(--line);
      }
      .heads {
        height: 49px;
      }
      .means {
        height: 47px;
      }
      .heads > *,
      .means > * {
        min-width: 0;
      }
      .heads > :not(:first-child),
      .means > :not(:first-child) {
        border-left: 1px solid var(--line);
      }
      .table :focus-visible {
        outline-offset: -2px;
      }
      .corner {
        position: sticky;
        left: 0;
        z-index: 2;
        padding: 24px 12px 0;
        background: var(--bg);
      }
      .means .corner {
        padding-top: 7px;
      }
      .head {
        position: relative;
        padding: 6px 8px 0 12px;
        user-select: none;
      }
      .head.movable {
        cursor: grab;
      }
      .head.dragged {
        cursor: grabbing;
        background: var(--selected);
      }
      .head.before::before,
      .head.after::before {
        content: "";
        position: absolute;
        z-index: 1;
        inset: 0 auto 0 -2px;
        width: 3px;
        background: var(--acc);
      }
      .head.after::before {
        inset: 0 -2px 0 auto;
      }
      .title {
        margin-right: 20px;
        font-size: 13px;
        line-height: 20px;
        font-weight: 600;
      }
      .detail {
        font-size: 11px;
        color: var(--fg2);
      }
      .why {
        display: flex;
        align-items: center;
        gap: 4px;
        color: var(--warn);
      }
      .unpin {
        position: absolute;
        top: 4px;
        right: 4px;
        display: grid;
        place-items: center;
        width: 24px;
        height: 24px;
        padding: 0;
        border: 0;
        border-radius: 3px;
        background: none;
        color: var(--fg2);
      }
      .unpin:hover {
        background: var(--track);
        color: var(--fg);
      }
      .mean {
        display: grid;
        grid-template-columns: 96px minmax(88px, 176px);
        gap: 0 10px;
        padding: 8px 10px 0 12px;
        font-size: 11px;
      }
      .mean dd {
        color: var(--fg);
      }
      .rho {
        display: flex;
        flex-wrap: wrap;
        align-content: start;
        column-gap: 4px;
        line-height: 15px;
        white-space: nowrap;
        color: var(--fg2);
      }
      .rho b {
        font-weight: 400;
        color: var(--fg);
      }
      .foot {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 4px 16px;
        min-height: 32px;
        padding: 2px 12px;
        font-size: 11px;
        color: var(--fg2);
      }
      .foot attriscope-menu {
        flex: none;
      }
      .empty {
        padding: 16px 12px 20px;
      }
      h3 {
        margin: 0;
        font-size: 13px;
        line-height: 20px;
        font-weight: 600;
      }
      p {
        max-width: 640px;
        margin: 2px 0 0;
        line-height: 18px;
        color: var(--fg2);
      }
      .suggestions {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        margin-top: 10px;
      }
      .suggestions .primary {
        border-color: var(--acc);
        color: var(--acct);
        font-weight: 600;
      }
      @container (width < 900px) {
        .strip {
          flex-wrap: wrap;
          padding: 6px 12px;
        }
        attriscope-legend {
          margin-left: 0;
        }
        .foot {
          flex-wrap: wrap;
          padding: 4px 12px;
        }
      }
      @container (width < 600px) {
        :host {
          --first: 120px;
        }
      }
    `,
  ];

  readonly #reorder = new Reorder(
    () => [...this.renderRoot.querySelectorAll<HTMLElement>(".head")],
    () => this.requestUpdate(),
    (from, to) => this.#move(from, to),
  );
  /** The focus goes to `stop` as soon as the columns are those that were asked for. */
  #follows = false;

  #comparison: Comparison = { columns: [], rows: [] };

  get #comparesModels(): boolean {
    return this.state.choice.compare.columns === "models";
  }

  get #feature(): number {
    return inView(this.state.features, this.state.choice.inspect.feature);
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("state")) return;
    this.#comparison = this.state.comparison ?? awaited(this.state);
    const comparison = this.#comparison;
    const last = { row: comparison.rows.length + 1, column: comparison.columns.length };
    const stop = { row: Math.min(this.stop.row, last.row), column: Math.min(this.stop.column, last.column) };
    if (stop.row !== this.stop.row || stop.column !== this.stop.column) this.stop = stop;
  }

  override updated(changed: PropertyValues<this>): void {
    if (!this.#follows || !changed.has("state")) return;
    this.#follows = false;
    this.#focus(this.stop);
  }

  override render() {
    const comparison = this.#comparison;
    return comparison.columns.length === 0 ? this.#empty() : this.#table(comparison);
  }

  #empty() {
    const names = suggested(this.state.methods, this.state.method);
    return html`<div class="empty">
      <h3>Pin methods to compare them</h3>
      <p>
        Every pinned method becomes a column: its maps, how faithful each of them is to the model, and how far the
        methods agree.
      </p>
      <div class="suggestions">
        <button
          class="control primary"
          data-action="pin-all"
          @click=${() => names.forEach((name) => this.actions.pin(name))}
        >
          Pin these ${names.length}
        </button>
        ${names.map(
          (name) =>
            html`<button class="control" data-action="pin" @click=${() => this.actions.pin(name)}>+ ${name}</button>`,
        )}
        ${this.#menu("Other")}
      </div>
    </div>`;
  }

  #table({ columns, rows }: Comparison) {
    const { state, look, stop } = this;
    const { scale } = state.choice.compare;
    const feature = this.#feature;
    const divisors = rowScales(rows, scale, feature, (attribution, i) => {
      const { sample } = state.cards[i];
      return ownScale(attribution, look.display, itemsOf(sample, feature) && sample.inputs[feature].shape);
    });
    const spec = state.features[feature] ?? null;
    const isWordy = spec !== null && spec.kind !== "image";
    const least = isWordy ? WORDY : columns.length > FIT ? PARTLY : FITTING;
    return html`${this.#strip(columns.length)}
      <div class="scroller">
        <div
          class="table"
          role="grid"
          aria-label="Comparison of ${plural(columns.length, this.#comparesModels ? "model" : "method")}"
          aria-rowcount=${rows.length + 2}
          aria-colcount=${columns.length + 1}
          style="--columns: ${columns.length}; --least: ${least}px"
          @keydown=${this.#key}
          @focusin=${this.#land}
          @pointerdown=${this.#land}
        >
          ${this.#heads(columns)}
          ${repeat(
            state.cards.slice(0, rows.length),
            ({ sample }) => sample.id,
            (card, i) =>
              html`<attriscope-compare-row
                .card=${card}
                .cells=${rows[i]}
                .columns=${columns}
                ?models=${this.#comparesModels}
                .feature=${feature}
                .spec=${spec}
                .classes=${state.classes}
                .look=${look}
                .scale=${divisors[i]}
                .stop=${stop.row === i + 1 ? stop.column : null}
                .actions=${this.actions}
                ?lazy=${rows.length > EAGER}
                data-row=${i + 1}
                data-sample=${card.sample.id}
                @open=${({ detail }: CustomEvent<number | null>) => this.#open(i, detail)}
              ></attriscope-compare-row>`,
          )}
          ${this.#means(columns, rows)}
        </div>
      </div>
      ${this.#foot()}
      <div class="silent" aria-live="polite">${this.said}</div>`;
  }

  #strip(count: number) {
    const { state, look } = this;
    const { scale } = state.choice.compare;
    const units = scale !== "map" && !this.#comparesModels ? " (units differ by method)" : "";
    const scaled = this.#feature < 0 ? "the inputs are not shown" : `scale ${scaleName(scale)}${units}`;
    const score = state.classes.length > 0 ? "probability of the target" : "output";
    const line = (dashes: string) =>
      html`<svg width="20" height="8" viewBox="0 0 20 8" stroke="currentColor" aria-hidden="true">
        <path d="M0 4H20" stroke-width="1.5" stroke-dasharray=${dashes} />
      </svg>`;
    return html`<div class="strip">
      <span>
        <b>${this.#comparesModels ? plural(count, "model") : `${plural(count, "pinned method")}`}</b> · ${scaled} ·
        ${score} as ${takenUnitOf(state.features, state.cards[0]?.sample)}s are <b>${line("none")}</b> deleted,
        ${line("3 2")} inserted, most important first
      </span>
      <attriscope-legend
        .ramp=${look.ramp}
        .sign=${look.display.sign}
        ?flat=${state.features[this.#feature]?.kind === "general"}
      ></attriscope-legend>
    </div>`;
  }

  #heads(columns: readonly Column[]) {
    return html`<div class="heads" role="row" data-row="0">
      <div class="corner caps" role="columnheader" tabindex=${this.#tabindex(0, 0)} data-column="0">Sample</div>
      ${columns.map((column, i) => this.#head(column, i, columns.length))}
    </div>`;
  }

  #head({ title, detail, whyNot }: Column, index: number, count: number) {
    const { drag } = this.#reorder;
    const pinned = !this.#comparesModels;
    const movable = pinned && count > 1;
    const at = drag && drag.to === index && drag.from !== index;
    const place = at ? (drag.to < drag.from ? "before" : "after") : "";
    const how = pinned ? `\n${movable ? "Drag, or Alt+Left/Right, moves it; " : ""}Delete unpins it` : "";
    const keys = `${movable ? "Alt+ArrowLeft Alt+ArrowRight " : ""}Delete`;
    return html`<div
      class="head ${movable ? "movable" : ""} ${drag?.from === index ? "dragged" : ""} ${place}"
      role="columnheader"
      tabindex=${this.#tabindex(0, index + 1)}
      title="${title}${detail && ` · ${detail}`}${whyNot === undefined ? "" : `\nNot here: ${whyNot}`}${how}"
      aria-label=${[title, detail, whyNot === undefined ? "" : `not here: ${whyNot}`].filter(Boolean).join(", ")}
      aria-keyshortcuts=${pinned ? keys : nothing}
      data-column=${index + 1}
      @pointerdown=${(event: PointerEvent) => movable && this.#reorder.press(event, index)}
      @pointermove=${(event: PointerEvent) =>
        this.#reorder.track(event, (event.currentTarget as Element).closest(".scroller")!)}
      @pointerup=${() => this.#reorder.drop()}
      @pointercancel=${() => this.#reorder.cancel()}
    >
      <div class="title truncate" dir="auto">${title}</div>
      ${
        whyNot === undefined
          ? html`<div class="detail truncate">${detail}</div>`
          : html`<div class="detail why">${warning}<span class="truncate">${whyNot}</span></div>`
      }
      ${
        pinned
          ? html`<button
              class="unpin"
              tabindex="-1"
              aria-label="Unpin ${title}"
              title="Unpin ${title}"
              data-action="unpin"
              @pointerdown=${(event: Event) => event.stopPropagation()}
              @click=${() => this.#unpin(index)}
            >
              ${cross}
            </button>`
          : nothing
      }
    </div>`;
  }

  #means(columns: readonly Column[], rows: Comparison["rows"]) {
    const row = rows.length + 1;
    const waiting = rows.flat().some(({ status }) => status === "queued" || status === "running");
    const deletions = bestOf(
      columns.map(({ deletion }) => deletion),
      "lowest",
    );
    const insertions = bestOf(
      columns.map(({ insertion }) => insertion),
      "highest",
    );
    const [first] = columns;
    return html`<div class="means" role="row" data-row=${row}>
      <div class="corner caps" role="rowheader" tabindex=${this.#tabindex(row, 0)} data-column="0">
        Mean ${waiting ? "so far" : `of ${rows.length}`}
      </div>
      ${columns.map(({ rho, deletion, insertion }, i) => {
        const correlation = i === 0 || rho === null ? "–" : rho.toFixed(2).replace("-", "−");
        return html`<div class="mean" role="gridcell" tabindex=${this.#tabindex(row, i + 1)} data-column=${i + 1}>
          <div
            class="rho"
            title="Mean rank correlation (Spearman) of its maps with those of ${first.title}: 1 the same order of ${unitOf(this.state.features)}s, 0 none in common"
          >
            <span class="truncate">ρ to ${this.#comparesModels ? first.title : initialsOf(first.title)}</span>
            <b>${correlation}</b>
          </div>
          <dl>${figures(deletion, insertion, { deletion: deletions[i], insertion: insertions[i] })}</dl>
        </div>`;
      })}
    </div>`;
  }

  #foot() {
    return html`<div class="foot">
      <span
        >Bold: best in row (lowest deletion, highest insertion). Δ: sum of attributions minus change of output; amber
        above 5 %.</span
      >
      ${this.#comparesModels ? nothing : this.#menu("+ Pin method")}
    </div>`;
  }

  #menu(text: string) {
    const items = this.state.methods
      .filter(({ whyNot }) => whyNot === undefined)
      .map(({ name, group, cost, summary }) => ({ value: name, group, detail: cost, summary }));
    return html`<attriscope-menu
      name="pin"
      label="Pin a method"
      hint="Find a method"
      text=${text}
      .items=${items}
      @choose=${({ detail }: CustomEvent<string>) => this.actions.pin(detail)}
    ></attriscope-menu>`;
  }

  // -- places and keys ---------------------------------------------------------------------------------------------------

  #tabindex(row: number, column: number): number {
    return this.stop.row === row && this.stop.column === column ? 0 : -1;
  }

  #focus({ row, column }: Stop): void {
    const line = this.renderRoot.querySelector<HTMLElement>(`[data-row="${row}"]`);
    if (line?.localName === "attriscope-compare-row") void (line as AttriscopeCompareRow).focusCell(column);
    else line?.querySelector<HTMLElement>(`[data-column="${column}"]`)?.focus();
  }

  /** The focus does not tell when it moves inside a row. */
  readonly #land = (event: Event): void => {
    const stop = placeOf(event);
    if (stop) this.stop = stop;
  };

  readonly #key = (event: KeyboardEvent): void => {
    const at = placeOf(event);
    if (!at || event.defaultPrevented) return;
    const comparison = this.#comparison;
    const { key, altKey, ctrlKey, metaKey } = event;
    const last = { row: comparison.rows.length + 1, column: comparison.columns.length };
    const { row, column } = at;
    const pinned = row === 0 && column > 0 && !this.#comparesModels;
    const aside = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (key === "Escape" && this.#reorder.drag) this.#reorder.cancel();
    else if (altKey && aside) {
      const to = column + aside;
      if (!pinned || to < 1 || to > last.column) return;
      this.stop = { row, column: to };
      this.#follows = true;
      this.#move(column - 1, to - 1);
    } else if (pinned && (key === "Delete" || key === "Backspace")) this.#unpin(column - 1);
    else if ((key === "Enter" || key === " ") && !ctrlKey && !event.shiftKey) {
      // A button in the cell acts by itself.
      if (!(event.composedPath()[0] as HTMLElement).dataset.column) return;
      this.#enter(at, event);
    } else {
      const far = ctrlKey || metaKey;
      const to: Record<string, Stop> = {
        ArrowLeft: { row, column: column - 1 },
        ArrowRight: { row, column: column + 1 },
        ArrowUp: { row: row - 1, column },
        ArrowDown: { row: row + 1, column },
        Home: { row: far ? 0 : row, column: 0 },
        End: { row: far ? last.row : row, column: last.column },
      };
      const next = to[key];
      if (!next || altKey) return;
      const inside = next.row >= 0 && next.row <= last.row && next.column >= 0 && next.column <= last.column;
      if (inside) this.#focus((this.stop = next));
    }
    event.preventDefault();
  };

  #enter({ row, column }: Stop, event: KeyboardEvent): void {
    const line = event.composedPath().find((node) => (node as HTMLElement).dataset?.row) as AttriscopeCompareRow;
    if (line.localName !== "attriscope-compare-row") return;
    if (column === 0) line.chooseTarget();
    else this.#open(row - 1, column - 1);
  }

  // -- what the user does ------------------------------------------------------------------------------------------------

  #unpin(column: number): void {
    const { title } = this.#comparison.columns[column];
    this.said = `${title} is no longer pinned`;
    this.#follows = this.stop.row === 0;
    this.actions.unpin(column);
  }

  #move(from: number, to: number): void {
    const { columns } = this.#comparison;
    this.said = `${columns[from].title} is column ${to + 1} of ${columns.length}`;
    this.actions.movePin(from, to);
  }

  /** Shows a sample in Inspect, explained as in a column; null: as it is. */
  #open(row: number, column: number | null): void {
    const { state, actions } = this;
    if (column !== null) {
      const { pin, model, whyNot } = this.#comparison.columns[column];
      if (whyNot !== undefined) return;
      if (this.#comparesModels) actions.setModel(model);
      else {
        if (pin.method !== state.method) actions.setMethod(pin.method);
        const { params = [] } = state.methods.find(({ name }) => name === pin.method) ?? {};
        const start = params.map((spec) => [spec.name, ("start" in spec ? spec.start : undefined) ?? spec.default]);
        const entered: Arguments = { ...Object.fromEntries(start), ...state.choice.arguments[pin.method] };
        for (const [name, value] of Object.entries(pin.arguments))
          if (JSON.stringify(entered[name]) !== JSON.stringify(value)) actions.setArgument(name, value);
      }
    }
    actions.select(state.cards[row].sample.id);
    actions.setView("inspect");
  }
}

/** The cell that an event comes from, through the rows' shadow roots. */
function placeOf(event: Event): Stop | null {
  const path = event.composedPath().map((node) => (node as HTMLElement).dataset);
  const column = path.find((data) => data?.column)?.column;
  const row = path.find((data) => data?.row)?.row;
  return column === undefined || row === undefined ? null : { row: Number(row), column: Number(column) };
}
