/** What the model says before and after parts of the sample are changed, class by class; a click explains that class. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { predictedBy, said, type Said, shareOf, spanOf, triedInWords } from "../derived";
import { score, signed } from "../format";
import { inView } from "../items";
import type { Actions, State } from "../state";
import type { FeatureSpec } from "../wire";
import { check, cross } from "./icons";
import { rove } from "./roving";
import { base, controls } from "./tokens";

const ROWS = 6;

/** How to begin, by what is in view; "empty" where nothing is. */
const HINTS: Record<FeatureSpec["kind"], string> = {
  image: "Paint over pixels to see what changes.",
  text: "Hide tokens to see what changes.",
  general: "Change a value to see what changes.",
  empty: "Nothing is shown that could be changed.",
};

/** Class names with more letters get more room, and the bars less. */
const LONG_NAME = 7;

export class AttriscopeWhatIf extends LitElement {
  @property({ attribute: false }) state!: Readonly<State>;
  @property({ attribute: false }) actions!: Actions;

  static override styles = [
    base,
    controls,
    css`
      :host {
        display: block;
        padding: 0;
      }
      .head {
        display: flex;
        align-items: center;
        gap: 8px;
        height: 40px;
      }
      .head .muted {
        flex: 1;
        font-size: 11px;
      }
      .head .quiet {
        margin-left: -4px;
      }
      .head .quiet:last-child {
        margin-right: -8px;
      }
      .row,
      .titles {
        display: grid;
        grid-template-columns: var(--name-width, 64px) minmax(24px, 1fr) 44px 20px 40px 54px;
        align-items: center;
        width: calc(100% + 8px);
        height: 24px;
        margin: 0 -4px;
        padding: 0 4px;
        border: 0;
        background: none;
        text-align: right;
      }
      .long {
        --name-width: 96px;
      }
      .titles {
        height: 16px;
        font-size: 11px;
        color: var(--fg2);
      }
      .titles b {
        color: var(--fg);
      }
      .before {
        grid-column: 3;
      }
      .after {
        grid-column: 5;
      }
      .rows {
        height: 144px;
      }
      button.row:hover:not([aria-checked="true"]) {
        background: var(--tint);
      }
      .name {
        padding-right: 8px;
        text-align: left;
      }
      [aria-checked="true"] .name {
        color: var(--acct);
        font-weight: 600;
      }
      .track {
        display: grid;
        grid-template-rows: 4px 5px;
        background: var(--track);
      }
      .bar {
        min-width: 1px;
        background: var(--bar);
        transition: width 120ms ease-out;
      }
      .bar.now {
        background: var(--acc);
      }
      .arrow {
        text-align: center;
      }
      .verdict {
        display: flex;
        align-items: center;
        gap: 4px;
        height: 36px;
        line-height: 16px;
      }
      .verdict b {
        font-weight: 600;
      }
      .verdict p {
        display: -webkit-box;
        margin: 0;
        overflow: hidden;
        -webkit-box-orient: vertical;
        -webkit-line-clamp: 2;
        overflow-wrap: anywhere;
      }
      .error {
        color: var(--err);
      }
      .correct {
        color: var(--ok);
      }
      .incorrect {
        color: var(--err0);
      }
      @media (prefers-reduced-motion: reduce) {
        .bar {
          transition: none;
        }
      }
    `,
  ];

  override render() {
    const { inspection, canUndo, classes } = this.state;
    if (!inspection) return nothing;
    const { card, after } = inspection;
    const rows = said(card, this.state.model, after?.scores ?? null, ROWS);
    const long = classes.some(({ length }) => length > LONG_NAME) ? "long" : "";
    const stop = rows.find(({ index }) => index === card.target) ?? rows[0];
    const about = triedInWords(this.state, inspection);
    return html`<section class=${long} aria-labelledby="head">
      <div class="head">
        <span class="caps" id="head">What if</span>
        <span class="muted truncate" title=${about}>${about}</span>
        <button class="quiet" data-action="undo" ?disabled=${!canUndo} @click=${() => this.actions.undo()}>Undo</button>
        <button class="quiet" data-action="clear" ?disabled=${after === null} @click=${() => this.actions.clear()}>
          Clear
        </button>
      </div>
      <div class="titles" aria-hidden="true">
        <span class="before">before</span>${after ? html`<b class="after">after</b>` : nothing}
      </div>
      <div
        class="rows"
        role=${card.predictions.length ? "radiogroup" : "list"}
        aria-label="Class to explain"
        @keydown=${rove}
      >
        ${this.#rows(rows, stop)}
      </div>
      <div class="verdict">${this.#verdict()}</div>
      <div class="silent" aria-live="polite">${this.#announced(" from ", " to ")}</div>
    </section>`;
  }

