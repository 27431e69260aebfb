/** True classes against predicted ones, counted: a cell, a row or a column filters. Fires "choose" with part of a filter. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import { plural } from "../format";
import { roveGrid } from "./roving";
import { base } from "./tokens";
import type { Filter } from "../wire";

/** More classes than this are set smaller. */
const ROOMY = 12;
/** Cells that are made in one go, so that many of them do not hold up the page. */
const CELLS = 600;
/** Of the colour in the fullest cell: text stays readable on it. */
const STRONGEST = 42;

const isOnly = (names: readonly string[], name: string): boolean => names.length === 1 && names[0] === name;

export class AttriscopeConfusion extends LitElement {
  /** [true class][predicted class] */
  @property({ attribute: false }) counts: readonly (readonly number[])[] = [];
  @property({ attribute: false }) classes: readonly string[] = [];
  @property({ attribute: false }) filter!: Readonly<Filter>;
  /** Rows that are there already. */
  @own() made = 0;

  static override styles = [
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
      }
      .about {
        flex: none;
        margin: 0;
        padding: 8px 12px;
        border-bottom: 1px solid var(--line);
        font-size: 11px;
        color: var(--fg2);
      }
      .about b {
        font-weight: 400;
        color: var(--fg);
      }
      .scroll {
        min-height: 0;
        padding: 0 12px 12px 0;
        overflow: auto;
        overscroll-behavior: contain;
      }
      table {
        border-spacing: 1px;
        font-size: 11px;
        line-height: 16px;
      }
      td,
      th {
        padding: 0;
        min-width: 32px;
        height: 24px;
        text-align: center;
        font-weight: 400;
        cursor: pointer;
      }
      .dense :is(td, thead th) {
        min-width: 24px;
        font-size: 10px;
      }
      thead th,
      .corner {
        position: sticky;
        top: 0;
        z-index: 1;
        background: var(--bg);
        vertical-align: bottom;
      }
      thead span {
        display: inline-block;
        max-height: 96px;
        padding: 6px 0;
        writing-mode: vertical-rl;
        rotate: 180deg;
      }
      tbody th,
      .corner {
        position: sticky;
        left: 0;
        z-index: 1;
        max-width: 128px;
        padding: 0 8px 0 12px;
        background: var(--bg);
        text-align: right;
      }
      .corner {
        z-index: 2;
        font-size: 10px;
        color: var(--fg2);
        cursor: default;
      }
      th span {
        display: block;
      }
      td {
        background: var(--tint);
      }
      td.right {
        background: color-mix(in srgb, var(--ok) var(--fill), var(--bg));
      }
      td.wrong {
        background: color-mix(in srgb, var(--err0) var(--fill), var(--bg));
      }
      td.diagonal {
        box-shadow: inset 0 0 0 1px var(--line1);
      }
      td:hover {
        box-shadow: inset 0 0 0 1px var(--fg2);
      }
      th:not(.corner):hover {
        text-decoration: underline;
      }
      td[aria-selected="true"] {
        box-shadow: inset 0 0 0 2px var(--acc);
      }
      th[aria-selected="true"] {
        color: var(--acct);
        font-weight: 600;
      }
      :focus-visible {
        outline-offset: -2px;
      }
    `,
  ];

  override focus(options?: FocusOptions): void {
    this.renderRoot.querySelector<HTMLElement>('[data-roving][tabindex="0"]')?.focus(options);
  }

  override willUpdate(): void {
    if (this.made === 0) this.made = this.#slice();
  }

  override updated(): void {
    if (this.made < this.counts.length) setTimeout(() => (this.made += this.#slice()));
  }

  #slice(): number {
    return Math.ceil(CELLS / Math.max(1, this.counts.length));
  }

  override render() {
    const { counts, classes } = this;
    const total = counts.flat().reduce((sum, count) => sum + count, 0);
    const most = (diagonal: boolean) =>
      Math.max(1, ...counts.map((row, t) => Math.max(0, ...row.filter((_, p) => (t === p) === diagonal))));
    const [right, wrong] = [most(true), most(false)];
    return html`<p class="about">
        <b>${plural(total, "sample")}</b> here by true class (down) and predicted class (across)
      </p>
      <div class="scroll" tabindex="-1">
        <table
          role="grid"
          aria-label="True class by predicted class"
          class=${classes.length > ROOMY ? "dense" : ""}
          @keydown=${this.#key}
          @click=${this.#choose}
          @pointerover=${this.#tell}
        >
          <thead>
            <tr>
              <td class="corner"></td>
              ${classes.map((name) => this.#head("col", name))}
            </tr>
          </thead>
          <tbody>
            ${counts.slice(0, this.made).map(
              (row, t) =>
                html`<tr>
                  ${this.#head("row", classes[t])}${row.map((count, p) => this.#cell(t, p, count, t === p ? right : wrong))}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }

  #head(scope: "row" | "col", name: string) {
    const { labels, classes } = this.filter;
    const chosen = (scope === "row" ? labels : classes).includes(name);
    return html`<th
      scope=${scope}
      tabindex="-1"
      aria-selected=${chosen}
      aria-label="${scope === "row" ? "true" : "predicted"} ${name}"
      data-roving
    >
      <span class="truncate">${name}</span>
    </th>`;
  }

  #cell(t: number, p: number, count: number, most: number) {
    const [truth, predicted] = [this.classes[t], this.classes[p]];
    const chosen = isOnly(this.filter.labels, truth) && isOnly(this.filter.classes, predicted);
    const tone = count === 0 ? "" : t === p ? "right" : "wrong";
    // Few confusions are to be seen beside one that is frequent.
    const fill = 6 + Math.sqrt(count / most) * (STRONGEST - 6);
    // Thousands of cells are made at once: what each is follows from its place.
    return html`<td
      class="${tone} ${t === p ? "diagonal" : ""}"
      style="--fill: ${Math.round(fill)}%"
      tabindex=${t === 0 && p === 0 ? 0 : -1}
      aria-selected=${chosen}
      data-roving
    >
      ${count || nothing}
    </td>`;
  }

  /** The names of a cell's or head's classes; undefined for the side that a head leaves open. */
  #namesOf(target: EventTarget | null): { truth?: string; predicted?: string } | null {
    const cell = (target as Element).closest<HTMLTableCellElement>("[data-roving]");
    if (!cell) return null;
    const row = cell.closest("tr")!;
    return {
      truth: row.parentElement!.localName === "tbody" ? this.classes[row.sectionRowIndex] : undefined,
      predicted: this.classes[cell.cellIndex - 1],
    };
  }

  readonly #tell = ({ target, currentTarget }: Event): void => {
    const names = this.#namesOf(target);
    const parts = [
      names?.truth === undefined ? "" : `true ${names.truth}`,
      names?.predicted === undefined ? "" : `predicted ${names.predicted}`,
    ];
    (currentTarget as HTMLElement).title = parts.filter(Boolean).join(", ");
  };

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" && event.key !== " ") return roveGrid(event);
    event.preventDefault();
    this.#choose(event);
  };

  /** A head changes its own side alone; what is chosen already is taken back. */
  readonly #choose = (event: Event): void => {
    const names = this.#namesOf(event.target);
    if (!names) return;
    const { labels, classes } = this.filter;
    const { truth, predicted } = names;
    const again =
      (truth === undefined || isOnly(labels, truth)) && (predicted === undefined || isOnly(classes, predicted));
    const detail: Partial<Filter> = {
      ...(truth === undefined ? {} : { labels: again ? [] : [truth] }),
      ...(predicted === undefined ? {} : { classes: again ? [] : [predicted] }),
    };
    this.dispatchEvent(new CustomEvent("choose", { detail }));
  };
}
