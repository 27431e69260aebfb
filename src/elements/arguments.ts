/** One argument of a method: its field, built from its ParamSpec, and the text of its value. */
import { css, html, LitElement, noChange, nothing } from "lit";
import { property } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { Arguments, ArgumentValue, LayerInfo, ParamSpec } from "../methods/method";
import { startOf } from "../state";
import { back, warning } from "./icons";
import { base, controls } from "./tokens";

/** Shorter words for Captum's argument names; the title gives the name itself. */
const LABELS: Record<string, string> = {
  n_steps: "steps",
  method: "rule",
  sliding_window_shapes: "window",
  strides: "stride",
  perturbations_per_eval: "at once",
  internal_batch_size: "batch",
  abs: "absolute",
  attribute_to_layer_input: "its input",
  relu_attributions: "positive only",
  attribution_method: "of",
  nt_type: "type",
  nt_samples: "samples",
  n_samples: "samples",
  n_masks: "masks",
  n_segments: "how many",
  distance_mode: "distance",
  kernel_width: "kernel",
  attr_dim_summation: "sum channels",
  multiply_by_inputs: "times input",
};

export const labelOf = (name: string): string => LABELS[name] ?? name.replaceAll("_", " ");

/** As it is written into a field: "" for null, "3 5 5" for a shape, one shape per input after another: "3 5 5; 1 2 2". */
export function textOf(value: ArgumentValue | undefined): string {
  if (value === null || value === undefined) return "";
  if (!Array.isArray(value)) return String(value);
  const perInput = value.some((part) => part === null || Array.isArray(part));
  return perInput ? value.map((part) => textOf(part)).join("; ") : value.join(" ");
}

/**
 * What a field's text means; what cannot be read stays a string, which the session refuses with its own words.
 * In a list by input, `;` stands between the inputs and a lone number is a list of one.
 */
export function parseArgument(spec: ParamSpec, text: string): ArgumentValue {
  const trimmed = text.trim();
  if (spec.kind === "enum" || spec.kind === "layer") return text || null;
  if (trimmed === "") return null;
  if (spec.kind !== "shape") return numberOr(trimmed.replace("\u2212", "-").replace(",", "."), trimmed);
  const parts = trimmed
    .split(";")
    .map((part) => part.match(/[^\s,×x()[\]]+/g)?.map((word) => numberOr(word, word)) ?? null);
  if (parts.some((part) => part?.some((value) => typeof value === "string"))) return trimmed;
  const shapes = parts as (number[] | null)[];
  return shapes.length > 1 ? shapes : shapes[0]?.length === 1 ? shapes[0][0] : shapes[0];
}

function numberOr<Other>(text: string, other: Other): number | Other {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? other : value;
}

/** "2 to 500", "from 0 on", "1 to 32 px"; empty where anything on offer will do. */
export function limitsOf(spec: ParamSpec, side: number | null = null): string {
  const unit = spec.unit ? ` ${spec.unit}` : "";
  if (spec.kind === "shape") return side === null ? "" : `1 to ${side}${unit}`;
  if (spec.kind !== "int" && spec.kind !== "float") return "";
  const { min, max } = spec;
  if (max === undefined) return `from ${min} on${unit}`;
  return `${spec.kind === "float" ? "a number from " : ""}${min} to ${max}${unit}`;
}

/** Where it starts, and where Captum would; Captum takes no layer by itself. */
export function startsOf(spec: ParamSpec, layers: readonly LayerInfo[]): string {
  const [start, captum] = [startOf(spec, layers), spec.default].map(
    (value) => textOf(value) || (spec.auto ?? "nothing"),
  );
  return spec.kind === "layer" || start === captum ? start : `${start}, in Captum ${captum}`;
}

/** The whole of what is to be known of it, as a sentence or two. */
export function helpOf(spec: ParamSpec, layers: readonly LayerInfo[], side: number | null = null): string {
  const hint = spec.kind === "shape" ? "as 5, or 3 5 5; several inputs after ;" : "";
  const parts = [spec.help, limitsOf(spec, side), hint, `starts at ${startsOf(spec, layers)}`];
  return `${spec.name}: ${parts.filter(Boolean).join("; ")}`;
}

