/** The DISPLAY line: how results are drawn. Nothing here computes anew. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { Actions, Display } from "../state";
import { COLORMAPS } from "../styles/colormaps";
import { styleNamed, STYLES } from "../styles/index";
import { Fold } from "./fold";
import { percent } from "../format";
import { chevron, curve, stairs } from "./icons";
import { base, controls } from "./tokens";

const SIGNS = [
  { value: "signed", label: "Signed", title: "For and against the target" },
  { value: "positive", label: "Positive", title: "Only what speaks for the target" },
  { value: "negative", label: "Negative", title: "Only what speaks against the target" },
  { value: "absolute", label: "Absolute", title: "Magnitudes" },
];
const STYLE_SEGMENTS = STYLES.map(({ name, description }) => ({ value: name, label: name, title: description }));
const INTERPOLATIONS = [
  { value: "nearest", label: "Pixels", title: "Maps are drawn pixel by pixel", icon: stairs },
  { value: "smooth", label: "Smooth", title: "Maps are interpolated between their pixels", icon: curve },
];

/** Most of the magnitude must stay: beyond this nearly everything is drawn at full strength. */
const MAX_CLIP = 50;

export const PARTS = ["sign", "style", "opacity", "clip", "colours", "interpolation"] as const;

export class AttriscopeDisplay extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) display!: Readonly<Display>;
  @property({ attribute: false }) actions!: Actions;
  /** Some of {@link PARTS} by name, "sign style", without label and margins, for a line of another view; else the line. */
  @property({ reflect: true }) parts: string | null = null;
  /** No feature is a picture: tokens and rows have signs and colours alone. */
  @property({ type: Boolean }) plain = false;
  /** All of the line is shown. */
  @own() open = false;

  static override styles = [
    base,
    controls,
    css`
      :host([parts]) {
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 12px;
        padding: 0;
      }
      .line {
        flex: 1;
        min-width: 0;
        min-height: 32px;
      }
      .line.folding {
        --gap: 8px;
      }
      .field {
        gap: 6px;
      }
      input[type="range"] {
        width: 44px;
      }
      .figure {
        min-width: 30px;
        text-align: right;
        color: var(--fg);
      }
      .line.folding > .summary {
        display: none;
      }
      .change {
        display: flex;
        align-items: center;
        gap: 4px;
      }
      .unit {
        margin-left: -2px;
      }
      @container (width < 900px) {
        .line.folding {
          --rows: 9;
        }
        .line.folding > .summary {
          display: flex;
          align-items: center;
          gap: 8px;
          margin-right: 0;
        }
        .line:not(.open) > .choice,
        .line > .ends {
          display: none !important;
        }
      }
    `,
  ];

  constructor() {
    super();
    new Fold(this);
  }

  override render() {
    if (this.parts !== null) return this.#shown().map((part) => this.#part(part));
    const { sign, style, opacity, clip, cmap, interpolation } = this.display;
    const signName = SIGNS.find(({ value }) => value === sign)?.label ?? sign;
    const pictures = [
      styleNamed(style).usesOpacity ? `${style} ${percent(opacity)}` : style,
      `clip ${clip} %`,
      ...(interpolation === "smooth" ? ["smooth"] : []),
    ];
    const summary = [signName, ...(this.plain ? [] : pictures), cmap].join(" · ");
    const toggle = (): void => void (this.open = !this.open);
    return html`
      <span class="caps label" id="label">Display</span>
      <div class="line folding ${this.open ? "open" : ""}" role="group" aria-labelledby="label">
        <div class="summary">
          <span class="truncate" title=${summary}>${this.open ? "" : summary}</span>
          <button class="quiet end change" aria-expanded=${this.open} @click=${toggle}>
            ${this.open ? "Done" : "Change"} ${chevron}
          </button>
        </div>
        ${this.#shown().map((part) => html`<div class="choice">${this.#part(part)}</div>`)}
        <span class="ends"
          ><button class="quiet more" aria-expanded=${this.open} @click=${toggle}>
            ${this.open ? "Less" : "More"}
          </button></span
        >
      </div>
    `;
  }

  #shown(): (typeof PARTS)[number][] {
    const asked = this.parts?.split(/\s+/);
    const able = PARTS.filter((part) => !this.plain || part === "sign" || part === "colours");
    return asked ? able.filter((part) => asked.includes(part)) : able;
  }

  #part(part: (typeof PARTS)[number]) {
    const { sign, style, opacity, clip, cmap, interpolation } = this.display;
    switch (part) {
      case "sign":
        return this.#segments("Sign", SIGNS, sign, (value) => ({ sign: value as Display["sign"] }));
      case "style":
        return this.#segments("Style", STYLE_SEGMENTS, style, (value) => ({ style: value }));
      case "interpolation":
        return this.#segments("Interpolation", INTERPOLATIONS, interpolation, (value) => ({
          interpolation: value as Display["interpolation"],
        }));
      case "opacity":
        return html`<label class="field" title="How strongly the overlay covers the image">
          <span>opacity</span>
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            data-control="opacity"
            style="--at: ${opacity}"
            ?disabled=${!styleNamed(style).usesOpacity}
            .value=${live(String(opacity))}
            @input=${(event: Event) => this.#set({ opacity: Number((event.target as HTMLInputElement).value) })}
          />
          <span class="figure">${percent(opacity)}</span>
        </label>`;
      case "clip":
        return html`<label
          class="field"
          title="The strongest values, up to this share of the total magnitude, are drawn at full strength (Captum's outlier_perc); 0 to ${MAX_CLIP}"
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
        </label>`;
      case "colours":
        return html`<select
          class="control"
          aria-label="Colours"
          title="Colours"
          data-control="cmap"
          @change=${(event: Event) => this.#set({ cmap: (event.target as HTMLSelectElement).value })}
        >
          ${COLORMAPS.map(
            ({ name, description }) =>
              html`<option value=${name} title=${description} ?selected=${name === cmap} .selected=${name === cmap}>
                ${name}
              </option>`,
          )}
        </select>`;
      default:
        return nothing;
    }
  }

  #segments(
    label: string,
    segments: readonly { value: string; label: string }[],
    value: string,
    change: (value: string) => Partial<Display>,
  ) {
    return html`<attriscope-segments
      label=${label}
      .segments=${segments}
      .value=${value}
      @choose=${({ detail }: CustomEvent<string>) => this.#set(change(detail))}
    ></attriscope-segments>`;
  }

  #set(display: Partial<Display>): void {
    this.actions.setDisplay(display);
  }

  readonly #clip = (event: Event): void => {
    const input = event.target as HTMLInputElement;
    const value = Number(input.value.replace(",", "."));
    if (input.value.trim() !== "" && value >= 0 && value <= MAX_CLIP) this.#set({ clip: value });
    else input.value = String(this.display.clip);
  };
}
