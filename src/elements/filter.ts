/** The FILTER line: predicted classes, right or wrong, how many, and the pages. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import { filterInWords, type Actions, type State } from "../state";
import type { Filter } from "../wire";
import { cross } from "./icons";
import { rove } from "./roving";
import { base, controls } from "./tokens";

/** More classes than this are typed instead of listed. */
const CHIPS = 24;
const COUNTS = [4, 8, 16];

const PREDICTIONS = [
  { value: "all", label: "All" },
  { value: "correct", label: "Correct", title: "Only samples whose prediction is the true class" },
  { value: "incorrect", label: "Incorrect", title: "Only samples whose prediction is not the true class" },
];

export class AttriscopeFilter extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) actions!: Actions;
  @own() open = false;

  static override styles = [
    base,
    controls,
    css`
      .chips {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
      }
      .chip {
        position: relative;
        display: flex;
        align-items: center;
        gap: 4px;
        max-width: 180px;
        height: 20px;
        padding: 0 8px;
        border: 1px solid var(--line);
        border-radius: 10px;
        background: var(--bg);
        font-size: 11px;
      }
      .chip::before {
        content: "";
        position: absolute;
        inset: -3px -2px;
      }
      .chip:hover {
        border-color: var(--fg2);
      }
      .chip[aria-pressed="true"] {
        border-color: var(--acc);
        background: var(--selected);
        color: var(--acct);
        font-weight: 600;
      }
      .chip > span::after {
        content: attr(data-label);
        display: block;
        height: 0;
        overflow: hidden;
        visibility: hidden;
        font-weight: 600;
      }
      .paging {
        display: flex;
        align-items: center;
        gap: 4px;
        min-height: 24px;
      }
      .range {
        min-width: 64px;
        margin: 0 4px 0 12px;
        text-align: right;
        white-space: nowrap;
        color: var(--fg2);
      }
      .range b {
        font-weight: 600;
        color: var(--fg);
      }
      .step {
        width: 24px;
        padding: 0 0 2px;
        font-size: 15px;
        line-height: 20px;
      }
      input.find {
        width: 136px;
        text-align: left;
      }
      .summary {
        display: none;
        flex: 1;
        min-width: 0;
      }
      @container (width < 900px) {
        .line {
          row-gap: 4px;
        }
      }
      @container (width < 600px) {
        .summary {
          display: flex;
          flex-basis: 100%;
          align-items: center;
          gap: 8px;
        }
        .choice:not(.open) {
          display: none;
        }
      }
    `,
  ];

  override render() {
    const { classes, filter } = this.state;
    const open = this.open ? "open" : "";
    return html`
      <span class="caps label" id="label">Filter</span>
      <div class="line" role="group" aria-labelledby="label">
        <div class="summary">
          <span class="truncate" title=${filterInWords(filter)}>${this.open ? "" : filterInWords(filter)}</span>
          <button class="quiet end" aria-expanded=${this.open} @click=${() => (this.open = !this.open)}>
            ${this.open ? "Done" : "Change"}
          </button>
        </div>
        ${classes.length === 0 ? nothing : classes.length > CHIPS ? this.#search(open) : this.#chips(classes, open)}
        ${
          classes.length === 0
            ? nothing
            : html`<attriscope-segments
                class="choice ${open}"
                label="Prediction"
                .segments=${PREDICTIONS}
                .value=${filter.prediction}
                @choose=${({ detail }: CustomEvent<Filter["prediction"]>) => this.actions.setFilter({ prediction: detail })}
              ></attriscope-segments>`
        }
        ${this.#paging()}
      </div>
    `;
  }

  #chips(classes: string[], open: string) {
    const { filter } = this.state;
    const stop = Math.max(0, classes.indexOf(filter.classes[0]));
    return html`<div class="chips choice ${open}" role="group" aria-label="Predicted classes" @keydown=${rove}>
      ${classes.map(
        (name, index) =>
          html`<button
            class="chip"
            aria-pressed=${filter.classes.includes(name)}
            tabindex=${index === stop ? 0 : -1}
            title=${name}
            data-roving
            data-class=${name}
            @click=${() => this.#toggle(name)}
          >
            <span class="truncate" data-label=${name}>${name}</span>
          </button>`,
      )}
    </div>`;
  }

  #search(open: string) {
    const { classes, filter } = this.state;
    const add = (event: Event): void => {
      const input = event.target as HTMLInputElement;
      const wanted = input.value.trim().toLowerCase();
      const found = classes.find((name) => name.toLowerCase() === wanted);
      if (found === undefined) return;
      input.value = "";
      if (!filter.classes.includes(found)) this.#toggle(found);
    };
    return html`<div class="chips choice ${open}" role="group" aria-label="Predicted classes">
      <input
        class="control find"
        placeholder="any of ${classes.length} classes"
        aria-label="Add a predicted class"
        list="classes"
        data-control="class"
        @input=${add}
      />
      <datalist id="classes">${classes.map((name) => html`<option value=${name}></option>`)}</datalist>
      ${filter.classes.map(
        (name) =>
          html`<button
            class="chip"
            aria-pressed="true"
            title=${name}
            data-class=${name}
            @click=${() => this.#toggle(name)}
          >
            <span class="truncate" data-label=${name}>${name}</span>${cross}
          </button>`,
      )}
    </div>`;
  }

  #toggle(name: string): void {
    const chosen = this.state.filter.classes;
    const classes = chosen.includes(name)
      ? chosen.filter((other) => other !== name)
      : this.state.classes.filter((other) => other === name || chosen.includes(other));
    this.actions.setFilter({ classes });
  }

  #paging() {
    const { show, hasPrevious, hasNext, live, scanning } = this.state;
    const counts = COUNTS.includes(show) ? COUNTS : [...COUNTS, show].sort((a, b) => a - b);
    const choose = (event: Event): void => this.actions.setShow(Number((event.target as HTMLSelectElement).value));
    const nextTitle = hasNext
      ? "Next samples"
      : live
        ? "These are the last samples of the filter"
        : "Further samples come from the kernel: run the cell again";
    return html`<div class="paging end">
      <label class="field">
        <span>show</span>
        <select class="control" data-control="show" @change=${choose}>
          ${counts.map((count) => html`<option value=${count} ?selected=${count === show} .selected=${count === show}>${count}</option>`)}
        </select>
      </label>
      ${this.#range()}
      <button
        class="control step"
        data-action="previous"
        aria-label="Previous samples"
        title=${hasPrevious ? "Previous samples" : "These are the first samples"}
        ?disabled=${!hasPrevious}
        @click=${() => this.actions.previous()}
      >
        ‹
      </button>
      <button
        class="control step"
        data-action="next"
        aria-label="Next samples"
        title=${nextTitle}
        ?disabled=${!hasNext || scanning}
        @click=${() => this.actions.next()}
      >
        ›
      </button>
    </div>`;
  }

  #range() {
    const { cards, first, known, total, scanning, scanned } = this.state;
    if (scanning) return html`<span class="range">${scanned ? `${scanned} scanned` : "scanning"}</span>`;
    if (cards.length === 0) return html`<span class="range">0 samples</span>`;
    const last = first + cards.length;
    const range = cards.length === 1 ? `${last}` : `${first + 1}–${last}`;
    const here = `${Math.max(known, last)}`;
    return html`<span class="range" title=${total === null ? `${here} are here; the dataset may hold more` : ""}>
      <b>${range}</b> of ${total ?? `${here}+`}
    </span>`;
  }
}
