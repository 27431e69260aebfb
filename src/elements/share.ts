/** One feature's attributions as a bar around zero: what speaks against and for, the net as a dot, and its number. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { Attribution } from "../state";
import { signed } from "../format";
import { base } from "./tokens";

export class AttriscopeShare extends LitElement {
  @property() feature = "";
  @property({ attribute: false }) attribution: Attribution | null = null;
  /** Sum of the magnitudes of all features: the whole that the bar is a share of. */
  @property({ type: Number }) whole = 0;

  static override styles = [
    base,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 72px) minmax(0, 176px) minmax(48px, 1fr);
        align-items: center;
        height: 20px;
        font-size: 11px;
        color: var(--fg2);
      }
      .bar {
        position: relative;
        height: 12px;
        /* Of a result that is being replaced. */
        opacity: var(--faded, 1);
      }
      .bar > * {
        position: absolute;
      }
      .part {
        top: 3px;
        height: 6px;
        transition: width 120ms ease-out;
      }
      .negative {
        right: 50%;
        background: var(--negative);
      }
      .positive {
        left: 50%;
        background: var(--positive);
      }
      .zero {
        left: 50%;
        width: 1px;
        height: 12px;
        background: var(--fg2);
      }
      .net {
        top: 2px;
        width: 8px;
        height: 8px;
        margin-left: -3.5px;
        border: 2px solid var(--bg);
        border-radius: 50%;
        background: var(--fg);
      }
      .figure {
        text-align: right;
        color: var(--fg);
      }
      .empty + .bar .zero {
        background: var(--line1);
      }
      .figure.empty {
        color: var(--fg2);
      }
      @media (prefers-reduced-motion: reduce) {
        .part {
          transition: none;
        }
      }
    `,
  ];

  override render() {
    const name = html`<span class="truncate ${this.attribution ? "" : "empty"}" title=${this.feature}
      >${this.feature}</span
    >`;
    if (!this.attribution)
      return html`${name}
        <div class="bar"><div class="zero"></div></div>
        <span class="figure empty">–</span>`;
    const { positive, negative, share, contribution } = this.attribution;
    const part = (value: number): string => (this.whole > 0 ? `${(Math.abs(value) / this.whole) * 50}%` : "0");
    const title = [
      `share ${signed(share, 3)} = sum / sum of magnitudes over all features`,
      `for ${signed(positive, 3, true)}, against ${signed(negative, 3, true)}`,
      `contribution ${signed(contribution, 3)} = sum / sum over the features of |sum|, as in Captum Insights`,
    ].join("\n");
    return html`${name}
      <div class="bar" title=${title}>
        <div class="part negative" style="width: ${part(negative)}"></div>
        <div class="part positive" style="width: ${part(positive)}"></div>
        <div class="zero"></div>
        ${this.whole > 0 ? html`<div class="net" style="left: ${50 + share * 50}%"></div>` : nothing}
      </div>
      <span class="figure" title=${title}>${signed(share, 2)}</span>`;
  }
}
