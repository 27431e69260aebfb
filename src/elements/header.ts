/** Word mark, views, undo and redo, status, whether a kernel answers, and export. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { Actions, State, View } from "../state";
import { redo, undo } from "./icons";
import type { Look } from "./map";
import { rove } from "./roving";
import { base, controls } from "./tokens";

const BADGES = {
  live: ["Live", "The kernel answers: further samples can be fetched"],
  static: ["Static", "No kernel: everything works except fetching further samples. Run the cell to go on."],
  stopped: ["Stopped", "Nothing is computed; the reason is below"],
} as const;

const TABS: Record<View, [label: string, title: string]> = {
  samples: ["Samples", "What did the model look at?"],
  compare: ["Compare", "Do methods, or models, agree, and which is faithful?"],
  inspect: ["Inspect", "What happens if this input changes?"],
};

export class AttriscopeHeader extends LitElement {
  /** Null while there is no session yet. */
  @property({ attribute: false, hasChanged: () => true }) state: Readonly<State> | null = null;
  @property({ attribute: false }) actions: Actions | null = null;
  /** For the export of pictures; null while there are none. */
  @property({ attribute: false }) look: Look | null = null;
  @property() badge: keyof typeof BADGES = "live";

  static override styles = [
    base,
    controls,
    css`
      :host {
        align-items: center;
        min-height: 36px;
        padding: 0 12px;
        border-bottom: 1px solid var(--line);
      }
      .title {
        flex: none;
        margin-right: 16px;
        font-size: 13px;
        line-height: 20px;
        font-weight: 600;
      }
      .tabs {
        display: flex;
        align-self: stretch;
        gap: 4px;
        margin-bottom: -1px;
      }
      .tab {
        padding: 8px 8px 6px;
        border: 0;
        border-bottom: 2px solid transparent;
        background: none;
        font-size: 13px;
        line-height: 20px;
        color: var(--fg2);
      }
      .tab::after {
        content: attr(data-label);
        display: block;
        height: 0;
        overflow: hidden;
        visibility: hidden;
        font-weight: 600;
      }
      .tab:hover:not(:disabled) {
        color: var(--fg);
      }
      .tab[aria-selected="true"] {
        border-color: var(--acc);
        font-weight: 600;
        color: var(--fg);
      }
      .tab:focus-visible {
        outline-offset: -3px;
      }
      .tab:disabled:not([aria-selected="true"]) {
        opacity: 0.5;
      }
      .history {
        display: flex;
        margin-left: 8px;
      }
      attriscope-status {
        flex: 0 1 auto;
        margin-left: auto;
        padding-left: 16px;
        overflow: clip;
        overflow-clip-margin: 4px;
      }
      .badge {
        flex: none;
        display: flex;
        align-items: center;
        gap: 4px;
        height: 20px;
        margin-left: 16px;
        padding: 0 8px;
        border: 1px solid var(--line);
        border-radius: 10px;
        font-size: 11px;
        white-space: nowrap;
      }
      attriscope-export {
        flex: none;
        margin-left: 16px;
      }
      .starting {
        margin-left: auto;
        font-size: 11px;
        color: var(--fg2);
      }
      .light {
        width: 6px;
        height: 6px;
        border-radius: 50%;
        border: 1px solid var(--fg2);
      }
      .live .light {
        border: 0;
        background: var(--ok);
      }
      @container (width < 900px) {
        .badge,
        attriscope-export {
          margin-left: 8px;
        }
      }
      @container (width < 600px) {
        :host {
          flex-wrap: wrap;
        }
        /* For readers who do not see its colour the word stays. */
        .badge {
          position: relative;
          padding: 0 7px;
        }
        .word {
          position: absolute;
          width: 1px;
          overflow: hidden;
          clip-path: inset(50%);
        }
        .title {
          line-height: 36px;
        }
        .tabs {
          order: 1;
          margin-left: -8px;
        }
        .history {
          order: 2;
          height: 36px;
          align-items: center;
          margin-left: auto;
        }
        /* A line of its own begins with the tabs. */
        .break {
          order: 1;
          flex-basis: 100%;
        }
      }
    `,
  ];

  /** On the view that is shown. */
  override focus(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  }

  override render() {
    const { state, actions } = this;
    const [text, title] = BADGES[this.badge];
    const starting = this.badge === "live" ? "starting" : "";
    return html`
      <span class="title">Attriscope</span>
      <i class="break"></i>
      ${this.#tabs()} ${state && actions ? this.#history(state, actions) : nothing}
      ${
        state && actions
          ? html`<attriscope-status .state=${state} .actions=${actions}></attriscope-status>`
          : html`<span class="starting">${starting}</span>`
      }
      <span class="badge ${this.badge}" title="${text}. ${title}" data-badge=${this.badge}
        ><span class="light"></span><span class="word">${text}</span></span
      >
      ${
        state && actions && this.look
          ? html`<attriscope-export .state=${state} .look=${this.look} .actions=${actions}></attriscope-export>`
          : nothing
      }
    `;
  }

  #tabs() {
    const view = this.state?.view ?? "samples";
    const ready = this.state?.phase.name === "ready";
    return html`<div class="tabs" role="tablist" aria-label="View" @keydown=${rove}>
      ${(Object.keys(TABS) as View[]).map((name) => {
        const [label, title] = TABS[name];
        return html`<button
          class="tab"
          role="tab"
          aria-selected=${name === view}
          tabindex=${name === view ? 0 : -1}
          title=${title}
          data-roving
          data-view=${name}
          data-label=${label}
          ?disabled=${!ready}
          @click=${() => this.actions?.setView(name)}
        >
          ${label}
        </button>`;
      })}
    </div>`;
  }

  #history({ canUndo, canRedo }: Readonly<State>, actions: Actions) {
    const apple = /Mac|iP(hone|ad)/.test(navigator.platform);
    const [undoKeys, redoKeys] = apple ? ["⌘Z", "⇧⌘Z"] : ["Ctrl+Z", "Ctrl+Shift+Z"];
    return html`<div class="history">
      <button
        class="quiet icon"
        aria-label="Undo"
        title="Undo (${undoKeys})"
        data-action="undo"
        ?disabled=${!canUndo}
        @click=${() => actions.undo()}
      >
        ${undo}
      </button>
      <button
        class="quiet icon"
        aria-label="Redo"
        title="Redo (${redoKeys})"
        data-action="redo"
        ?disabled=${!canRedo}
        @click=${() => actions.redo()}
      >
        ${redo}
      </button>
    </div>`;
  }
}
