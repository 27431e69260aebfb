/** Word mark, view, status, and whether a kernel answers. */
import { css, html, LitElement } from "lit";
import { property } from "lit/decorators.js";
import type { Actions, State } from "../state";
import { base } from "./tokens";

const BADGES = {
  live: ["Live", "The kernel answers: further samples can be fetched"],
  static: ["Static", "No kernel: everything works except fetching further samples. Run the cell to go on."],
  stopped: ["Stopped", "Nothing is computed; the reason is below"],
} as const;

export class AttriscopeHeader extends LitElement {
  /** Null while there is no session yet. */
  @property({ attribute: false, hasChanged: () => true }) state: Readonly<State> | null = null;
  @property({ attribute: false }) actions: Actions | null = null;
  @property() badge: keyof typeof BADGES = "live";

  static override styles = [
    base,
    css`
      :host {
        display: flex;
        align-items: center;
        height: 36px;
        padding: 0 12px;
        border-bottom: 1px solid var(--line);
      }
      .title,
      .tab {
        font-size: 13px;
        font-weight: 600;
      }
      .title {
        line-height: 20px;
        margin-right: 16px;
      }
      .tab {
        align-self: stretch;
        padding: 10px 8px 8px;
        line-height: 16px;
        margin-bottom: -1px;
        border-bottom: 2px solid var(--acc);
      }
      attriscope-status {
        margin-left: auto;
        padding-left: 16px;
      }
      .badge {
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
    `,
  ];

  override render() {
    const [text, title] = BADGES[this.badge];
    const starting = this.badge === "live" ? "starting" : "";
    return html`
      <span class="title">Attriscope</span>
      <span class="tab" aria-current="page">Samples</span>
      ${
        this.state && this.actions
          ? html`<attriscope-status .state=${this.state} .actions=${this.actions}></attriscope-status>`
          : html`<span class="starting">${starting}</span>`
      }
      <span class="badge ${this.badge}" title=${title} data-badge=${this.badge}
        ><span class="light"></span>${text}</span
      >
    `;
  }
}
