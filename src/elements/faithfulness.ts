/** How the explained score falls and rises with the most important pixels, and the pictures at the scrubber. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import type { Actions, State, Trial } from "../state";
import { plural, score } from "../format";
import type { Look } from "./map";
import { base } from "./tokens";

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
      .slot {
        width: 96px;
        height: 96px;
        border: 1px dashed var(--line1);
        background: var(--tint);
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
      .figures div:first-of-type {
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
    const { card, deleted, inserted } = inspection;
    const result = card.result;
    const auc = result?.faithfulness?.auc;
    const { at } = choice.inspect;
    const places = placesOf(card.sample.inputs);
    const target = card.predictions.find(({ index }) => index === card.target)?.label;
    const says = (trial: Trial | null): string => {
      const value = trial?.scores?.[card.target ?? 0];
      return value === undefined ? "–" : score(value);
    };
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
        @scrub=${({ detail }: CustomEvent<number>) => this.actions.setInspect({ at: detail })}
      ></attriscope-curve>
      <div class="pictures">
        ${this.#picture("deleted", deleted)}${this.#picture("inserted", inserted)}
        <div class="figures">
          <b>${(at * 100).toFixed(1)} %</b>
          <div>${Math.round(at * places)} of ${plural(places, "pixel")}</div>
          <div><span>deleted</span><b>${says(deleted)}</b></div>
          <div><span>inserted</span><b>${says(inserted)}</b></div>
        </div>
      </div>
    </section>`;
  }

  #picture(name: string, trial: Trial | null) {
    return html`<figure>
      ${
        trial
          ? html`<attriscope-map
              .image=${trial.picture}
              .look=${this.look}
              label="The most important pixels ${name}"
              data-picture=${name}
            ></attriscope-map>`
          : html`<div class="slot"></div>`
      }
      <figcaption>${name}</figcaption>
    </figure>`;
  }
}

/** Pixels of all features: they are ranked together. */
const placesOf = (inputs: readonly { shape: readonly number[] }[]): number =>
  inputs.reduce((sum, { shape }) => sum + shape.slice(shape.length > 2 ? 1 : 0).reduce((a, b) => a * b, 1), 0);
