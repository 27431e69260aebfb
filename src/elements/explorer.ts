/** The root element: shows a session's state and calls its actions; everything else is its parts. */
import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { property } from "lit/decorators.js";
import type { Display, Notice, State, Store } from "../state";
import { AttriscopeArgument } from "./arguments";
import { AttriscopeCard } from "./card";
import { AttriscopeColumns } from "./columns";
import { AttriscopeCompare } from "./compare";
import { AttriscopeCompareRow } from "./compare-row";
import { AttriscopeConfusion } from "./confusion";
import { AttriscopeCurve } from "./curve";
import { AttriscopeDisplay } from "./display";
import { AttriscopeExport } from "./export";
import { AttriscopeFaithfulness } from "./faithfulness";
import { AttriscopeFilm } from "./film";
import { AttriscopeFilter } from "./filter";
import { plural } from "../format";
import { AttriscopeHeader } from "./header";
import { AttriscopeInspect } from "./inspect";
import { AttriscopeLegend } from "./legend";
import { AttriscopeMap, type Look, lookOf } from "./map";
import { AttriscopeMenu } from "./menu";
import { AttriscopeMethod } from "./method";
import { AttriscopeNotice } from "./notice";
import { AttriscopePopover, USES_ESCAPE } from "./popover";
import { AttriscopePredictions } from "./predictions";
import { AttriscopeSamples } from "./samples";
import { AttriscopeSegments } from "./segments";
import { AttriscopeShare } from "./share";
import { AttriscopeStage } from "./stage";
import { AttriscopeStatus } from "./status";
import { AttriscopeTable } from "./table";
import { AttriscopeTarget } from "./target";
import { AttriscopeText } from "./text";
import { signColours } from "../styles/colormaps";
import { ThemeController } from "./theme";
import { base, tokens } from "./tokens";
import { AttriscopeWhatIf } from "./what-if";

export const TAG = "attriscope-explorer";

/** Lumino matches shortcuts while capturing, above every handler of ours; it leaves elements with this attribute alone. */
const SUPPRESS = "data-lm-suppress-shortcuts";

/** Keys that the notebook keeps: leave the widget, run the cell. */
function belongsToNotebook(event: KeyboardEvent): boolean {
  const { key, ctrlKey, shiftKey } = event;
  if (key === "Escape")
    return !event.composedPath().some((at) => at instanceof Element && at.hasAttribute(USES_ESCAPE));
  return key === "Tab" || (key === "Enter" && (ctrlKey || shiftKey));
}

/** Fields have an undo of their own. */
const TYPED = "input:not([type=range], [type=checkbox], [type=radio]), textarea, [contenteditable]";

/** What a key does to what was chosen, wherever in the explorer it is pressed. */
function historyOf(event: KeyboardEvent): "undo" | "redo" | null {
  const { ctrlKey, metaKey, altKey, shiftKey } = event;
  const key = event.key.toLowerCase();
  if (!(ctrlKey || metaKey) || altKey || (event.composedPath()[0] as Element).matches(TYPED)) return null;
  if (key === "z") return shiftKey ? "redo" : "undo";
  return key === "y" && !shiftKey ? "redo" : null;
}

export class AttriscopeExplorer extends LitElement {
  /** What is shown; none while the session is being made. */
  @property({ attribute: false }) store?: Store | null;
  /** Without a store: what is being done to get one. */
  @property({ attribute: false }) stage?: string | null;
  /** Without a store: why there will be none. */
  @property({ attribute: false }) stopped?: (Pick<Notice, "title" | "text"> & Partial<Notice>) | null;

  readonly #theme = new ThemeController(this);
  #look: Look | null = null;
  #announcement = "";
  /** The focus was inside before the update. */
  #focused = false;
  #subscription: AbortController | null = null;

