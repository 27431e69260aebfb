/** A box over everything else, at the control that opens it: no cell, scroll area or frame of ours clips it. */
import { css, html, LitElement, type PropertyValues } from "lit";
import { property } from "lit/decorators.js";
import { base } from "./tokens";

/** Around the box, and between it and its anchor. */
const EDGE = 8;
const GAP = 4;
/** In frames with less room than this above and below, it covers its anchor. */
const LEAST = 160;

/** On what has a use for the Escape key just now: then the notebook is not to hear of it. */
export const USES_ESCAPE = "data-uses-escape";

/**
 * Stands right behind the control that opens it, its anchor. Takes the focus (what is marked `autofocus` first) and gives it
 * back. Fires "close" on Escape, and when the pointer or the focus goes elsewhere; the user of it then sets `open`.
 */
export class AttriscopePopover extends LitElement {
  @property({ type: Boolean, reflect: true }) open = false;
  @property() label = "";
  /** The edge that it has in common with its anchor. */
  @property() align: "start" | "end" = "start";

  #opened: AbortController | null = null;
  #side: "above" | "below" | "over" = "below";

  static override styles = [
    base,
    css`
      :host {
        position: fixed;
        inset: auto;
        z-index: 1000;
        margin: 0;
        padding: 0;
        /* Whatever room is left beside its anchor. */
        width: max-content;
        max-width: calc(100vw - 16px);
        overflow: auto;
        overscroll-behavior: contain;
        border: 1px solid var(--line1);
        border-radius: 3px;
        outline: none;
        background: var(--bg);
        color: var(--fg);
        white-space: normal;
        cursor: default;
      }
      :host(:not([open])) {
        display: none;
      }
      :host([open]) {
        display: flex;
        flex-direction: column;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute("popover", "manual");
    this.setAttribute("role", "dialog");
    this.setAttribute(USES_ESCAPE, "");
    this.tabIndex = -1;
    if (this.hasUpdated && this.open) this.#show();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#opened?.abort();
  }

  override willUpdate(): void {
    this.setAttribute("aria-label", this.label);
  }

  override updated(changed: PropertyValues<this>): void {
    if (!changed.has("open")) return;
    if (this.open) this.#show();
    else if (changed.get("open")) this.#hide();
  }

  override render() {
    return html`<slot></slot>`;
  }

  get #anchor(): HTMLElement {
    return this.previousElementSibling as HTMLElement;
  }

  #show(): void {
    this.#opened?.abort();
    const { signal } = (this.#opened = new AbortController());
    this.showPopover?.();
    this.#fit();
    void this.#focus();
    const elsewhere = (event: Event): void => {
      const path = event.composedPath();
      if (!path.includes(this) && !path.includes(this.#anchor)) this.#close();
    };
    window.addEventListener("pointerdown", elsewhere, { signal, capture: true });
    window.addEventListener("scroll", this.#follow, { signal, capture: true, passive: true });
    window.addEventListener("resize", this.#fit, { signal });
    this.addEventListener("keydown", this.#escape, { signal });
    this.addEventListener("focusout", this.#leave, { signal });
  }

  #hide(): void {
    const had = this.#holdsFocus();
    this.#opened?.abort();
    this.hidePopover?.();
    if (had) this.#anchor.focus();
  }

  #holdsFocus(): boolean {
    const active = (this.getRootNode() as Document | ShadowRoot).activeElement;
    // What had the focus may be gone by now, and then the body has it.
    return this.contains(active) || (active === null && document.activeElement === document.body);
  }

  async #focus(): Promise<void> {
    const start = this.querySelector<HTMLElement & Partial<LitElement>>("[autofocus]");
    await start?.updateComplete;
    if (!this.open) return;
    this.#fit();
    (start ?? this).focus({ preventScroll: true });
  }

  /** Below its anchor, above it, or over it: as its whole content asks. */
  readonly #fit = (): void => {
    this.style.maxHeight = "";
    const { above, below } = this.#room();
    const height = this.offsetHeight;
    this.#side = height > below && above > below ? "above" : "below";
    if (height > Math.max(above, below) && Math.max(above, below) < LEAST) this.#side = "over";
    this.#place();
  };

  #room(): { above: number; below: number } {
    const { top, bottom } = this.#anchor.getBoundingClientRect();
    return { above: top - GAP - EDGE, below: window.innerHeight - bottom - GAP - EDGE };
  }

  #place(): void {
    const { above, below } = this.#room();
    const anchor = this.#anchor.getBoundingClientRect();
    const [width, height] = [document.documentElement.clientWidth, window.innerHeight];
    const room = { above, below, over: height - 2 * EDGE }[this.#side];
    const from = this.align === "start" ? anchor.left : anchor.right - this.offsetWidth;
    const { style } = this;
    style.maxHeight = `${Math.max(room, 0)}px`;
    style.left = `${Math.max(EDGE, Math.min(from, width - this.offsetWidth - EDGE))}px`;
    // Hanging by the edge at the anchor, it may grow and shrink without moving.
    style.top = this.#side === "above" ? "auto" : `${this.#side === "over" ? EDGE : anchor.bottom + GAP}px`;
    style.bottom = this.#side === "above" ? `${height - anchor.top + GAP}px` : "auto";
  }

  readonly #follow = (event: Event): void => {
    if (event.composedPath().includes(this)) return;
    const { above, below } = this.#room();
    const gone = Math.min(above, below) + GAP + EDGE < -this.#anchor.offsetHeight;
    if (gone) this.#close();
    else this.#place();
  };

  #close(): void {
    this.dispatchEvent(new CustomEvent("close"));
  }

  readonly #escape = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.#close();
  };

  readonly #leave = ({ relatedTarget }: FocusEvent): void => {
    const to = relatedTarget as Node | null;
    if (to && !this.contains(to) && to !== this.#anchor) this.#close();
  };
}
