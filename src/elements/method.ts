/** The METHOD line: which method, of which model, with which arguments, against which baseline. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import type { Arguments, ArgumentValue, MethodInfo } from "../methods/method";
import type { Actions, State } from "../state";
import { errorsBelow, labelOf, limitsOf, startsOf } from "./arguments";
import { Fold } from "./fold";
import { help } from "./icons";
import type { MenuItem } from "./menu";
import { base, controls } from "./tokens";

/** In the menu's order. */
const GROUPS: readonly MethodInfo["group"][] = [
  "Gradient",
  "Path",
  "Layer",
  "CAM",
  "Attention",
  "Perturbation",
  "Relevance",
];

/** As entries of a menu. */
export const methodItems = (methods: State["methods"]): MenuItem[] =>
  GROUPS.flatMap((group) => methods.filter((info) => info.group === group)).map(
    ({ name, group, cost, summary, whyNot }) => ({ value: name, group, detail: cost, summary, whyNot }),
  );

/** The baseline stands behind these, and behind every slider: before what is seldom changed. */
const FIRST = 2;

export class AttriscopeMethod extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) actions!: Actions;
  /** All arguments are shown. */
  @own() open = false;
  @own() explaining = false;

  static override styles = [
    base,
    controls,
    css`
      .body {
        flex: 1;
        min-width: 0;
      }
      .line {
        min-height: 32px;
      }
      .name {
        gap: 4px;
      }
      attriscope-menu {
        width: 168px;
      }
      .ends {
        display: flex;
      }
      select {
        max-width: 152px;
      }
      .workload {
        height: 24px;
        align-items: center;
      }
      .model {
        color: var(--fg2);
      }
      attriscope-popover {
        width: 520px;
        font: 12px/16px var(--font);
        white-space: normal;
      }
      .about {
        padding: 12px;
        overflow-wrap: anywhere;
      }
      .about h3 {
        margin: 0;
        font-size: 13px;
        line-height: 20px;
        font-weight: 600;
      }
      .about p {
        margin: 0;
        line-height: 18px;
        color: var(--fg2);
      }
      .about h4 {
        margin: 12px 0 0;
      }
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 4px 16px;
        margin: 4px 0 0;
      }
      dd {
        margin: 0;
        color: var(--fg2);
      }
      dt small {
        display: block;
        font: 11px/16px var(--code);
        color: var(--fg2);
      }
      dd small {
        display: block;
        font-size: 11px;
      }
      .errors {
        display: flex;
        flex-direction: column;
        padding-top: 4px;
        font-size: 11px;
        color: var(--err);
      }
      .errors span {
        display: flex;
        align-items: center;
        gap: 6px;
        overflow-wrap: anywhere;
      }
      @container (width < 900px) {
        attriscope-menu {
          width: 148px;
        }
        .line.folding > .workload {
          display: none;
        }
      }
      @container (width < 600px) {
        .line {
          --rows: 2;
        }
        .reset:not(.open .reset) {
          display: none;
        }
      }
    `,
  ];

  constructor() {
    super();
    new Fold(this);
  }

  override render() {
    const { methods, method, arguments: values, argumentErrors, layers, workload } = this.state;
    const info = methods.find(({ name }) => name === method);
    const params = info?.params ?? [];
    const side = this.#side();
    const fields = params.map(
      (spec) =>
        html`<attriscope-argument
          .spec=${spec}
          .value=${values[spec.name]}
          .error=${argumentErrors[spec.name]}
          .layers=${layers}
          .side=${side}
          @argument=${({ detail: [name, value] }: CustomEvent<[string, ArgumentValue]>) =>
            this.actions.setArgument(name, value)}
        ></attriscope-argument>`,
    );
    const sliders = params.map((spec) => "slider" in spec && spec.slider !== undefined);
    const behind = Math.max(FIRST, sliders.lastIndexOf(true) + 1);
    // A refused value is never out of sight.
    const open = this.open || params.some(({ name }) => name in argumentErrors);
    return html`
      <span class="caps label" id="label">Method</span>
      <div class="body">
        <div class="line folding ${open ? "open" : ""}" role="group" aria-labelledby="label">
          ${this.#name(info)}${this.#model()}${fields.slice(0, behind)}${this.#baselines(info)}${fields.slice(behind)}${
            workload
              ? html`<span class="workload muted" data-aside title="What one picture takes">${workload}</span>`
              : nothing
          }${this.#ends(open)}
        </div>
        ${errorsBelow(argumentErrors, this.#used())}
      </div>
    `;
  }

  /** Of the shortest picture that the model sees, in pixels. */
  #side(): number | null {
    const shapes = this.state.cards[0]?.sample.inputs.map(({ shape }) => shape.slice(-2)) ?? [];
    const sides = shapes.filter(({ length }) => length === 2).flat();
    return sides.length > 0 ? Math.min(...sides) : null;
  }

  #ends(open: boolean) {
    return html`<span class="ends"
      ><button class="quiet more" aria-expanded=${open} @click=${() => (this.open = !this.open)}>
        ${open ? "Less" : "More"}</button
      ><button
        class="quiet reset"
        data-action="reset"
        title="Back to the method's own arguments, the first baseline and the predicted classes"
        @click=${() => this.actions.reset()}
      >
        Reset
      </button></span
    >`;
  }

  #name(info: MethodInfo | undefined) {
    const { methods, method } = this.state;
    return html`<span class="name"
      ><attriscope-menu
        name="method"
        label="Method"
        hint="Find a method"
        .text=${method}
        .tip=${info?.summary ?? ""}
        .items=${methodItems(methods)}
        .chosen=${[method]}
        @choose=${({ detail }: CustomEvent<string>) => this.actions.setMethod(detail)}
      ></attriscope-menu
      ><button
        class="quiet icon"
        aria-label="About ${method}"
        title="About ${method} and its arguments"
        aria-haspopup="dialog"
        aria-expanded=${this.explaining}
        data-control="about"
        @click=${() => (this.explaining = !this.explaining)}
      >
        ${help}</button
      ><attriscope-popover label="About ${method}" ?open=${this.explaining} @close=${() => (this.explaining = false)}>
        ${this.explaining && info ? this.#about(info) : nothing}
      </attriscope-popover></span
    >`;
  }

  #about({ name, summary, source, cost, params, complete, baselines }: MethodInfo) {
    const { workload } = this.state;
    const side = this.#side();
    const facts = [
      workload ?? cost,
      complete ? "adds up to the change of the output" : "",
      baselines === "none" ? "needs no baseline" : "",
    ];
    return html`<div class="about">
      <h3>${name}</h3>
      <p>${summary}.</p>
      <p>${facts.filter(Boolean).join(" · ")}</p>
      <p>${source}</p>
      ${
        params.length === 0
          ? nothing
          : html`<h4 class="caps">Arguments</h4>
              <dl>
                ${params.map(
                  (spec) =>
                    html`<dt>${labelOf(spec.name)}<small>${spec.name}</small></dt>
                      <dd>
                        ${spec.help}
                        <small>
                          ${[limitsOf(spec, side), `starts at ${startsOf(spec, this.state.layers)}`]
                            .filter(Boolean)
                            .join(" · ")}
                        </small>
                      </dd>`,
                )}
              </dl>`
      }
    </div>`;
  }

  #model() {
    const { models, model } = this.state;
    if (models.length < 2) return nothing;
    const choose = (event: Event): void => this.actions.setModel((event.target as HTMLSelectElement).selectedIndex);
    return html`<label class="field" title="The model that is explained"
      ><span class="caps">Model</span
      ><select class="control truncate" data-control="model" @change=${choose}>
        ${models.map(
          (name, index) =>
            html`<option value=${index} ?selected=${index === model} .selected=${index === model}>${name}</option>`,
        )}
      </select></label
    >`;
  }

  #baselines(info: MethodInfo | undefined) {
    const { baselines, baseline } = this.state;
    if (info?.baselines !== "one" || baselines.length === 0) return nothing;
    const choose = (event: Event): void => this.actions.setBaseline((event.target as HTMLSelectElement).selectedIndex);
    return html`<label class="field" title="What the input is compared with"
      ><span>baseline</span
      ><select class="control truncate" data-control="baseline" @change=${choose}>
        ${baselines.map(
          (name, index) =>
            html`<option value=${index} ?selected=${index === baseline} .selected=${index === baseline}>
              ${name}
            </option>`,
        )}
      </select></label
    >`;
  }

  #used(): Arguments {
    const result = this.state.cards.find(({ result }) => result?.method === this.state.method)?.result;
    return result?.arguments ?? {};
  }
}