  static override styles = [
    base,
    tokens,
    css`
      :host {
        display: block;
        container-type: inline-size;
        /* Containers have no width of their own; boxes of widgets and shrinking hosts ask for one. */
        contain-intrinsic-inline-size: 640px;
        max-width: 100%;
        background-color: var(--bg);
        font: 12px/16px var(--font);
        font-variant-numeric: tabular-nums;
        color: var(--fg);
        text-align: left;
      }
      .frame {
        border: 1px solid var(--line);
        color: var(--fg);
      }
      .controls {
        padding: 4px 0;
        border-bottom: 1px solid var(--line);
      }
      .preparing {
        display: flex;
        align-items: center;
        gap: 12px;
        min-height: 32px;
        padding: 4px 12px;
        border-bottom: 1px solid var(--line);
        font-size: 11px;
        color: var(--fg2);
      }
      .preparing b {
        font-weight: 400;
        color: var(--fg);
      }
      .track {
        flex: none;
        width: 160px;
        height: 4px;
        background: var(--track);
      }
      .fill {
        height: 100%;
        background: var(--acc);
      }
      .cards {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
      }
      .placeholder {
        border-bottom: 1px solid var(--line);
        display: grid;
        grid-template-columns: 96px 96px 96px minmax(0, 1fr);
        grid-template-rows: 20px 96px;
        gap: 4px;
        height: 160px;
        padding: 8px 12px;
        overflow: hidden;
      }
      .placeholder i {
        align-self: center;
        height: 8px;
        width: 120px;
        background: var(--track);
      }
      .placeholder i.right {
        grid-column: 4;
        width: 72px;
        margin-left: 12px;
      }
      .placeholder .picture {
        border: 1px solid var(--line);
        background: var(--tint);
      }
      .placeholder .rows {
        display: grid;
        grid-template-rows: repeat(4, 24px);
        margin-left: 12px;
      }
      .placeholder .rows i {
        height: 6px;
      }
      @container (width < 900px) {
        .cards {
          grid-template-columns: minmax(0, 1fr);
        }
      }
      @container (width < 600px) {
        .placeholder {
          grid-template-columns: 96px 96px 96px;
        }
        .placeholder .right,
        .placeholder .rows {
          display: none;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener("keydown", this.#contain);
    this.addEventListener("focusin", this.#guard);
    this.addEventListener("focusout", this.#unguard);
    this.#subscribe();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener("keydown", this.#contain);
    this.removeEventListener("focusin", this.#guard);
    this.removeEventListener("focusout", this.#unguard);
    this.#unguard();
    this.#subscription?.abort();
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("store") && this.isConnected) this.#subscribe();
    this.#theme.judge();
    this.#focused = Boolean(this.shadowRoot?.activeElement);
    if (this.store) {
      this.#look = this.#lookOf(this.store.state);
      this.#announcement = announcementOf(this.store.state) ?? this.#announcement;
    }
  }

  /** What had the focus may be gone with its view: then the tabs have it. */
  override updated(): void {
    if (this.#focused && !this.shadowRoot!.activeElement)
      this.renderRoot.querySelector<AttriscopeHeader>("attriscope-header")?.focus();
  }

  /** Reconnecting shows what has happened in between. */
  #subscribe(): void {
    this.#subscription?.abort();
    if (!this.store) return;
    this.#subscription = new AbortController();
    const { signal } = this.#subscription;
    this.store.addEventListener("change", () => this.requestUpdate(), { signal });
    this.requestUpdate();
  }

  #contain = (event: KeyboardEvent): void => {
    const turn = event.defaultPrevented ? null : historyOf(event);
    if (turn) {
      event.preventDefault();
      this.store?.[turn]();
    }
    if (!belongsToNotebook(event)) event.stopPropagation();
  };

  #suppress = (event: KeyboardEvent): void => {
    this.toggleAttribute(SUPPRESS, !belongsToNotebook(event));
  };

  #guard = (): void => window.addEventListener("keydown", this.#suppress, { capture: true });

  #unguard = (): void => {
    window.removeEventListener("keydown", this.#suppress, { capture: true });
    this.removeAttribute(SUPPRESS);
  };

  /** The same object as long as nothing in it changes, so that no picture is painted twice. */
  #lookOf({ display: chosen, cards, comparison }: State): Look {
    const { theme, pixelRatio } = this.#theme;
    const results = (comparison?.rows.flat() ?? cards).flatMap(({ result }) => result ?? []);
    // A method that gives magnitudes alone says nothing for or against.
    const unsigned = results.length > 0 && results.every(({ signed }) => !signed);
    const display: Display = unsigned && chosen.sign === "signed" ? { ...chosen, sign: "absolute" } : chosen;
    const known = this.#look;
    const keys = Object.keys(display) as (keyof typeof display)[];
    const same =
      known?.theme === theme &&
      known.pixelRatio === pixelRatio &&
      keys.every((key) => known.display[key] === display[key]);
    return same ? known : lookOf({ ...display }, theme, pixelRatio, known);
  }

  override render() {
    const { dark } = this.#theme.theme;
    return html`<div class="frame" style="color-scheme: ${dark ? "dark" : "light"}">${this.#content()}</div>`;
  }

  #content() {
    if (!this.store) {
      if (this.stopped) return this.#stopped({ ...this.stopped, kind: "error" });
      return html`<attriscope-header badge="live"></attriscope-header>${this.#preparing(this.stage ?? "")}`;
    }
    const { state } = this.store;
    if (state.phase.name === "stopped") return this.#stopped(state.phase.notice);
    const badge = state.live ? "live" : "static";
    const header = html`<attriscope-header
      .badge=${badge}
      .state=${state}
      .actions=${this.store}
      .look=${state.phase.name === "ready" ? this.#look : null}
    ></attriscope-header>`;
    if (state.phase.name === "preparing") {
      const { stage, done, total } = state.phase;
      return html`${header}${this.#preparing(stage, done, total)}`;
    }
    return html`<div role="group" aria-label="Attriscope, ${plural(state.cards.length, "sample")}">
      ${header}${this.#controls(this.store)}${this.#notice(state)}${this.#view(this.store)}
      <div class="silent" aria-live="polite">${this.#announcement}</div>
    </div>`;
  }

