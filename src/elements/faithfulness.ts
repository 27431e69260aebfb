/** How the explained score falls and rises with the most important places, and what the sample is at the scrubber. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { Actions, State, Trial } from "../state";
import { plural, score } from "../format";
import { inView, itemsOf, maskOfItems, takenUnitOf, UNITS } from "../items";
import type { Look } from "./map";
import { base } from "./tokens";

/** Most values of a row in a preview. */
const ROWS = 24;

export class AttriscopeFaithfulness extends LitElement {
  @property({ attribute: false }) state!: Readonly<State>;
  @property({ attribute: false }) look!: Look;
  @property({ attribute: false }) actions!: Actions;

  static override styles = [
    base,
    css`
      :host {
        display: block;
      }
      .head {
        display: flex;
        align-items: center;
        gap: 12px;
        height: 32px;
        font-size: 11px;
      }
      .head .caps {
        flex: 1;
      }
      .key {
        display: flex;
        align-items: center;
        gap: 4px;
        white-space: nowrap;
        color: var(--fg2);
      }
      .key::before {
        content: "";
        width: 16px;
        border-top: 1.5px solid var(--fg);
      }
      .key.insertion::before {
        border-top: 1.5px dashed var(--fg2);
      }
      b {
        color: var(--fg);
      }
      .key b {
        min-width: 32px;
        font-weight: 400;
        text-align: right;
      }
      .axis {
        height: 20px;
        font-size: 10px;
        color: var(--fg2);
      }
      .pictures {
        display: grid;
        grid-template-columns: 96px 96px minmax(0, 1fr);
        gap: 12px;
        margin-top: 12px;
      }
      figure {
        margin: 0;
      }
      figcaption {
        height: 20px;
        padding-top: 2px;
        font-size: 10px;
        color: var(--fg2);
      }
      .wide {
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
      }
      .preview {
        --text-lines: 999;
        height: 96px;
        overflow-y: auto;
        scrollbar-width: thin;
      }
      .wide figcaption {
        display: flex;
        justify-content: space-between;
      }
      .wide .figures {
        grid-column: 1 / 3;
        display: flex;
        gap: 12px;
        margin-top: -8px;
      }
      .figures:only-child {
        grid-column: 1 / 4;
      }
      .slot {
        width: 96px;
        height: 96px;
        border: 1px dashed var(--line1);
        background: var(--tint);
      }
      .wide .slot {
        width: 100%;
      }
      .figures {
        font-size: 11px;
        color: var(--fg2);
      }
      .figures > b {
        display: block;
        font-size: 12px;
        line-height: 20px;
      }
      .figures div {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        line-height: 20px;
      }
      .figures div:first-of-type:not(:last-child) {
        margin: 0 0 8px;
      }
      .figures div b {
        font-weight: 400;
      }
    `,
  ];

  override render() {
    const { inspection, choice } = this.state;
    if (!inspection) return nothing;
    const { card } = inspection;
    const result = card.result;
    const auc = result?.faithfulness?.auc;
    const { at } = choice.inspect;
    const feature = inView(this.state.features, choice.inspect.feature);
    const items = itemsOf(card.sample, feature);
    const places = placesOf(card.sample.inputs);
    const unit = takenUnitOf(this.state.features, card.sample);
    const target = card.predictions.find(({ index }) => index === card.target)?.label;
    const area = (name: "deletion" | "insertion", better: string) =>
      html`<span class="key ${name}" title="Area under the curve of ${name}: the ${better} the better"
        >${name}<b>${auc ? score(auc[name]) : "–"}</b></span
      >`;
    const waits = !auc && result?.faithfulness === null && card.status !== "error";
    return html`<section aria-labelledby="head">
      <div class="head">
        <span class="caps" id="head">Faithfulness</span>${area("deletion", "lower")}${area("insertion", "higher")}
      </div>
      <div class="axis truncate" title=${target ?? ""}>
        ${target === undefined ? "output" : `score of ${target}`}${waits ? ", being measured" : ""}
      </div>
      <attriscope-curve
        .faithfulness=${result?.faithfulness ?? null}
        .at=${at}
        .unit=${unit}
        @scrub=${({ detail }: CustomEvent<number>) => this.actions.setInspect({ at: detail })}
      ></attriscope-curve>
      <div class="pictures ${items ? "wide" : ""}">
        ${feature < 0 ? nothing : [this.#preview("deleted", feature), this.#preview("inserted", feature)]}
        <div class="figures">
          <b>${(at * 100).toFixed(1)} %</b>
          <div>${Math.round(at * places)} of ${plural(places, unit)}</div>
          ${
            items
              ? nothing
              : html`<div><span>deleted</span><b>${this.#says("deleted")}</b></div>
                  <div><span>inserted</span><b>${this.#says("inserted")}</b></div>`
          }
        </div>
      </div>
    </section>`;
  }

  /** The score of what is explained. */
  #says(name: "deleted" | "inserted"): string {
    const { card, ...trials } = this.state.inspection!;
    const value = trials[name]?.scores?.[card.target ?? 0];
    return value === undefined ? "–" : score(value);
  }

  #preview(name: "deleted" | "inserted", feature: number) {
    const { card, ...trials } = this.state.inspection!;
    const trial = trials[name];
    return html`<figure>
      ${trial ? this.#shown(name, trial, feature) : html`<div class="slot"></div>`}
      <figcaption>${name}${itemsOf(card.sample, feature) ? html` <b>${this.#says(name)}</b>` : nothing}</figcaption>
    </figure>`;
  }

  #shown(name: string, trial: Trial, feature: number) {
    const { sample, result } = this.state.inspection!.card;
    const { kind, categories } = this.state.features[feature];
    const label = `The most important ${UNITS[kind]}s ${name}`;
    const items = itemsOf(sample, feature);
    if (!items)
      return html`<attriscope-map
        .image=${trial.picture}
        .look=${this.look}
        label=${label}
        data-picture=${name}
      ></attriscope-map>`;
    const masked = maskOfItems(trial.hidden, items.length);
    const content =
      kind === "text"
        ? html`<attriscope-text
            small
            .items=${items}
            .masked=${masked}
            .look=${this.look}
            label=${label}
          ></attriscope-text>`
        : html`<attriscope-table
            small
            .categories=${categories}
            .items=${items}
            .shape=${sample.inputs[feature].shape}
            .attribution=${result?.attributions[feature] ?? null}
            .masked=${masked}
            .most=${ROWS}
            .look=${this.look}
            label=${label}
          ></attriscope-table>`;
    // What has more than fits is scrolled by keyboard as well.
    return html`<div class="preview" tabindex="0" role="group" aria-label=${label} data-picture=${name}>
      ${content}
    </div>`;
  }
}

/** Places of all features: they are ranked together. */
const placesOf = (inputs: readonly { shape: readonly number[] }[]): number =>
  inputs.reduce((sum, { shape }) => sum + shape.slice(shape.length > 2 ? 1 : 0).reduce((a, b) => a * b, 1), 0);