interface Slider {
  min: number;
  max: number;
  step: number;
}

/** A window's slider makes it a square. */
const SQUARE = "sliding_window_shapes";

function sliderOf(spec: ParamSpec, side: number | null): Slider | null {
  if (spec.kind === "shape" && spec.name === SQUARE && side !== null) return { min: 1, max: side, step: 1 };
  if (!("slider" in spec) || !spec.slider) return null;
  const [min, max] = spec.slider;
  return { min, max, step: spec.kind === "int" ? 1 : 10 ** Math.floor(Math.log10((max - min) / 50)) };
}

/** Fires "argument" with [name, value], while a slider is dragged too. */
export class AttriscopeArgument extends LitElement {
  @property({ attribute: false }) spec!: ParamSpec;
  /** As entered. */
  @property({ attribute: false }) value: ArgumentValue | undefined;
  /** Why it is refused. */
  @property() error: string | undefined;
  /** What an argument of the kind "layer" can name. */
  @property({ attribute: false }) layers: readonly LayerInfo[] = [];
  /** Pixels of the shorter side of the inputs; null where they are no images. */
  @property({ type: Number }) side: number | null = null;

  static override styles = [
    base,
    controls,
    css`
      :host {
        position: relative;
        display: inline-flex;
        align-items: center;
        height: 24px;
        padding: 0;
      }
      input[type="range"] {
        width: 80px;
      }
      input.number {
        width: 52px;
      }
      input.shape {
        width: 64px;
      }
      .unit {
        position: absolute;
        right: 6px;
        font-size: 11px;
        color: var(--fg2);
        pointer-events: none;
      }
      input:has(+ .unit) {
        padding-right: 20px;
      }
      select.layer {
        width: 136px;
      }
      input::placeholder {
        color: var(--fg2);
        opacity: 1;
      }
      input.unset {
        --thumb-line: var(--line1);
      }
      /* In the gap behind the field: it comes and goes without moving anything. */
      .reset {
        position: absolute;
        left: 100%;
        display: grid;
        place-items: center;
        width: 24px;
        height: 24px;
        margin-left: -2px;
        padding: 0 6px 0 0;
        border: 0;
        border-radius: 3px;
        background: none;
        color: var(--acct);
      }
      .reset svg {
        width: 10px;
        height: 10px;
      }
      .reset:hover {
        color: var(--fg);
      }
      @container (width < 600px) {
        input[type="range"] {
          width: 72px;
        }
      }
    `,
  ];

  /** It is being typed: a change of the state meanwhile does not take it out of the field. */
  #typed = false;

  override render() {
    const { spec, value, layers } = this;
    const start = startOf(spec, layers);
    const name = textOf(start) || (spec.auto ?? "");
    const help = helpOf(spec, layers, this.side);
    return html`<label class="field" title=${help}><span>${labelOf(spec.name)}</span>${this.#control()}</label
      ><span hidden id="help">${help}${this.error ? `. Refused: ${this.error}` : ""}</span>${
        JSON.stringify(value ?? null) === JSON.stringify(start)
          ? nothing
          : html`<button
              class="reset"
              aria-label="${labelOf(spec.name)} back to ${name}"
              title="Back to ${name}"
              data-reset=${spec.name}
              @click=${() => this.#send(start)}
            >
              ${back}
            </button>`
      }`;
  }

  #send(value: ArgumentValue): void {
    this.#typed = false;
    this.dispatchEvent(new CustomEvent("argument", { detail: [this.spec.name, value] }));
  }