  #stopped(notice: Notice) {
    const failed = notice.kind === "error";
    return html`<attriscope-header .badge=${failed ? "stopped" : "static"}></attriscope-header>
      <attriscope-notice .notice=${notice} ?copy=${failed}></attriscope-notice>`;
  }

  #preparing(stage: string, done?: number, total?: number) {
    const share = done !== undefined && total ? Math.min(done / total, 1) : null;
    return html`<div class="preparing" role="status">
        <b>Preparing</b>
        ${
          share === null
            ? nothing
            : html`<div
                class="track"
                role="progressbar"
                aria-label="Preparing"
                aria-valuenow=${Math.round(share * 100)}
              >
                <div class="fill" style="width: ${share * 100}%"></div>
              </div>`
        }
        <span>${stage}</span>
      </div>
      ${this.#placeholders(2)}`;
  }

  #placeholders(count: number) {
    const row = (length: number) => html`<i style="width: ${length}%"></i>`;
    const placeholder = html`<div class="placeholder">
      <i style="grid-column: 1 / 4"></i><i class="right"></i>
      <div class="picture"></div>
      <div class="picture"></div>
      <div class="picture"></div>
      <div class="rows">${[90, 60, 40, 30].map(row)}</div>
    </div>`;
    return html`<div class="cards" aria-hidden="true">${Array.from({ length: count }, () => placeholder)}</div>`;
  }

  #controls(store: Store) {
    const { state } = store;
    const method = html`<attriscope-method .state=${state} .actions=${store}></attriscope-method>`;
    const filter = html`<attriscope-filter .state=${state} .actions=${store}></attriscope-filter>`;
    const display = html`<attriscope-display
      .display=${state.display}
      .actions=${store}
      ?plain=${state.features.every(({ kind }) => kind !== "image")}
    ></attriscope-display>`;
    const columns = html`<attriscope-columns .state=${state} .actions=${store}></attriscope-columns>`;
    const one = state.choice.compare.columns === "models";
    const lines = {
      samples: [method, filter, display],
      compare: one ? [columns, method, display] : [columns, display],
      inspect: [method, display],
    };
    return html`<div class="controls">${lines[state.view]}</div>`;
  }

  #notice({ notice }: State) {
    if (!notice || notice.kind === "empty") return nothing;
    return html`<attriscope-notice .notice=${notice} strip></attriscope-notice>`;
  }

  #view(store: Store) {
    const { state } = store;
    if (state.cards.length === 0) {
      const { notice, scanning } = state;
      if (notice?.kind === "empty") return html`<attriscope-notice .notice=${notice}></attriscope-notice>`;
      return scanning ? this.#placeholders(Math.min(state.show, 4)) : nothing;
    }
    const look = this.#look!;
    const { positive, negative } = signColours(look.display.cmap, look.theme);
    const style = `--positive: rgb(${positive.join(" ")}); --negative: rgb(${negative.join(" ")})`;
    switch (state.view) {
      case "compare":
        return html`<attriscope-compare
          style=${style}
          .state=${state}
          .look=${look}
          .actions=${store}
        ></attriscope-compare>`;
      case "inspect":
        return html`<attriscope-inspect
          style=${style}
          .state=${state}
          .look=${look}
          .actions=${store}
        ></attriscope-inspect>`;
      default:
        return html`<attriscope-samples
          style=${style}
          .state=${state}
          .look=${look}
          .actions=${store}
        ></attriscope-samples>`;
    }
  }
}

