/** One tab stop for a group of buttons; the arrow keys move inside it. */

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Moves the focus from the event's button to its neighbour in the same group (`[data-roving]`), around the ends. */
export function rove(event: KeyboardEvent): void {
  const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[data-roving]")];
  const at = items.indexOf(event.target as HTMLElement);
  if (at < 0) return;
  const next =
    event.key === "Home"
      ? items[0]
      : event.key === "End"
        ? items.at(-1)
        : event.key in STEPS
          ? items.at((at + STEPS[event.key]) % items.length)
          : undefined;
  if (!next) return;
  event.preventDefault();
  for (const item of items) item.tabIndex = item === next ? 0 : -1;
  next.focus();
}
