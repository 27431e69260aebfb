/** Something to tell: as one strip beside the cards, or as a page in their place. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { Notice } from "../state";
import { alarm, warning } from "./icons";
import { base } from "./tokens";

export class AttriscopeNotice extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) notice!: Notice;
  /** One line high, beside the cards. */
  @property({ type: Boolean }) strip = false;
  /** Offers the text for the clipboard. */
  @property({ type: Boolean }) copy = false;

  static override styles = [
    base,
    css`
      .page {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 0 18px;
        padding: 16px 12px 20px;
      }
      .page > svg {
        margin-top: 3px;
        color: var(--err);
      }
      .page.plain {
        grid-template-columns: minmax(0, 1fr);
      }
      h3 {
        margin: 0;
        font-size: 13px;
        line-height: 20px;
        font-weight: 600;
      }
      p {
        margin: 2px 0 0;
        line-height: 18px;
        color: var(--fg2);
        white-space: pre-line;
        overflow-wrap: anywhere;
      }
      dl {
        display: grid;
        grid-template-columns: minmax(92px, auto) minmax(0, 1fr);
        gap: 4px 16px;
        margin: 10px 0 0;
      }
      dt {
        color: var(--fg2);
      }
      dd {
        margin: 0;
        font-family: var(--code);
        font-size: 11px;
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      h4 {
        margin: 16px 0 0;
      }
      ol {
        margin: 4px 0 0;
        padding: 0;
        list-style: none;
        counter-reset: step;
      }
      li {
        display: flex;
        gap: 12px;
        padding: 2px 0 2px 9px;
        counter-increment: step;
        overflow-wrap: anywhere;
      }
      li::before {
        content: counter(step);
        color: var(--fg2);
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
        margin-top: 10px;
      }
      .actions button {
        height: 24px;
        padding: 0 8px;
        border: 1px solid var(--line1);
        border-radius: 3px;
        background: var(--bg);
        color: var(--fg);
      }
      .actions button:hover {
        border-color: var(--fg2);
      }
      .actions .primary {
        border-color: var(--acc);
        color: var(--acct);
        font-weight: 600;
      }
      .strip {
        display: flex;
        align-items: center;
        gap: 6px;
        min-height: 32px;
        padding: 4px 12px;
        border-bottom: 1px solid var(--line);
        color: var(--fg2);
      }
      .strip.warning {
        color: var(--warn);
      }
      .strip.error {
        color: var(--err);
      }
      .strip .actions {
        margin: 0 0 0 auto;
        flex: none;
      }
      .strip button {
        border-color: transparent;
        background: none;
        color: var(--fg2);
      }
    `,
  ];

  override render() {
    return this.strip ? this.#strip() : this.#page();
  }

  #strip() {
    const { kind, title, text } = this.notice;
    const icon = kind === "warning" ? warning : kind === "error" ? alarm : nothing;
    return html`<div class="strip ${kind}" role=${kind === "error" ? "alert" : "status"}>
      ${icon}<span>${title} ${text}</span>${this.#actions()}
    </div>`;
  }

  #page() {
    const { kind, title, text, facts = [], steps = [] } = this.notice;
    const error = kind === "error";
    return html`<div class="page ${error ? "" : "plain"}" role=${error ? "alert" : "status"}>
      ${error ? alarm : nothing}
      <div>
        <h3>${title}</h3>
        <p>${text}</p>
        ${
          facts.length > 0
            ? html`<dl>
                ${facts.map(
                  ([label, value]) =>
                    html`<dt>${label}</dt>
                      <dd>${value}</dd>`,
                )}
              </dl>`
            : nothing
        }
        ${
          steps.length > 0
            ? html`<h4 class="caps">What to do</h4>
                <ol>
                  ${steps.map((step) => html`<li><span>${step}</span></li>`)}
                </ol>`
            : nothing
        }
        ${this.#actions()}
      </div>
    </div>`;
  }

  #actions() {
    const { actions = [] } = this.notice;
    if (actions.length === 0 && !this.copy) return nothing;
    return html`<div class="actions">
      ${actions.map(
        ({ label, run, primary }) =>
          html`<button class=${primary ? "primary" : ""} data-action=${label} @click=${() => run()}>${label}</button>`,
      )}
      ${
        this.copy
          ? html`<button data-action="copy" @click=${() => navigator.clipboard?.writeText(this.#plain())}>
              Copy details
            </button>`
          : nothing
      }
    </div>`;
  }

  #plain(): string {
    const { title, text, facts = [], steps = [] } = this.notice;
    return [title, text, ...facts.map(([label, value]) => `${label}: ${value}`), ...steps].join("\n");
  }
}