/** For the live region: the start, half way, and what is finished; null where nothing new is to be said. */
function announcementOf({ cards, notice, phase, progress }: State): string | null {
  if (phase.name !== "ready") return null;
  if (notice?.kind === "empty") return notice.title;
  if (progress) return `${progress.label}, ${progress.done * 2 < progress.total ? 0 : 50} % done`;
  if (cards.length === 0 || cards.some(({ status }) => status === "queued" || status === "running")) return null;
  const ready = cards.filter(({ status }) => status === "ready");
  const failed = cards.length - ready.length;
  const method = ready[0]?.result?.method;
  const parts = [
    method ? `${plural(ready.length, "sample")} explained, ${method}` : "",
    failed > 0 ? `${plural(failed, "sample")} failed` : "",
  ];
  return parts.filter(Boolean).join("; ");
}

const PARTS = {
  "attriscope-segments": AttriscopeSegments,
  "attriscope-status": AttriscopeStatus,
  "attriscope-export": AttriscopeExport,
  "attriscope-header": AttriscopeHeader,
  "attriscope-popover": AttriscopePopover,
  "attriscope-menu": AttriscopeMenu,
  "attriscope-argument": AttriscopeArgument,
  "attriscope-confusion": AttriscopeConfusion,
  "attriscope-method": AttriscopeMethod,
  "attriscope-filter": AttriscopeFilter,
  "attriscope-display": AttriscopeDisplay,
  "attriscope-legend": AttriscopeLegend,
  "attriscope-map": AttriscopeMap,
  "attriscope-text": AttriscopeText,
  "attriscope-table": AttriscopeTable,
  "attriscope-curve": AttriscopeCurve,
  "attriscope-share": AttriscopeShare,
  "attriscope-predictions": AttriscopePredictions,
  "attriscope-card": AttriscopeCard,
  "attriscope-samples": AttriscopeSamples,
  "attriscope-columns": AttriscopeColumns,
  "attriscope-target": AttriscopeTarget,
  "attriscope-compare-row": AttriscopeCompareRow,
  "attriscope-compare": AttriscopeCompare,
  "attriscope-stage": AttriscopeStage,
  "attriscope-what-if": AttriscopeWhatIf,
  "attriscope-faithfulness": AttriscopeFaithfulness,
  "attriscope-film": AttriscopeFilm,
  "attriscope-inspect": AttriscopeInspect,
  "attriscope-notice": AttriscopeNotice,
  [TAG]: AttriscopeExplorer,
};

/** Registers the elements; again, or a second copy of them in the same page, does nothing. */
export function define(): void {
  for (const [tag, element] of Object.entries(PARTS)) {
    if (!customElements.get(tag)) customElements.define(tag, element);
  }
}
