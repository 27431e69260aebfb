/** A line of controls that keeps its height: what does not fit on it stands behind "More". */
import type { LitElement, ReactiveController } from "lit";

/** Of a control and the gap below it. */
const ROW = 32;

/**
 * For a host with a `.folding` line (see `controls`): the line's boxes that wrap below its first `--rows` rows are hidden, from
 * the keyboard too, unless the line is `.open`. Only where there are any, the class `folds` shows the button `.more` in its
 * `.ends`, which come last and stand at the end of the first row.
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

  /** Where nothing has a size, nothing folds. */
  measure(): void {
    const line = this.#line;
    if (!line || !this.#observer) return;
    const rows = Number(getComputedStyle(line).getPropertyValue("--rows")) || 1;
    const boxes = [...line.children] as HTMLElement[];
    const below = (): HTMLElement[] => {
      const ends = line.querySelector<HTMLElement>(".ends")?.offsetWidth ?? 0;
      line.style.setProperty("--ends", ends > 0 ? `calc(${ends}px + var(--over))` : "0px");
      const { top } = line.getBoundingClientRect();
      return boxes.filter((box) => box.getBoundingClientRect().top - top >= rows * ROW - 1);
    };
    line.classList.remove("folds");
    // What only tells something is no reason to unfold.
    if (below().some((box) => !box.hasAttribute("data-aside"))) line.classList.add("folds");
    const hidden = line.classList.contains("open") ? [] : below();
    for (const box of boxes) box.style.visibility = hidden.includes(box) ? "hidden" : "";
  }
}
