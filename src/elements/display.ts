/** The DISPLAY line: how results are drawn. Nothing here computes anew. */
import { css, html, LitElement } from "lit";
import { property, state as own } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { Actions, Display } from "../state";
import { COLORMAPS } from "../styles/colormaps";
import { styleNamed, STYLES } from "../styles/index";
import { percent } from "./format";
import { chevron } from "./icons";
import { base, controls } from "./tokens";

const SIGNS = [
  { value: "signed", label: "Signed", title: "For and against the target" },
  { value: "positive", label: "Positive", title: "Only what speaks for the target" },
  { value: "negative", label: "Negative", title: "Only what speaks against the target" },
  { value: "absolute", label: "Absolute", title: "Magnitudes" },
];
const STYLE_SEGMENTS = STYLES.map(({ name, description }) => ({ value: name, label: name, title: description }));

/** Most of the magnitude must stay: beyond this nearly everything is drawn at full strength. */
const MAX_CLIP = 50;

export class AttriscopeDisplay extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) display!: Readonly<Display>;
  @property({ attribute: false }) actions!: Actions;
  @own() open = false;

  static override styles = [
    base,
    controls,
    css`
      input[type="range"] {
        width: 72px;
      }
      .figure {
        min-width: 32px;
        text-align: right;
        color: var(--fg);
      }
      .summary {
        display: none;
        flex: 1;
        min-width: 0;
      }
      .change {
        display: flex;
        align-items: center;
        gap: 4px;
      }
      .line {
        column-gap: 12px;
      }
      .colours {
        /* Where the line is full, the word wraps out of sight and the menu stays. */
        flex: 1 1 min-content;
        flex-wrap: wrap-reverse;
        justify-content: flex-end;
        align-content: flex-end;
        height: 24px;
        overflow: clip;
        overflow-clip-margin: 4px;
      }
      .unit {
        margin-left: -4px;
      }
      @container (900px <= width < 1030px) {
        .line {
          column-gap: 10px;
        }
        .word {
          display: none;
        }
        input[type="range"] {
          width: 48px;
        }
      }
      @container (width < 900px) {
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
    const { sign, style, opacity, clip, cmap } = this.display;
    const { usesOpacity } = styleNamed(style);
    const open = this.open ? "open" : "";
    const signName = SIGNS.find(({ value }) => value === sign)?.label ?? sign;
    const summary = `${signName} · ${style}${usesOpacity ? ` ${percent(opacity)}` : ""} · clip ${clip} % · ${cmap}`;
    return html`
      <span class="caps label" id="label">Display</span>
      <div class="line" role="group" aria-labelledby="label">
        <div class="summary">
          <span class="truncate" title=${summary}>${this.open ? "" : summary}</span>
          <button class="quiet end change" aria-expanded=${this.open} @click=${() => (this.open = !this.open)}>
            ${this.open ? "Done" : "Change"} ${chevron}
          </button>
        </div>
        <attriscope-segments
          class="choice ${open}"
          label="Sign"
          .segments=${SIGNS}
          .value=${sign}
          @choose=${({ detail }: CustomEvent<Display["sign"]>) => this.actions.setDisplay({ sign: detail })}
        ></attriscope-segments>
        <attriscope-segments
          class="choice ${open}"
          label="Style"
          .segments=${STYLE_SEGMENTS}
          .value=${style}
          @choose=${({ detail }: CustomEvent<string>) => this.actions.setDisplay({ style: detail })}
        ></attriscope-segments>
        <label class="field choice ${open}" title="How strongly the overlay covers the image">
          <span class="word">opacity</span>
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            data-control="opacity"
            style="--at: ${opacity}"
            ?disabled=${!usesOpacity}
            .value=${live(String(opacity))}
            @input=${(event: Event) => this.actions.setDisplay({ opacity: Number((event.target as HTMLInputElement).value) })}
          />
          <span class="figure">${percent(opacity)}</span>
        </label>
        <label
          class="field choice ${open}"
          title="The strongest values, up to this share of the total magnitude, are drawn at full strength (Captum's outlier_perc)"
        >
          <span>clip</span>
          <input
            class="control"
            inputmode="decimal"
            data-control="clip"
            .value=${live(String(clip))}
            @change=${this.#clip}
          />
          <span class="unit">%</span>
        </label>
        <label class="field choice colours ${open}" title="Colours">
          <span class="word">colours</span>
          <select
            class="control"
            data-control="cmap"
            @change=${(event: Event) => this.actions.setDisplay({ cmap: (event.target as HTMLSelectElement).value })}
          >
            ${COLORMAPS.map(
              ({ name, description }) =>
                html`<option value=${name} title=${description} ?selected=${name === cmap} .selected=${name === cmap}>
                  ${name}
                </option>`,
            )}
          </select>
        </label>
      </div>
    `;
  }

  #clip(event: Event): void {
    const input = event.target as HTMLInputElement;
    const value = Number(input.value.replace(",", "."));
    if (input.value.trim() !== "" && value >= 0 && value <= MAX_CLIP) this.actions.setDisplay({ clip: value });
    else input.value = String(this.display.clip);
  }
}