  #control() {
    const { spec, value } = this;
    switch (spec.kind) {
      case "bool":
        return html`<input
          type="checkbox"
          data-argument=${spec.name}
          aria-describedby="help"
          .checked=${live(value === true)}
          @change=${(event: Event) => this.#send((event.target as HTMLInputElement).checked)}
        />`;
      case "enum":
        return html`<select
          class="control"
          data-argument=${spec.name}
          aria-describedby="help"
          @change=${(event: Event) => this.#send((event.target as HTMLSelectElement).value)}
        >
          ${spec.options.map(
            (option) =>
              html`<option value=${option} ?selected=${option === value} .selected=${option === value}>
                ${option}
              </option>`,
          )}
        </select>`;
      case "layer":
        return this.#layer(spec);
      default:
        return html`${this.#slider()}${this.#text(spec.kind === "shape" ? "shape" : "number")}`;
    }
  }

  #text(kind: "shape" | "number") {
    const { spec, value } = this;
    return html`<input
        type="text"
        class="control ${kind}"
        autocomplete="off"
        spellcheck="false"
        inputmode=${kind === "number" ? "decimal" : "text"}
        placeholder=${spec.auto ?? ""}
        data-argument=${spec.name}
        aria-label=${labelOf(spec.name)}
        aria-describedby="help"
        aria-invalid=${this.error !== undefined}
        .value=${this.#typed ? noChange : live(textOf(value))}
        @input=${() => (this.#typed = true)}
        @blur=${() => (this.#typed = false)}
        @change=${(event: Event) => this.#send(parseArgument(spec, (event.target as HTMLInputElement).value))}
        @keydown=${this.#step}
      />${spec.unit ? html`<span class="unit">${spec.unit}</span>` : nothing}`;
  }

  #layer(spec: Extract<ParamSpec, { kind: "layer" }>) {
    const choices = this.layers.filter(({ spatial }) => spatial || !spec.spatial);
    // Inner modules stand under the ones they are part of.
    const depth = (name: string): number => choices.filter((outer) => name.startsWith(`${outer.name}.`)).length;
    const size = (shape: LayerInfo["shape"]): string => shape.slice(1).map((d) => d ?? "?").join("×"); // prettier-ignore
    const { value } = this;
    return html`<select
      class="control layer"
      data-argument=${spec.name}
      aria-describedby="help"
      @change=${(event: Event) => this.#send(parseArgument(spec, (event.target as HTMLSelectElement).value))}
    >
      <option value="" ?selected=${!value} .selected=${!value}>${spec.auto}</option>
      ${choices.map(
        ({ name, class: type, shape }) =>
          html`<option value=${name} ?selected=${name === value} .selected=${name === value} title=${name}>
            ${" ".repeat(depth(name))}${name} · ${type.replace(/^.*\./, "")} ${size(shape)}
          </option>`,
      )}
    </select>`;
  }

  #slider() {
    const { spec, value } = this;
    const slider = sliderOf(spec, this.side);
    if (!slider) return nothing;
    const { min, max, step } = slider;
    // Of a window [C, H, W] the last side.
    const given = Array.isArray(value) ? value.flat().at(-1) : value;
    const number = typeof given === "number" ? given : Number(startOf(spec, this.layers) ?? min);
    const at = Math.max(0, Math.min(1, (number - min) / (max - min)));
    return html`<input
      type="range"
      class=${value === null ? "unset" : ""}
      aria-label="${labelOf(spec.name)}, slider"
      aria-describedby="help"
      data-slider=${spec.name}
      min=${min}
      max=${max}
      step=${step}
      style="--at: ${at}"
      .value=${live(String(number))}
      @input=${(event: Event) => this.#send(Number((event.target as HTMLInputElement).value))}
    />`;
  }

  /** Up and Down count whole numbers, as in a number field. */
  readonly #step = (event: KeyboardEvent): void => {
    const { spec, value } = this;
    if (spec.kind !== "int" || typeof value !== "number") return;
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const next = value + (event.key === "ArrowUp" ? 1 : -1);
    this.#send(Math.max(spec.min, Math.min(spec.max ?? Infinity, next)));
  };
}

/** Why arguments are refused, and what the results below still use. */
export function errorsBelow(errors: Record<string, string>, used: Arguments) {
  const entries = Object.entries(errors);
  if (entries.length === 0) return nothing;
  return html`<div class="errors" role="alert">
    ${entries.map(([name, error]) => {
      const text = error.startsWith(name) ? error : `${labelOf(name)}: ${error}`;
      const still = name in used ? ` Results below still use ${textOf(used[name]) || "the automatic value"}.` : "";
      return html`<span data-error=${name}>${warning}${/[.!?]$/.test(text) ? text : `${text}.`}${still}</span>`;
    })}
  </div>`;
}
