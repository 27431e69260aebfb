/** The COLUMNS line of Compare: what stands side by side, on which scale, and the pages. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { inView } from "../items";
import type { Actions, Compare, State } from "../state";
import { base, controls } from "./tokens";

const SCALES: { value: Compare["scale"]; label: string; title: string }[] = [
  { value: "map", label: "per cell", title: "Every cell by its own strongest values" },
  { value: "row", label: "per row", title: "The cells of one sample by the strongest of them" },
  { value: "shared", label: "shared", title: "All cells by the strongest of all" },
];

/** How a scale is called. */
export const scaleName = (scale: Compare["scale"]): string => SCALES.find(({ value }) => value === scale)!.label;

const SCALE_HELP = `What the colours at −1 and +1 stand for.
Attributions of different methods have different units (gradients, changes of the output, activations): on one scale with \
a stronger one a cell looks empty without being so. Compare strengths only between columns of one unit, as between models.`;

export class AttriscopeColumns extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) actions!: Actions;

  static override styles = [
    base,
    controls,
    css`
      :host {
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 16px;
      }
      .label {
        width: auto;
        min-width: 68px;
        margin-right: -16px;
        padding-right: 6px;
      }
      .line {
        flex: none;
      }
      .feature {
        max-width: 120px;
      }
      attriscope-filter {
        flex: none;
        margin-left: auto;
      }
      @container (width < 600px) {
        .label {
          min-width: 56px;
        }
      }
    `,
  ];

  override render() {
    const { state, actions } = this;
    const { columns } = state.choice.compare;
    const single = state.models.length < 2;
    const segments = [
      { value: "methods", label: "Methods", title: "One column for each pinned method" },
      {
        value: "models",
        label: "Models",
        title: single
          ? "There is one model only: give several to AttributionVisualizer to compare them"
          : "One column for each model, explained by one method",
        disabled: single,
      },
    ];
    return html`
      <span class="caps label" id="label">Columns</span>
      <div class="line" role="group" aria-labelledby="label">
        <attriscope-segments
          label="Columns"
          .segments=${segments}
          .value=${columns}
          @choose=${({ detail }: CustomEvent<Compare["columns"]>) => actions.setCompare({ columns: detail })}
        ></attriscope-segments>
        ${this.#scale()} ${this.#feature()}
      </div>
      <attriscope-filter paging-only .state=${state} .actions=${actions}></attriscope-filter>
    `;
  }

  #scale() {
    const choose = (event: Event): void =>
      this.actions.setCompare({ scale: (event.target as HTMLSelectElement).value as Compare["scale"] });
    const { scale } = this.state.choice.compare;
    return html`<label class="field" title=${SCALE_HELP}>
      <span>scale</span>
      <select class="control" data-control="scale" @change=${choose}>
        ${SCALES.map(
          ({ value, label, title }) =>
            html`<option value=${value} title=${title} ?selected=${value === scale} .selected=${value === scale}>
              ${label}
            </option>`,
        )}
      </select>
    </label>`;
  }

  /** What can be in view, where that is a choice. */
  #feature() {
    const { features, choice } = this.state;
    const shown = [...features.keys()].filter((i) => features[i].kind !== "empty");
    if (shown.length < 2) return nothing;
    const at = inView(features, choice.inspect.feature);
    const choose = (event: Event): void =>
      this.actions.setInspect({ feature: shown[(event.target as HTMLSelectElement).selectedIndex] });
    return html`<label class="field" title="Whose attributions are compared">
      <span>feature</span>
      <select class="control feature" data-control="feature" @change=${choose}>
        ${shown.map((i) => html`<option ?selected=${i === at} .selected=${i === at}>${features[i].name}</option>`)}
      </select>
    </label>`;
  }
}
