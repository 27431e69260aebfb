/** A segmented choice: one of a few. Fires "choose" with the value as detail. */
import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { property } from "lit/decorators.js";
import { rove } from "./roving";
import { base } from "./tokens";

export interface Segment {
  value: string;
  label: string;
  title?: string;
  /** In place of the label, which then is only read out. */
  icon?: TemplateResult;
  /** Something of it is in use though it is not chosen. */
  marked?: boolean;
  /** Cannot be chosen; its title says why. */
  disabled?: boolean;
}

export class AttriscopeSegments extends LitElement {
  @property() label = "";
  @property() value = "";
  @property({ attribute: false }) segments: readonly Segment[] = [];

  static override styles = [
    base,
    css`
      :host {
        display: block;
      }
      div {
        display: flex;
        flex-wrap: wrap;
        padding-right: 1px;
      }
      button {
        position: relative;
        height: 24px;
        margin-right: -1px;
        padding: 0 7px;
        border: 1px solid var(--line1);
        border-radius: 0;
        background: var(--bg);
        color: var(--fg2);
        white-space: nowrap;
      }
      button:first-child {
        border-radius: 3px 0 0 3px;
      }
      button:last-child {
        border-radius: 0 3px 3px 0;
      }
      button:hover {
        color: var(--fg);
      }
      button[aria-disabled] {
        color: color-mix(in srgb, var(--fg2) 60%, transparent);
        cursor: default;
      }
      button::after {
        content: attr(data-label);
        display: block;
        height: 0;
        overflow: hidden;
        visibility: hidden;
        font-weight: 600;
      }
      button[aria-checked="true"] {
        z-index: 1;
        border-color: var(--acc);
        background: var(--selected);
        color: var(--acct);
        font-weight: 600;
      }
      button:focus-visible {
        z-index: 2;
      }
      button.icon {
        width: 26px;
        padding: 0 6px;
      }
      .mark {
        position: absolute;
        top: 3px;
        right: 3px;
        width: 4px;
        height: 4px;
        border-radius: 50%;
        background: var(--acc);
      }
    `,
  ];

  override render() {
    const chosen = this.segments.some(({ value }) => value === this.value) ? this.value : this.segments[0]?.value;
    return html`<div role="radiogroup" aria-label=${this.label} @keydown=${rove}>
      ${this.segments.map(
        ({ value, label, title, icon, marked, disabled }) =>
          html`<button
            class=${icon ? "icon" : ""}
            role="radio"
            aria-label=${icon || marked ? `${label}${marked ? ", in use" : ""}` : nothing}
            aria-checked=${value === this.value}
            aria-disabled=${disabled ? "true" : nothing}
            tabindex=${value === chosen ? 0 : -1}
            title=${title ?? ""}
            data-roving
            data-value=${value}
            data-label=${icon ? "" : label}
            @click=${() => disabled || this.dispatchEvent(new CustomEvent("choose", { detail: value }))}
          >
            ${icon ?? label}${marked ? html`<i class="mark"></i>` : nothing}
          </button>`,
      )}
    </div>`;
  }
}
