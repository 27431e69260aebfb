/** A row of numbers: what each one is called, what it is, and its score as a bar; the strongest first. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property, state as own } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { itemRanking, type Ranking } from "../derived";
import { signed } from "../format";
import { misfitInWords, shadesOf, shownAs } from "../items";
import type { Attribution } from "../state";
import type { Items } from "../wire";
import type { Look } from "./map";
import { base } from "./tokens";

/** So many significant digits are shown; with more, two numbers are two. */
const DIGITS = 6;

const isSame = (a: number, b: number): boolean =>
  Math.abs(a - b) <= 0.5 * 10 ** (1 - DIGITS) * Math.max(Math.abs(a), Math.abs(b));

export class AttriscopeTable extends LitElement {
  @property({ attribute: false }) categories: readonly string[] = [];
  /** What is shown of each. */
  @property({ attribute: false }) items: Items = [];
  /** What the model sees, [items]; a column of its own where it differs from what is shown. */
  @property({ attribute: false }) inputs: ArrayLike<number> = [];
  /** What the row is compared with, [items]. */
  @property({ attribute: false }) baseline: ArrayLike<number> | null = null;
  /** By place: what was put there by hand. */
  @property({ attribute: false }) edited: ReadonlyMap<number, number> = new Map();
  /** [items], 1 where a value is replaced by the baseline's. */
  @property({ attribute: false }) masked: Uint8Array | null = null;
  @property({ attribute: false }) attribution: Attribution | null = null;
  /** Of the input; null: [items]. */
  @property({ attribute: false }) shape: readonly number[] | null = null;
  @property({ attribute: false }) look!: Look;
  /** What the scores are divided by, where several rows share a scale. */
  @property({ attribute: false }) scale: number | null = null;
  /** How many of the strongest values are marked. */
  @property({ type: Number }) top = 0;
  /** Most rows that are shown; the rest is told in a line. */
  @property({ type: Number }) most = Infinity;
  /** The scores are about to be replaced. */
  @property({ type: Boolean }) stale = false;
  /** For cells and previews: names and bars, without the values. */
  @property({ type: Boolean, reflect: true }) small = false;
  /** Values can be changed: fires "edit" with {@link Edited}; Delete on one puts the baseline's there. */
  @property({ type: Boolean }) editable = false;
  @property() label = "";
  /** What is being typed for a value, and keeps the rows in their order; or what was typed and is no number. */
  @own() typed: { place: number; text: string; wrong: boolean } | null = null;

  #shades: Float32Array | null = null;
  #scale = 0;
  #ranking: Ranking | null = null;
  #outline: Uint8Array | null = null;
  /** Places from top to bottom. */
  #order: number[] = [];

