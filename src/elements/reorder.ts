/** Dragging one of several things in a line to another place. */

/** A press that moves no further than this, in CSS pixels, is none. */
const SLACK = 4;
/** From the edges of what scrolls, in CSS pixels: there it scrolls while something is dragged. */
const EDGE = 32;

export class Reorder {
  /** Which one is dragged, and where it would stand; null while none is. */
  drag: { from: number; to: number } | null = null;
  #pressed: { from: number; x: number } | null = null;
  readonly #items: () => HTMLElement[];
  readonly #changed: () => void;
  readonly #move: (from: number, to: number) => void;

  /**
   * @param items in their order
   * @param changed is called whenever `drag` does
   * @param move is called at the end, with the place that `from` takes after it has left its own
   */
  constructor(items: () => HTMLElement[], changed: () => void, move: (from: number, to: number) => void) {
    this.#items = items;
    this.#changed = changed;
    this.#move = move;
  }

  press(event: PointerEvent, from: number): void {
    if (event.button === 0 && event.pointerType !== "touch") this.#pressed = { from, x: event.clientX };
  }

  /** @param scroller holds the items, and may be narrower than these */
  track(event: PointerEvent, scroller: Element): void {
    if (!this.#pressed) return;
    const { from, x } = this.#pressed;
    if (!this.drag && Math.abs(event.clientX - x) <= SLACK) return;
    const items = this.#items();
    items[from].setPointerCapture(event.pointerId);
    const { left, right } = scroller.getBoundingClientRect();
    if (event.clientX > right - EDGE) scroller.scrollLeft += EDGE / 2;
    if (event.clientX < left + EDGE) scroller.scrollLeft -= EDGE / 2;
    const passed = items.filter((item, i) => i !== from && centre(item) < event.clientX);
    this.#set({ from, to: passed.length });
  }

  drop(): void {
    const { drag } = this;
    this.cancel();
    if (drag && drag.from !== drag.to) this.#move(drag.from, drag.to);
  }

  cancel(): void {
    this.#pressed = null;
    this.#set(null);
  }

  #set(drag: Reorder["drag"]): void {
    if (drag?.from === this.drag?.from && drag?.to === this.drag?.to) return;
    this.drag = drag;
    this.#changed();
  }
}

function centre(item: Element): number {
  const { left, width } = item.getBoundingClientRect();
  return left + width / 2;
}
