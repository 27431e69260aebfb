/** One tab stop for a group of controls; the arrow keys move inside it. */

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
  if (next) move(event, items, next);
}

/** The same in a table, row by row: stops at its borders; Home and End stay in the row, with Ctrl they leave it. */
export function roveGrid(event: KeyboardEvent): void {
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll("tr")].map((row) => [
    ...row.querySelectorAll<HTMLElement>("[data-roving]"),
  ]);
  const at = rows.findIndex((row) => row.includes(event.target as HTMLElement));
  if (at < 0) return;
  const column = rows[at].indexOf(event.target as HTMLElement);
  const [left, right] = event.ctrlKey ? [rows[0], rows[rows.length - 1]] : [rows[at], rows[at]];
  // The corner is no cell: the first row has one less, at its start.
  const inRow = (row: HTMLElement[] | undefined) => row?.[Math.max(0, column + row.length - rows[at].length)];
  const to: Record<string, HTMLElement | undefined> = {
    ArrowLeft: rows[at][column - 1],
    ArrowRight: rows[at][column + 1],
    ArrowUp: inRow(rows[at - 1]),
    ArrowDown: inRow(rows[at + 1]),
    Home: left[0],
    End: right.at(-1),
  };
  const next = to[event.key];
  if (next) move(event, rows.flat(), next);
  else if (event.key in to) event.preventDefault();
}

function move(event: KeyboardEvent, items: HTMLElement[], next: HTMLElement): void {
  event.preventDefault();
  for (const item of items) item.tabIndex = item === next ? 0 : -1;
  next.focus();
}
