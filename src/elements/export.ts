/** "Export": what is shown, as a picture, a figure, numbers or code; into the clipboard or a file. */
import { css, html, LitElement, nothing } from "lit";
import { property, state as own } from "lit/decorators.js";
import { codeOf } from "../figure/code";
import { csvOf } from "../figure/csv";
import { figureOf } from "../figure/figure";
import type { State } from "../state";
import type { Theme } from "../styles/style";
import { type Content, copied, copiedFrom, drawnOn, saved } from "./handing";
import { check, chevron, warning } from "./icons";
import type { Look } from "./map";
import { base, controls } from "./tokens";

interface Format {
  name: string;
  about: string;
  /** In a sentence. */
  noun: string;
  /** Of the file. */
  ending: string;
  type: "image/png" | "image/svg+xml" | "text/csv" | "text/x-python";
  make(state: Readonly<State>, look: Look | null, theme: Theme | undefined): Promise<Content>;
}

/** Pixels of the picture for each of the figure's. */
const DENSITY = 2;

const shown = (state: Readonly<State>, look: Look | null) => look?.display ?? state.display;

const FORMATS: readonly Format[] = [
  {
    name: "PNG",
    about: "picture",
    noun: "picture",
    ending: "png",
    type: "image/png",
    make: async (state, look, theme) => {
      const { svg, width, height } = await figureOf(state, shown(state, look), theme);
      return drawnOn(svg, width, height, DENSITY);
    },
  },
  {
    name: "SVG",
    about: "vector figure",
    noun: "figure",
    ending: "svg",
    type: "image/svg+xml",
    make: async (state, look, theme) => (await figureOf(state, shown(state, look), theme)).svg,
  },
  {
    name: "CSV",
    about: "numbers",
    noun: "numbers",
    ending: "csv",
    type: "text/csv",
    make: async (state) => csvOf(state),
  },
  {
    name: "Code",
    about: "Python, with Captum",
    noun: "code",
    ending: "py",
    type: "text/x-python",
    make: async (state, look) => codeOf(state, shown(state, look)),
  },
];

const VERBS = ["copy", "save"] as const;
type Verb = (typeof VERBS)[number];

/** What has happened last. */
interface Report {
  format: Format;
  /** In the row. */
  word: string;
  /** Below all rows, and for the live region. */
  sentence: string;
  kind: "busy" | "done" | "else" | "failed";
}

/** "attriscope-samples", "attriscope-sample-20". */
export function fileName({ view, inspection }: Readonly<State>): string {
  return `attriscope-${view === "inspect" && inspection ? `sample-${inspection.card.sample.id}` : view}`;
}

/** A sandbox that forbids downloads does so without a word. */
const doubt = (): string => (window.origin === "null" ? ", unless this frame forbids downloads" : "");

export class AttriscopeExport extends LitElement {
  @property({ attribute: false, hasChanged: () => true }) state!: Readonly<State>;
  /** Null draws as is chosen, on paper. */
  @property({ attribute: false }) look: Look | null = null;
  @own() open = false;
  @own() report: Report | null = null;
  /** On the page's dark background, instead of on paper. */
  @own() dark = false;
  /** To be copied by hand. */
  @own() byHand: string | null = null;

  static override styles = [
    base,
    controls,
    css`
      :host {
        display: block;
        padding: 0;
      }
      .opener {
        display: flex;
        align-items: center;
        gap: 4px;
      }
      attriscope-popover {
        width: 300px;
        padding: 4px 0 0;
        text-align: left;
        font: 12px/16px var(--font);
        color: var(--fg);
      }
      .row {
        display: grid;
        grid-template-columns: 44px minmax(0, 1fr) auto auto;
        align-items: center;
        height: 28px;
        padding: 0 8px 0 12px;
      }
      .row:hover {
        background: var(--tint);
      }
      .about {
        display: flex;
        align-items: center;
        gap: 4px;
        font-size: 11px;
        color: var(--fg2);
      }
      .about.done,
      .about.else,
      .about.failed {
        color: var(--fg);
      }
      .done svg {
        color: var(--ok);
      }
      .else svg {
        color: var(--warn);
      }
      .failed svg {
        color: var(--err0);
      }
      .quiet {
        color: var(--acct);
      }
      .quiet:focus-visible {
        outline-offset: -2px;
      }
      .background {
        grid-template-columns: minmax(0, 1fr);
        width: 100%;
        border: 0;
        background: none;
        text-align: left;
      }
      .background span {
        display: flex;
        align-items: center;
        gap: 8px;
      }
      .box {
        display: grid;
        place-items: center;
        width: 12px;
        height: 12px;
        border: 1px solid var(--line1);
        border-radius: 2px;
        color: var(--acct);
      }
      .box svg {
        width: 8px;
        height: 8px;
      }
      textarea {
        display: block;
        width: calc(100% - 24px);
        height: 120px;
        margin: 4px 12px 8px;
        padding: 4px 6px;
        border: 1px solid var(--line1);
        border-radius: 3px;
        background: var(--bg);
        color: var(--fg);
        font: 11px/14px var(--code);
        white-space: pre;
        resize: none;
      }
      .sentence {
        height: 57px;
        margin-top: 4px;
        padding: 4px 12px;
        border-top: 1px solid var(--line);
        overflow: hidden;
        font-size: 11px;
        color: var(--fg2);
        overflow-wrap: anywhere;
      }
    `,
  ];

  override render() {
    const { open } = this;
    const empty = this.state.cards.length === 0;
    return html`<button
        class="control opener"
        data-control="export"
        aria-haspopup="dialog"
        aria-expanded=${open}
        title="Copy or save what is shown"
        ?disabled=${empty && !open}
        @click=${() => this.#show(!open)}
        @keydown=${this.#openByKey}
      >
        Export ${chevron}</button
      ><attriscope-popover label="Export what is shown" align="end" ?open=${open} @close=${() => this.#show(false)}>
        ${open ? this.#menu() : nothing}
      </attriscope-popover>`;
  }