  static override styles = [
    base,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        table-layout: fixed;
      }
      caption {
        text-align: left;
      }
      th,
      td {
        height: 22px;
        padding: 0 8px 0 0;
        font-weight: 400;
        text-align: right;
      }
      th:first-child {
        text-align: left;
      }
      td:last-child,
      thead th:last-child {
        padding-right: 0;
      }
      .name {
        width: 20%;
      }
      .value,
      .input {
        width: 14%;
      }
      .score {
        width: 64px;
      }
      thead th {
        height: 24px;
      }
      tbody tr:hover {
        background: var(--tint);
      }
      tr.top th {
        font-weight: 600;
      }
      .axis,
      .bar {
        margin: 0 16px 0 28px;
      }
      .axis {
        display: flex;
        justify-content: space-between;
        font-size: 11px;
        color: var(--fg2);
      }
      .axis span {
        display: flex;
        justify-content: center;
        width: 0;
      }
      .bar {
        position: relative;
        display: block;
        height: 22px;
      }
      .bar i {
        position: absolute;
        top: 5px;
        height: 12px;
        transition: width 120ms ease-out;
      }
      .bar .for {
        left: 50%;
        background: var(--positive);
      }
      .bar .against {
        right: 50%;
        background: var(--negative);
      }
      .bar::after {
        content: "";
        position: absolute;
        inset: 0 auto 0 50%;
        border-left: 1px solid var(--fg2);
      }
      /* About to be replaced: the numbers stay readable. */
      .stale i {
        animation: fade 0s 150ms forwards;
      }
      .stale .score {
        animation: dim 0s 150ms forwards;
      }
      @keyframes fade {
        to {
          opacity: 0.3;
        }
      }
      @keyframes dim {
        to {
          color: var(--fg2);
        }
      }
      tfoot th,
      tfoot td {
        height: 24px;
        font-weight: 600;
      }
      tfoot tr:first-child > * {
        border-top: 1px solid var(--line);
      }
      tfoot .more {
        height: 20px;
        font-size: 11px;
        font-weight: 400;
        color: var(--fg2);
      }
      input {
        width: 100%;
        height: 20px;
        padding: 0;
        border: 0;
        border-radius: 0;
        background: none;
        text-align: right;
        vertical-align: top;
        text-decoration: underline dotted var(--fg2);
        text-underline-offset: 2px;
      }
      input:hover {
        background: var(--tint);
      }
      .changed input {
        color: var(--acct);
        font-weight: 600;
        text-decoration-color: var(--acc);
      }
      input[aria-invalid="true"] {
        color: var(--err);
        outline: 1px solid var(--err0);
      }
      .masked .name,
      .masked .value {
        text-decoration: line-through;
        color: var(--fg2);
      }
      .wrong {
        font-size: 11px;
        color: var(--err);
      }
      .note {
        font-size: 11px;
        color: var(--fg2);
      }
      :host([small]) {
        font-size: 11px;
      }
      :host([small]) :is(th, td) {
        height: 17px;
        padding-right: 4px;
      }
      :host([small]) td:last-child {
        padding-right: 0;
      }
      :host([small]) tfoot tr:first-child > * {
        height: 17px;
        border: 0;
      }
      :host([small]) .name {
        width: 40%;
      }
      :host([small]) .score {
        width: 48px;
      }
      :host([small]) .bar {
        height: 17px;
        margin: 0;
      }
      :host([small]) .bar i {
        top: 5px;
        height: 7px;
      }
      @container (width < 900px) {
        .name {
          width: 24%;
        }
        .value {
          width: 20%;
        }
      }
      @container (width < 600px) {
        .name {
          width: 28%;
        }
        .value {
          width: 24%;
        }
        .input {
          width: 15%;
        }
        .score {
          width: 56px;
        }
        .axis {
          display: none;
        }
        .bar {
          margin: 0 4px;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .bar i {
          transition: none;
        }
      }
    `,
  ];

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("items")) this.typed = null;
    if ((["attribution", "items", "look", "scale", "top"] as const).some((name) => changed.has(name))) this.#rank();
    if (this.typed === null || this.typed.wrong) this.#order = this.#ordered();
  }

  #rank(): void {
    const { attribution, items, look } = this;
    const { sign } = look.display;
    this.#ranking = itemRanking(attribution, this.shape ?? [items.length], sign);
    const shades = this.#ranking && shadesOf(this.#ranking, sign, this.scale);
    this.#shades = shades && shades.values;
    this.#scale = shades?.scale ?? 0;
    this.#outline = this.top > 0 ? (this.#ranking?.top(this.top) ?? null) : null;
  }

  override render() {
    const { items, small } = this;
    const shown = this.#order.slice(0, this.most);
    const rest = this.#order.slice(this.most);
    return html`<table class=${this.stale && this.#ranking ? "stale" : ""}>
        <caption class="silent">
          ${this.label}
        </caption>
        ${small ? nothing : this.#head()}
        <tbody>
          ${shown.map((i) => this.#row(i))}
        </tbody>
        ${
          small
            ? rest.length
              ? html`<tfoot>
                  ${this.#rest(rest, 2)}
                </tfoot>`
              : nothing
            : this.#foot(items.length, rest)
        }
      </table>
      ${!this.typed?.wrong ? nothing : html`<div class="wrong" role="alert">${this.categories[this.typed.place]}: got "${this.typed.text}"; expected a number, e.g. 0.5</div>`}
      ${
        this.attribution && !this.#ranking
          ? html`<div class="note" data-note="misfit">${misfitInWords(this.attribution, items.length, "value")}</div>`
          : nothing
      }`;
  }

  /** The strongest first; as they come until there are scores. */
  #ordered(): number[] {
    const all = Array.from(this.items.keys());
    const ranking = this.#ranking;
    return ranking ? all.sort((a, b) => ranking.rank(a) - ranking.rank(b) || a - b) : all;
  }

  /** The model sees other numbers than those that are shown. */
  get #differs(): boolean {
    return this.items.some((item, i) => typeof item === "string" || !isSame(item, this.inputs[i] ?? item));
  }

  get #apart(): boolean {
    return this.editable && this.#differs;
  }

  #head() {
    const { sign } = this.look.display;
    const end = (shows: boolean, value: number) => (this.#scale > 0 && shows ? signed(value, 2, true) : nothing);
    return html`<thead>
      <tr>
        <th class="name caps" scope="col">Feature</th>
        <th class="value caps" scope="col">Value</th>
        ${
          this.#apart
            ? html`<th class="input caps" scope="col" title="What the model sees, after input_transforms">Input</th>`
            : nothing
        }
        <td>
          <div class="axis" aria-hidden="true">
            <span>${end(sign === "signed" || sign === "negative", -this.#scale)}</span><span>0</span
            ><span>${end(sign !== "negative", this.#scale)}</span>
          </div>
        </td>
        <th class="score caps" scope="col">Score</th>
      </tr>
    </thead>`;
  }

  #row(i: number) {
    const score = this.#ranking?.values[i];
    const isChanged = this.edited.has(i);
    const classes = [isChanged ? "changed" : "", this.masked?.[i] ? "masked" : "", this.#outline?.[i] ? "top" : ""];
    const name = this.categories[i] ?? String(i);
    return html`<tr class=${classes.filter(Boolean).join(" ")} data-place=${i}>
      <th class="name truncate" scope="row" title="${name} ${shownAs(this.items[i])}" dir="auto">${name}</th>
      ${this.small ? nothing : this.#values(i)}
      <td>${this.#bar(this.#shades?.[i] ?? 0, score ?? 0)}</td>
      <td class="score">${score === undefined ? html`<span class="muted">–</span>` : signed(score, 3, true)}</td>
    </tr>`;
  }

  #values(i: number) {
    const item = shownAs(this.items[i]);
    const typed = this.typed?.place === i ? this.typed : null;
    const field = html`<input
      type="text"
      inputmode="decimal"
      aria-label="${this.categories[i]}, what the model sees"
      aria-invalid=${Boolean(typed?.wrong)}
      title="Enter tries another number, Escape takes it back, Delete on an unchanged one puts the baseline's there"
      .value=${live(typed?.text ?? this.#number(i))}
      data-uses-escape
      data-place=${i}
      @input=${(event: Event) => this.#type(i, event.target as HTMLInputElement)}
      @change=${(event: Event) => this.#enter(i, event.target as HTMLInputElement)}
      @keydown=${(event: KeyboardEvent) => this.#key(i, event)}
      @blur=${() => this.#leave()}
      @focus=${(event: Event) => (event.target as HTMLInputElement).select()}
    />`;
    if (!this.editable) return html`<td class="value truncate" title=${item} dir="auto">${item}</td>`;
    return this.#apart
      ? html`<td class="value truncate" title=${item} dir="auto">${item}</td>
          <td class="input">${field}</td>`
      : html`<td class="value">${field}</td>`;
  }

  #number(i: number): string {
    return String(Number((this.edited.get(i) ?? this.inputs[i] ?? 0).toPrecision(DIGITS)));
  }

  #bar(shade: number, score: number) {
    if (shade === 0) return html`<span class="bar"></span>`;
    // Where one sign is shown as a magnitude, the bar keeps its side.
    const side = score < 0 && this.look.display.sign !== "absolute" ? "against" : "for";
    return html`<span class="bar"><i class=${side} style="width: ${Math.abs(shade) * 50}%"></i></span>`;
  }

  #rest(rest: readonly number[], columns: number) {
    return html`<tr>
      <th class="more" scope="row" colspan=${columns}>and ${rest.length} ${this.#ranking ? "weaker" : "more"}</th>
      <td class="more score">${this.#total(rest)}</td>
    </tr>`;
  }

  #foot(count: number, rest: readonly number[]) {
    const columns = this.#apart ? 4 : 3;
    return html`<tfoot>
      ${rest.length ? this.#rest(rest, columns) : nothing}
      <tr>
        <th scope="row" colspan=${columns}>sum</th>
        <td class="score">${this.#total(Array(count).keys())}</td>
      </tr>
    </tfoot>`;
  }

  #total(places: Iterable<number>) {
    const values = this.#ranking?.values;
    return values
      ? signed(
          [...places].reduce((sum, i) => sum + values[i], 0),
          3,
          true,
        )
      : nothing;
  }

  #type(place: number, { value: text }: HTMLInputElement): void {
    this.typed = { place, text, wrong: false };
  }

  /** What was typed and taken back by hand fires no "change". */
  #leave(): void {
    if (!this.typed?.wrong) this.typed = null;
  }

  #enter(i: number, input: HTMLInputElement): void {
    const text = input.value.trim().replaceAll("−", "-").replace(",", ".");
    const value = Number(text);
    // What float32 cannot hold would be infinite to the model.
    const wrong = text === "" || !Number.isFinite(Math.fround(value));
    this.typed = wrong ? { place: i, text: input.value, wrong } : null;
    if (!wrong) this.#fire(i, isSame(value, this.inputs[i]) ? null : value);
  }

  #key(i: number, event: KeyboardEvent): void {
    const input = event.target as HTMLInputElement;
    const whole = input.selectionStart === 0 && input.selectionEnd === input.value.length;
    if (event.key === "Escape") {
      input.value = this.#number(i);
      this.typed = null;
      this.#fire(i, null);
    } else if (event.key === "Delete" && whole && this.baseline && !this.edited.has(i)) {
      this.typed = null;
      this.#fire(i, this.baseline[i]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const fields = [...this.renderRoot.querySelectorAll("input")];
      fields[fields.indexOf(input) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #fire(place: number, value: number | null): void {
    if (value === null && !this.edited.has(place)) return;
    this.dispatchEvent(new CustomEvent<Edited>("edit", { detail: { place, value } }));
  }
}

export interface Edited {
  place: number;
  /** What is to stand there; null: what stood there before. */
  value: number | null;
}
