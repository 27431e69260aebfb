/** The colours from -1 to +1, and what they mean. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { RAMP_ENDS } from "../derived";
import { cssGradient } from "../styles/colormaps";
import type { Ramp, Sign } from "../styles/style";
import { base } from "./tokens";

export class AttriscopeLegend extends LitElement {
  @property({ attribute: false }) ramp!: Ramp;
  @property() sign: Sign = "signed";
  /** For bars, which have one colour for each sign. */
  @property({ type: Boolean }) flat = false;

  static override styles = [
    base,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 8px;
        font-size: 11px;
        color: var(--fg2);
        white-space: nowrap;
      }
      .ramp {
        width: 161px;
        height: 8px;
        box-shadow: 0 0 0 1px color-mix(in srgb, currentColor 14%, transparent);
      }
      .ticks {
        display: flex;
        justify-content: space-between;
        font-size: 10px;
        margin-top: 2px;
        line-height: 12px;
      }
      .ticks > :not(:first-child, :last-child) {
        flex: 1;
        text-align: center;
      }
      .swatch {
        display: flex;
        align-items: center;
        gap: 6px;
      }
      .swatch + .swatch {
        margin-left: 8px;
      }
      .swatch i {
        width: 12px;
        height: 8px;
        background: var(--positive);
      }
      .swatch.against i {
        background: var(--negative);
      }
      @container (width < 600px) {
        .ramp {
          width: 96px;
        }
      }
    `,
  ];

  override render() {
    const { words, ticks } = RAMP_ENDS[this.sign];
    if (this.flat) return words.map((word, end) => this.#swatch(word, end));
    const gradient = cssGradient(this.ramp, this.sign === "signed" ? -1 : 0);
    return html`<span>${words[0]}</span>
      <div>
        <div class="ramp" style="background: linear-gradient(90deg, ${gradient})"></div>
        <div class="ticks">${ticks.map((tick) => html`<span>${tick}</span>`)}</div>
      </div>
      <span>${words[1]}</span>`;
  }

  #swatch(word: string, end: number) {
    if (word === "") return nothing;
    const against = this.sign === "negative" || (this.sign === "signed" && end === 0);
    return html`<span class="swatch ${against ? "against" : ""}"><i></i>${word}</span>`;
  }
}
