/** The form of a method: fields built from its ParamSpecs, and the text of every argument's value. */
import { css, html, LitElement, noChange, nothing } from "lit";
import { property } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { Arguments, ArgumentValue, LayerInfo, ParamSpec } from "../methods/method";
import { warning } from "./icons";
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

export class AttriscopeArguments extends LitElement {
  @property({ attribute: false }) params: readonly ParamSpec[] = [];
  /** What an argument of the kind "layer" can name. */
  @property({ attribute: false }) layers: readonly LayerInfo[] = [];
  @property({ attribute: false }) values: Arguments = {};
  @property({ attribute: false }) errors: Record<string, string> = {};
  /** By argument name: what the shown results were computed with. */
  @property({ attribute: false }) used: Arguments = {};
  /** Fires "argument" with [name, value]. */

  static override styles = [
    base,
    controls,
    css`
      :host {
        display: contents;
      }
      input.number {
        width: 52px;
      }
      input.shape {
        width: 64px;
      }
      select.layer {
        width: 136px;
      }
      input::placeholder {
        color: var(--fg2);
        opacity: 1;
      }
      .errors {
        order: 2;
        display: flex;
        flex-direction: column;
        flex-basis: 100%;
        margin-top: -4px;
        font-size: 11px;
        color: var(--err);
      }
      .errors span {
        display: flex;
        align-items: center;
        gap: 6px;
      }
      @container (width < 900px) {
        .secondary:not(.open) {
          display: none;
        }
      }
      @container (width < 600px) {
        input[type="range"] {
          display: none;
        }
      }
    `,
  ];

  /** On narrow pages too, show what is else behind "More". */
  @property({ type: Boolean }) open = false;

  /** Argument that is being typed: a change of the state meanwhile does not take it out of the field. */
  #typed: string | null = null;

  override render() {
    let room = 2;
    return html`${this.params.map((spec) => {
      room -= "slider" in spec && spec.slider ? 2 : 1;
      const rank = room < 0 && !(spec.name in this.errors) ? "secondary" : "";
      return html`<label class="field ${rank} ${this.open ? "open" : ""}" title="${spec.name}: ${spec.help}">
        <span>${labelOf(spec.name)}</span>${this.#control(spec)}
      </label>`;
    })}${this.#errors()}`;
  }

  #send(spec: ParamSpec, value: ArgumentValue): void {
    this.#typed = null;
    this.dispatchEvent(new CustomEvent("argument", { detail: [spec.name, value] }));
  }

  #control(spec: ParamSpec) {
    const value = this.values[spec.name];
    switch (spec.kind) {
      case "bool":
        return html`<input
          type="checkbox"
          data-argument=${spec.name}
          .checked=${live(value === true)}
          @change=${(event: Event) => this.#send(spec, (event.target as HTMLInputElement).checked)}
        />`;
      case "enum":
        return html`<select
          class="control"
          data-argument=${spec.name}
          @change=${(event: Event) => this.#send(spec, (event.target as HTMLSelectElement).value)}
        >
          ${spec.options.map(
            (option) =>
              html`<option value=${option} ?selected=${option === value} .selected=${option === value}>
                ${option}
              </option>`,
          )}
        </select>`;
      case "layer":
        return this.#layer(spec, value);
      case "shape":
        return this.#text(spec, "shape", "one number, or one per dimension as 3 5 5; several inputs after ;");
      default:
        return html`${this.#slider(spec, value)}${this.#text(spec, "number", "")}`;
    }
  }

  #text(spec: ParamSpec, kind: string, hint: string) {
    const invalid = spec.name in this.errors;
    return html`<input
      type="text"
      class="control ${kind}"
      autocomplete="off"
      spellcheck="false"
      inputmode=${kind === "number" ? "decimal" : "text"}
      placeholder=${spec.auto ?? ""}
      title=${hint ? `${spec.name}: ${spec.help} (${hint})` : nothing}
      data-argument=${spec.name}
      aria-invalid=${invalid}
      aria-describedby=${invalid ? "errors" : nothing}
      .value=${this.#typed === spec.name ? noChange : live(textOf(this.values[spec.name]))}
      @input=${() => (this.#typed = spec.name)}
      @blur=${() => (this.#typed = null)}
      @change=${(event: Event) => this.#send(spec, parseArgument(spec, (event.target as HTMLInputElement).value))}
      @keydown=${(event: KeyboardEvent) => this.#step(spec, event)}
    />`;
  }

  #layer(spec: Extract<ParamSpec, { kind: "layer" }>, value: ArgumentValue | undefined) {
    const choices = this.layers.filter(({ spatial }) => spatial || !spec.spatial);
    // Inner modules stand under the ones they are part of.
    const depth = (name: string): number => choices.filter((outer) => name.startsWith(`${outer.name}.`)).length;
    const size = (shape: LayerInfo["shape"]): string => shape.slice(1).map((d) => d ?? "?").join("×"); // prettier-ignore
    return html`<select
      class="control layer"
      data-argument=${spec.name}
      @change=${(event: Event) => this.#send(spec, parseArgument(spec, (event.target as HTMLSelectElement).value))}
    >
      <option value="" ?selected=${!value} .selected=${!value}>${spec.auto}</option>
      ${choices.map(
        ({ name, class: type, shape }) =>
          html`<option value=${name} ?selected=${name === value} .selected=${name === value} title=${name}>
            ${" ".repeat(depth(name))}${name} · ${type.replace(/^.*\./, "")} ${size(shape)}
          </option>`,
      )}
    </select>`;
  }

  #slider(spec: ParamSpec, value: ArgumentValue | undefined) {
    if (!("slider" in spec) || !spec.slider) return nothing;
    const [min, max] = spec.slider;
    const number = typeof value === "number" ? value : (spec.start ?? spec.default ?? min);
    const at = Math.max(0, Math.min(1, (number - min) / (max - min)));
    return html`<input
      type="range"
      aria-label="${labelOf(spec.name)}, slider"
      data-slider=${spec.name}
      min=${min}
      max=${max}
      step=${spec.kind === "int" ? 1 : "any"}
      style="--at: ${at}"
      .value=${live(String(number))}
      @input=${(event: Event) => this.#send(spec, Number((event.target as HTMLInputElement).value))}
    />`;
  }

  /** Up and Down count whole numbers, as in a number field. */
  #step(spec: ParamSpec, event: KeyboardEvent): void {
    const value = this.values[spec.name];
    if (spec.kind !== "int" || typeof value !== "number") return;
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    const next = value + (event.key === "ArrowUp" ? 1 : -1);
    this.#send(spec, Math.max(spec.min, Math.min(spec.max ?? Infinity, next)));
  }

  #errors() {
    const entries = Object.entries(this.errors);
    if (entries.length === 0) return nothing;
    return html`<div class="errors" id="errors" role="alert">
      ${entries.map(([name, error]) => {
        const text = error.startsWith(name) ? error : `${labelOf(name)}: ${error}`;
        const used =
          name in this.used ? ` Results below still use ${textOf(this.used[name]) || "the automatic value"}.` : "";
        return html`<span data-error=${name}>${warning}${/[.!?]$/.test(text) ? text : `${text}.`}${used}</span>`;
      })}
    </div>`;
  }
}
