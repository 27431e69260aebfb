/** The explained class of one sample, and on a click the others. Fires "explain" with {target, all} as detail. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import type { Prediction } from "../state";
import { score } from "../format";
import { bullseye } from "./icons";
import type { Explain } from "./predictions";
import { base } from "./tokens";

/** More classes than this are typed instead of listed. */
const ROWS = 10;

export class AttriscopeTarget extends LitElement {
  /** Of all classes, highest first. */
  @property({ attribute: false }) predictions: readonly Prediction[] = [];
  @property({ attribute: false }) target: number | null = null;
  @property({ attribute: false }) truth: number | null = null;
  /** Is a tab stop of its own. */
  @property({ type: Boolean }) stop = false;
  /** The list is made only while it is shown. */
  @own() open = false;
  @own() all = false;

  static override styles = [
    base,
    css`
      .target {
        display: flex;
        align-items: center;
        gap: 4px;
        max-width: calc(100% + 8px);
        height: 24px;
        margin: 0 -4px;
        padding: 0 4px;
        border: 0;
        border-radius: 3px;
        background: none;
        font-size: 11px;
        color: var(--acct);
      }
      .target:hover,
      .target[aria-expanded="true"] {
        background: var(--track);
      }
      .target svg {
        color: var(--acc);
      }
      .target b {
        font-weight: 600;
      }
      attriscope-popover {
        width: 260px;
        padding: 8px 12px;
        font: 12px/16px var(--font);
      }
      attriscope-predictions {
        --name-width: 104px;
      }
      .all {
        display: flex;
        align-items: center;
        gap: 6px;
        height: 24px;
        margin-top: 4px;
        color: var(--fg2);
      }
      .all input {
        accent-color: var(--acc);
      }
      .find {
        height: 24px;
        margin-top: 4px;
        padding: 0 8px;
        border: 1px solid var(--line1);
        border-radius: 3px;
        background: var(--bg);
        color: var(--fg);
      }
    `,
  ];

  override render() {
    const chosen = this.predictions.find(({ index }) => index === this.target);
    if (!chosen) return nothing;
    return html`<button
        class="target"
        tabindex=${this.stop ? 0 : -1}
        aria-haspopup="dialog"
        aria-expanded=${this.open}
        title="Explaining ${chosen.label}: ${chosen.score}
Click chooses another class"
        data-action="target"
        @click=${() => (this.open ? this.#close() : this.show())}
      >
        ${bullseye}<b class="truncate" dir="auto">${chosen.label}</b><span>${score(chosen.score)}</span></button
      ><attriscope-popover label="Class to explain" ?open=${this.open} @close=${this.#close} @keydown=${this.#keep}>
        ${this.open ? this.#list() : nothing}
      </attriscope-popover>`;
  }

  /** Opens the list and leads the focus into it. */
  async show(): Promise<void> {
    this.open = true;
    await this.updateComplete;
    const rows = this.renderRoot.querySelector("attriscope-predictions");
    await (rows as LitElement | null)?.updateComplete;
    rows?.shadowRoot!.querySelector<HTMLElement>('[tabindex="0"]')?.focus({ preventScroll: true });
  }

  #list() {
    const { predictions } = this;
    return html`<attriscope-predictions
        autofocus
        .predictions=${predictions}
        .target=${this.target}
        .truth=${this.truth}
        .max=${ROWS}
        @explain=${({ detail }: CustomEvent<Explain>) => this.#explain(detail.target, detail.all)}
      ></attriscope-predictions>
      ${predictions.length > ROWS ? this.#search() : nothing}
      <label class="all" title="As Shift+click does">
        <input type="checkbox" .checked=${this.all} @change=${() => (this.all = !this.all)} />on every sample
      </label>`;
  }

  #search() {
    const { predictions } = this;
    const choose = (event: Event): void => {
      const wanted = (event.target as HTMLInputElement).value.trim().toLowerCase();
      const found = predictions.find(({ label }) => label.toLowerCase() === wanted);
      if (found) this.#explain(found.index, false);
    };
    return html`<input
        class="find"
        placeholder="any of ${predictions.length} classes"
        aria-label="Another class"
        list="classes"
        data-control="target"
        @change=${choose}
      />
      <datalist id="classes">${predictions.map(({ label }) => html`<option value=${label}></option>`)}</datalist>`;
  }

  #explain(target: number, all: boolean): void {
    const detail: Explain = { target, all: all || this.all };
    this.#close();
    this.dispatchEvent(new CustomEvent("explain", { detail }));
  }

  readonly #close = (): void => {
    this.open = false;
    this.all = false;
  };

  /** Keys that are used in the list have no meaning around it; Tab is the browser's. */
  readonly #keep = (event: KeyboardEvent): void => {
    if (event.key !== "Tab") event.stopPropagation();
  };
}