  #show(open: boolean): void {
    this.open = open;
    this.report = null;
    this.byHand = null;
  }

  #openByKey(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown" || this.open) return;
    event.preventDefault();
    this.#show(true);
  }

  #menu() {
    const { report } = this;
    return html`<div role="menu" aria-label="Formats" @keydown=${this.#move}>
        ${FORMATS.map((format, row) => this.#row(format, row))}${this.look?.theme.dark ? this.#background() : nothing}
      </div>
      ${
        this.byHand === null
          ? nothing
          : html`<textarea
              readonly
              aria-label="To be copied"
              data-by-hand
              .value=${this.byHand}
              @keydown=${(event: KeyboardEvent) => event.key !== "Escape" && event.stopPropagation()}
            ></textarea>`
      }
      <div class="sentence" role="status" aria-live="polite" data-report=${report?.kind ?? nothing}>
        ${report ? report.sentence : "The pictures and numbers of this page, as they are shown."}
      </div>`;
  }

  #row(format: Format, row: number) {
    const { name, about, ending } = format;
    const mine = this.report?.format === format ? this.report : null;
    const marks = { busy: nothing, done: check, else: warning, failed: warning };
    return html`<div class="row" role="group" aria-label="${name}, ${about}">
      <b>${name}</b>
      <span class="about ${mine?.kind ?? ""}"
        >${mine ? marks[mine.kind] : nothing}<span class="truncate">${mine?.word ?? about}</span></span
      >
      ${VERBS.map(
        (verb) =>
          html`<button
            class="quiet"
            role="menuitem"
            tabindex=${row === 0 && verb === "copy" ? 0 : -1}
            aria-label="${verb === "copy" ? "Copy" : "Save"} ${name}"
            data-export="${verb}-${ending}"
            ?autofocus=${row === 0 && verb === "copy"}
            @click=${() => void this.#hand(format, verb)}
          >
            ${verb === "copy" ? "Copy" : "Save"}
          </button>`,
      )}
    </div>`;
  }

  #background() {
    return html`<button
      class="row background"
      role="menuitemcheckbox"
      aria-checked=${this.dark}
      tabindex="-1"
      data-control="dark"
      @click=${() => (this.dark = !this.dark)}
    >
      <span><span class="box">${this.dark ? check : nothing}</span>PNG and SVG on the dark background</span>
    </button>`;
  }

  /** Copy and Save stand in two columns. */
  #move(event: KeyboardEvent): void {
    const rows = [...this.renderRoot.querySelectorAll(".row")].map((row) =>
      row.matches("button") ? [row as HTMLElement] : [...row.querySelectorAll<HTMLElement>("button")],
    );
    const all = rows.flat();
    const row = rows.findIndex((items) => items.includes(event.target as HTMLElement));
    if (row < 0) return;
    const column = rows[row].indexOf(event.target as HTMLElement);
    const at = all.indexOf(event.target as HTMLElement);
    const inRow = (items: HTMLElement[]): HTMLElement => items[Math.min(column, items.length - 1)];
    const to: Record<string, HTMLElement | undefined> = {
      ArrowRight: all[(at + 1) % all.length],
      ArrowLeft: all.at(at - 1),
      ArrowDown: inRow(rows[(row + 1) % rows.length]),
      ArrowUp: inRow(rows.at(row - 1)!),
      Home: all[0],
      End: all.at(-1),
    };
    const next = to[event.key];
    if (!next) return;
    event.preventDefault();
    for (const item of all) item.tabIndex = item === next ? 0 : -1;
    next.focus();
  }

  async #hand(format: Format, verb: Verb): Promise<void> {
    if (this.report?.kind === "busy") return;
    const { state } = this;
    const theme = this.dark && this.look?.theme.dark ? this.look.theme : undefined;
    const file = `${fileName(state)}.${format.ending}`;
    const say = (kind: Report["kind"], word: string, sentence: string): void => {
      this.report = { format, kind, word, sentence };
    };
    this.byHand = null;
    say("busy", "making…", `Making the ${format.noun}…`);
    // The page may draw that first; the clipboard is asked at once all the same.
    const content = new Promise<void>((resolve) => setTimeout(resolve)).then(() =>
      format.make(state, this.look, theme),
    );
    try {
      if (verb === "save") {
        saved(await content, file, format.type);
        return say("done", "Saved", `Saved ${file}${doubt()}.`);
      }
      const plain = format.type === "image/png" ? format.type : "text/plain";
      if (await copied(content, plain)) return say("done", "Copied", `Copied the ${format.noun}.`);
      const made = await content;
      if (typeof made !== "string") {
        saved(made, file, format.type);
        return say(
          "else",
          "Saved",
          `The browser does not allow copying pictures here; saved ${file} instead${doubt()}.`,
        );
      }
      if (await this.#layOut(made)) return say("done", "Copied", `Copied the ${format.noun}.`);
      say("else", "Select", "The browser does not allow copying here; the text is selected: press Ctrl+C or ⌘C.");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      say("failed", "Failed", `The ${format.noun} could not be made: ${why}`);
    }
  }

  /** A selected text, which may be copied the old way; stays where that is not allowed either. */
  async #layOut(text: string): Promise<boolean> {
    const before = (this.renderRoot as ShadowRoot).activeElement as HTMLElement | null;
    this.byHand = text;
    await this.updateComplete;
    const done = copiedFrom(this.renderRoot.querySelector("textarea")!);
    if (!done) return false;
    this.byHand = null;
    before?.focus();
    return true;
  }
}