  /** Index of the feature in view; -1 where none is shown. */
  get #feature(): number {
    return inView(this.state.features, this.state.choice.inspect.feature);
  }

  #rows(rows: readonly Said[], stop: Said | undefined) {
    const span = spanOf(rows.flatMap(({ before, after }) => [before, after ?? before]));
    const length = (value: number): string => `${shareOf(span, value) * 100}%`;
    const winner = Math.max(...rows.map(({ after }) => after ?? -Infinity));
    return rows.map((row) => {
      const { label, before, after } = row;
      const change = after === null ? "" : signed(after - before, 3);
      const spoken = `${label}, before ${score(before)}${after === null ? "" : `, after ${score(after)}, ${change}`}`;
      const content = html`<span class="name truncate">${label}</span>
        <span class="track">
          <div class="bar" style="width: ${length(before)}"></div>
          ${after === null ? nothing : html`<div class="bar now" style="width: ${length(after)}"></div>`}
        </span>
        <span class=${after === null ? "" : "muted"}>${score(before)}</span>
        ${
          after === null
            ? nothing
            : html`<span class="muted arrow">→</span>
                ${rows.length > 1 && after === winner ? html`<b>${score(after)}</b>` : html`<span>${score(after)}</span>`}
                <span>${change}</span>`
        }`;
      return this.#classes
        ? this.#choosable(row, spoken, row === stop, content)
        : html`<div class="row" role="listitem" aria-label=${spoken}>${content}</div>`;
    });
  }

  get #classes(): boolean {
    return this.state.inspection!.card.predictions.length > 0;
  }

  #choosable({ index, label, before, after }: Said, spoken: string, stop: boolean, content: unknown) {
    const { sample, target } = this.state.inspection!.card;
    return html`<button
      class="row"
      role="radio"
      aria-checked=${index === target}
      aria-label=${spoken}
      tabindex=${stop ? 0 : -1}
      title="${label}: ${before}${after === null ? "" : ` → ${after}`}
Click explains this class"
      data-roving
      data-class=${index}
      @click=${() => this.actions.setTarget(sample.id, index)}
    >
      ${content}
    </button>`;
  }

  #verdict() {
    const { card, after, error } = this.state.inspection!;
    if (error !== null) return html`<p class="error" role="alert" title=${error}>${error}</p>`;
    if (!after) return html`<p class="muted">${HINTS[this.state.features[this.#feature]?.kind ?? "empty"]}</p>`;
    if (!after.scores) return html`<span class="muted">computing</span>`;
    if (!after.scores.every(Number.isFinite))
      return html`<p class="error" role="alert">The model's scores are NaN or infinite for this input.</p>`;
    const now = predictedBy(card, after.scores);
    const before = card.predictions[0];
    if (!now) {
      const [row] = said(card, this.state.model, after.scores, ROWS);
      return html`<span>The ${row.label} changes by <b>${signed(row.after! - row.before, 3)}</b></span>`;
    }
    const mark =
      card.sample.label === null
        ? nothing
        : now.index === card.sample.label
          ? html`<span class="correct" role="img" aria-label="correct">${check}</span>`
          : html`<span class="incorrect" role="img" aria-label="incorrect">${cross}</span>`;
    const name = (label: string) => html`<b class="truncate" title=${label}>${label}</b>`;
    return now.index === before.index
      ? html`<span>Prediction stays</span>${name(now.label)}${mark}`
      : html`<span>Prediction changes:</span>${name(before.label)}<span>→</span>${name(now.label)}${mark}`;
  }

  /** Nothing as long as the prediction stays. */
  #announced(from: string, to: string): string {
    const { card, after } = this.state.inspection!;
    const now = after?.scores && predictedBy(card, after.scores);
    const before = card.predictions[0];
    return now && now.index !== before.index ? `Prediction changes${from}${before.label}${to}${now.label}` : "";
  }
}
