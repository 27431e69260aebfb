/** The METHOD line: which method, with which arguments, against which baseline. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import type { Arguments, ArgumentValue } from "../methods/method";
import type { Actions, State } from "../state";
import { base, controls } from "./tokens";

export class AttriscopeMethod extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) actions!: Actions;
  @own() open = false;

  static override styles = [
    base,
    controls,
    css`
      .menu {
        position: relative;
        width: 168px;
        line-height: 22px;
      }
      .menu:focus-within:has(:focus-visible) {
        outline: 2px solid var(--acc);
        outline-offset: 1px;
      }
      .menu select {
        position: absolute;
        inset: 0;
        width: 100%;
        opacity: 0;
        cursor: pointer;
      }
      .menu span {
        display: block;
      }
      .workload {
        flex: 1 1 0;
      }
      .more,
      .end {
        order: 1;
      }
      @container (width >= 900px) {
        .more {
          display: none;
        }
      }
      @container (width < 900px) {
        .menu {
          width: 148px;
        }
        .secondary:not(.open),
        .workload {
          display: none;
        }
      }
      @container (width < 600px) {
        .menu {
          width: 144px;
        }
        .reset:not(.open) {
          display: none;
        }
      }
    `,
  ];

  override render() {
    const { methods, method, argumentErrors, workload } = this.state;
    const info = methods.find(({ name }) => name === method);
    const params = info?.params ?? [];
    const fields = params.reduce((sum, spec) => sum + ("slider" in spec && spec.slider ? 2 : 1), 0);
    const baselines = info?.baselines === "one" ? this.state.baselines : [];
    const secondary = fields > 1 ? "secondary" : "";
    const hidden = fields > 2 || (fields > 1 && baselines.length > 0);
    return html`
      <span class="caps label" id="label">Method</span>
      <div class="line" role="group" aria-labelledby="label">
        ${this.#menu(info?.summary ?? "")}
        <attriscope-arguments
          .params=${params}
          .layers=${this.state.layers}
          .values=${this.state.arguments}
          .errors=${argumentErrors}
          .used=${this.#used()}
          ?open=${this.open}
          @argument=${({ detail: [name, value] }: CustomEvent<[string, ArgumentValue]>) =>
            this.actions.setArgument(name, value)}
        ></attriscope-arguments>
        ${baselines.length > 0 ? this.#baselines(baselines, `${secondary} ${this.open ? "open" : ""}`) : nothing}
        ${workload ? html`<span class="workload muted truncate" title=${workload}>${workload}</span>` : nothing}
        ${
          hidden
            ? html`<button class="quiet more" aria-expanded=${this.open} @click=${() => (this.open = !this.open)}>
                ${this.open ? "Less" : "More"}
              </button>`
            : nothing
        }
        <button
          class="quiet end reset ${this.open ? "open" : ""}"
          data-action="reset"
          title="Back to the method's own arguments, the first baseline and the predicted classes"
          @click=${() => this.actions.reset()}
        >
          Reset
        </button>
      </div>
    `;
  }

  #menu(summary: string) {
    const { methods, method } = this.state;
    const groups = [...new Set(methods.map(({ group }) => group))];
    const choose = (event: Event): void => this.actions.setMethod((event.target as HTMLSelectElement).value);
    // The list tells the costs; the closed menu shows the bare name, which a native select alone cannot.
    return html`<div class="control select menu" title=${summary}>
      <span class="truncate">${method}</span>
      <select aria-label="Method" data-control="method" @change=${choose}>
        ${groups.map(
          (group) =>
            html`<optgroup label=${group}>
              ${methods
                .filter((entry) => entry.group === group)
                .map(
                  ({ name, cost, summary, whyNot }) =>
                    html`<option
                      value=${name}
                      title=${whyNot ?? summary}
                      ?disabled=${whyNot !== undefined}
                      ?selected=${name === method}
                      .selected=${name === method}
                    >
                      ${name} · ${whyNot === undefined ? cost : `not here: ${whyNot}`}
                    </option>`,
                )}
            </optgroup>`,
        )}
      </select>
    </div>`;
  }

  #baselines(names: string[], rank: string) {
    const choose = (event: Event): void => this.actions.setBaseline((event.target as HTMLSelectElement).selectedIndex);
    return html`<label class="field ${rank}" title="What the input is compared with">
      <span>baseline</span>
      <select class="control" data-control="baseline" @change=${choose}>
        ${names.map(
          (name, index) =>
            html`<option
              value=${index}
              ?selected=${index === this.state.baseline}
              .selected=${index === this.state.baseline}
            >
              ${name}
            </option>`,
        )}
      </select>
    </label>`;
  }

  #used(): Arguments {
    const result = this.state.cards.find(({ result }) => result?.method === this.state.method)?.result;
    return result?.arguments ?? {};
  }
}
