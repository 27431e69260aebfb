/** What computes and how well it agrees with PyTorch; the progress of long work takes the same place. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { Backend } from "../backend";
import { MAX_DIFFERENCE, type Actions, type State } from "../state";
import { check, warning } from "./icons";
import { duration, magnitude } from "../format";
import { base } from "./tokens";

/** Above this relative difference from PyTorch's own outputs the explorer warns. */
const BACKENDS: Record<Backend, string> = { webgl: "WebGL", wasm: "WASM", cpu: "CPU" };

export class AttriscopeStatus extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) actions!: Actions;

  static override styles = [
    base,
    css`
      :host {
        display: flex;
        align-items: center;
        min-width: 0;
        height: 24px;
        font-size: 11px;
        color: var(--fg2);
        white-space: nowrap;
      }
      .mark {
        display: flex;
        align-items: center;
      }
      .mark svg {
        margin: 0 4px;
      }
      .ok svg {
        margin-right: 0;
        color: var(--ok);
      }
      .warn {
        color: var(--warn);
      }
      select {
        appearance: none;
        field-sizing: content;
        height: 24px;
        padding: 0;
        border: 0;
        border-radius: 3px;
        background: none;
        cursor: pointer;
      }
      select:hover {
        color: var(--fg);
        text-decoration: underline dotted;
        text-underline-offset: 3px;
      }
      option {
        background: var(--bg);
        color: var(--fg);
      }
      .dot {
        white-space: pre;
      }
      .progress {
        display: flex;
        align-items: center;
        gap: 12px;
        min-width: 0;
      }
      .name {
        color: var(--fg);
      }
      .track {
        width: 160px;
        height: 4px;
        background: var(--track);
      }
      .fill {
        height: 100%;
        background: var(--acc);
        transition: width 120ms ease-out;
      }
      .count {
        min-width: 96px;
        text-align: right;
      }
      button {
        height: 20px;
        padding: 0 8px;
        border: 1px solid var(--line1);
        border-radius: 3px;
        background: var(--bg);
        color: var(--fg);
      }
      button:hover {
        border-color: var(--fg2);
      }
      @container (width < 900px) {
        .agreement,
        .name,
        .eta {
          display: none;
        }
        .track {
          width: 72px;
        }
        .count {
          min-width: 0;
        }
      }
      @container (width < 600px) {
        .progress {
          gap: 8px;
        }
        .track {
          width: 40px;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .fill {
          transition: none;
        }
      }
    `,
  ];

  override render() {
    const { phase, progress, engine } = this.state;
    if (progress) return this.#progress(progress);
    if (phase.name === "preparing") return html`starting`;
    if (!engine) return nothing;
    const ms = engine.ms === null ? nothing : html`<span class="dot"> · ${duration(engine.ms)}</span>`;
    return html`${this.#backend(engine)}${ms}${this.#agreement(engine.maxDiff)}`;
  }

  #backend({ backend, available }: NonNullable<State["engine"]>) {
    const choose = (event: Event): void =>
      this.actions.setBackend((event.target as HTMLSelectElement).value as Backend);
    return html`<select
      aria-label="Computed on"
      title="What the model runs on; choose another"
      data-control="backend"
      @change=${choose}
    >
      ${available.map(
        (name) =>
          html`<option value=${name} ?selected=${name === backend} .selected=${name === backend}>
            ${BACKENDS[name]}
          </option>`,
      )}
    </select>`;
  }

  #agreement(maxDiff: number | null) {
    if (maxDiff === null) return nothing;
    const figure = magnitude(maxDiff);
    if (maxDiff <= MAX_DIFFERENCE) {
      return html`<span
        class="mark ok"
        role="img"
        aria-label="exact to PyTorch ${figure}"
        title="Largest relative difference from PyTorch's own outputs over all samples: ${figure}"
        ><span class="agreement dot"> · exact to PyTorch ${figure}</span>${check}</span
      >`;
    }
    return html`<span
      class="mark warn"
      role="img"
      aria-label="differs from PyTorch by ${figure}"
      title="The outputs computed here differ from PyTorch's own by up to ${figure} (relative; expected at most 1e−3). Choose another backend, or do not rely on these numbers."
      ><span class="dot"> · </span>${warning}<span class="agreement">differs from PyTorch by ${figure}</span></span
    >`;
  }

  #progress({ label, done, total, etaMs, cancellable }: NonNullable<State["progress"]>) {
    const share = total > 0 ? Math.min(done / total, 1) : 0;
    return html`<div class="progress">
      <span class="name truncate">${label}</span>
      <div
        class="track"
        role="progressbar"
        aria-label=${label}
        aria-valuemin="0"
        aria-valuemax=${total}
        aria-valuenow=${done}
      >
        <div class="fill" style="width: ${share * 100}%"></div>
      </div>
      <span class="count">
        ${Math.floor(done)} of
        ${total}${etaMs === null ? nothing : html`<span class="eta"> · ${(etaMs / 1000).toFixed(1)} s left</span>`}
      </span>
      ${cancellable ? html`<button data-action="cancel" @click=${() => this.actions.cancel()}>Cancel</button>` : nothing}
    </div>`;
  }
}
