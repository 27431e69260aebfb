/** A line of controls that keeps its height: what does not fit on it stands behind "More". */
import type { LitElement, ReactiveController } from "lit";

/** Of a control and the gap below it. */
const ROW = 32;

/**
 * For a host with a `.folding` line (see `controls`): the line's boxes that wrap below its first `--rows` rows are hidden, from
 * the keyboard too, unless the line is `.open`. The class `folds` says that there are any; nothing is moved by all this.
 */
export class Fold implements ReactiveController {
  readonly #host: LitElement;
  readonly #observer = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(() => this.measure());
  #observed: Element[] = [];

  constructor(host: LitElement) {
    this.#host = host;
    host.addController(this);
  }

  hostUpdated(): void {
    const line = this.#line;
    const boxes = line ? [line, ...line.children] : [];
    const same = boxes.length === this.#observed.length && boxes.every((box, i) => box === this.#observed[i]);
    if (!same) {
      this.hostDisconnected();
      for (const box of boxes) this.#observer?.observe(box);
      this.#observed = boxes;
    }
    this.measure();
  }

  hostDisconnected(): void {
    this.#observer?.disconnect();
    this.#observed = [];
  }

  get #line(): HTMLElement | null {
    return this.#host.renderRoot.querySelector<HTMLElement>(".folding");
  }

  measure(): void {
    const line = this.#line;
    if (!line) return;
    const { top } = line.getBoundingClientRect();
    const rows = Number(getComputedStyle(line).getPropertyValue("--rows")) || 1;
    const open = line.classList.contains("open");
    let folds = false;
    for (const box of line.children as HTMLCollectionOf<HTMLElement>) {
      const below = box.getBoundingClientRect().top - top >= rows * ROW - 1;
      // What only tells something is no reason to unfold.
      if (below && !box.hasAttribute("data-aside")) folds = true;
      box.style.visibility = below && !open ? "hidden" : "";
    }
    line.classList.toggle("folds", folds);
  }
}
