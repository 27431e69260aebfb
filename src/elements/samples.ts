/** The Samples view: what the model looked at, one card for each sample of the page. */
import { css, html, LitElement, nothing } from "lit";
import { property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { picturesOf } from "../derived";
import type { Actions, State } from "../state";
import { isWide, scaleInWords } from "../items";
import { labelOf, textOf } from "./arguments";
import { duration, plural } from "../format";
import type { Look } from "./map";
import { base, results } from "./tokens";

/** So many cards are always drawn, wherever they are; further ones near the viewport. */
const EAGER = 16;

/** Class names with more letters get more room, and the bars less. */
const LONG_NAME = 7;

export class AttriscopeSamples extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  @property({ attribute: false }) look!: Look;
  @property({ attribute: false }) actions!: Actions;

  static override styles = [
    base,
    results,
    css`
      :host {
        display: block;
      }
      attriscope-legend {
        flex: none;
        margin-left: auto;
      }
      .heads,
      .cards {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
      }
      .head {
        display: flex;
        gap: 4px;
        height: 24px;
        padding: 0 12px;
        line-height: 24px;
      }
      .head span {
        width: 96px;
        line-height: 24px;
      }
      .head span:last-child {
        padding-left: 12px;
      }
      .cards > * {
        break-inside: avoid;
        border-bottom: 1px solid var(--line);
      }
      .cards > [lazy] {
        content-visibility: auto;
        contain-intrinsic-height: auto 160px;
      }
      .cards.wide {
        grid-template-columns: minmax(0, 1fr);
      }
      .cards:not(.wide) > :nth-child(odd) {
        border-right: 1px solid var(--line);
      }
      .cards > :last-child:nth-child(even),
      .cards:not(.wide) > :nth-last-child(2):nth-child(odd),
      .cards > :last-child {
        border-bottom: 0;
      }
      .long {
        --name-width: 104px;
      }
      @container (width < 900px) {
        .heads,
        .cards {
          grid-template-columns: minmax(0, 1fr);
        }
        .head + .head {
          display: none;
        }
        .long {
          --name-width: 40%;
        }
        .cards:not(.wide) > :nth-child(odd) {
          border-right: 0;
        }
        .cards:not(.wide) > :nth-last-child(2):nth-child(odd) {
          border-bottom: 1px solid var(--line);
        }
        .detail {
          display: none;
        }
      }
      @container (width < 600px) {
        .strip {
          flex-wrap: wrap;
          padding: 6px 12px;
        }
        attriscope-legend {
          margin-left: 0;
        }
        .head span:last-child {
          display: none;
        }
      }
    `,
  ];

  override render() {
    const { state, look } = this;
    const long = state.classes.some(({ length }) => length > LONG_NAME);
    const wide = isWide(state.features);
    return html`<div class="strip">
        <span>${this.#summary(state)}</span>
        <attriscope-legend
          .ramp=${look.ramp}
          .sign=${look.display.sign}
          ?flat=${state.features.every(({ kind }) => kind === "general" || kind === "empty")}
        ></attriscope-legend>
      </div>
      ${wide ? nothing : this.#heads(state)}
      <div class="cards ${wide ? "wide" : ""} ${long ? "long" : ""}">
        ${repeat(
          state.cards,
          ({ sample }) => sample.id,
          (card, index) =>
            html`<attriscope-card
              .card=${card}
              .classes=${state.classes}
              .features=${state.features}
              .look=${look}
              .actions=${this.actions}
              .sort=${state.sort.by}
              ?lazy=${index >= EAGER}
              data-sample=${card.sample.id}
              data-status=${card.status}
            ></attriscope-card>`,
        )}
      </div>`;
  }

  /** Over pictures; beside the original alone, the place of the map stays empty. */
  #heads({ cards, display }: State) {
    const [map, ...styled] = picturesOf(display.style);
    const heads = ["Original", map ? "Attribution" : "", ...styled.map(({ name }) => name), "Prediction"];
    const head = html`<div class="head">${heads.map((text) => html`<span class="caps">${text}</span>`)}</div>`;
    return html`<div class="heads" aria-hidden="true">${head}${cards.length > 1 ? head : nothing}</div>`;
  }

  /** What was computed, with what, and how it is scaled. */
  #summary({ cards, display, features }: State) {
    const ready = cards.filter(({ status, result }) => result && status === "ready");
    const count =
      ready.length === cards.length
        ? plural(cards.length, "sample")
        : `${ready.length} of ${plural(cards.length, "sample")}`;
    const result = ready[0]?.result;
    const scaled = scaleInWords(features, display.clip);
    const scale = scaled ? html`<span class="detail"> · ${scaled}</span>` : nothing;
    if (!result) return html`<b>${count}</b>${scale}`;
    const given = Object.entries(result.arguments)
      .filter(([, value]) => typeof value === "number" || Array.isArray(value))
      .map(([name, value]) =>
        name.startsWith("n_") ? `${textOf(value)} ${name.slice(2)}` : `${labelOf(name)} ${textOf(value)}`,
      );
    const ms = ready.reduce((sum, card) => sum + card.result!.ms, 0) / ready.length;
    return html`<b>${count}</b> · ${[result.method, ...given].join(", ")} · ${duration(ms)} each${scale}`;
  }
}
