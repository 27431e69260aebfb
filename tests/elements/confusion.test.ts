/** @jest-environment jsdom */
import { AttriscopeConfusion } from "../../src/elements/confusion";
import type { Filter } from "../../src/wire";

beforeAll(() => customElements.define("attriscope-confusion", AttriscopeConfusion));
afterEach(() => document.body.replaceChildren());

/** A matrix that takes its own choices over into its filter. */
async function mount(size: number) {
  const matrix = document.createElement("attriscope-confusion") as AttriscopeConfusion;
  const chosen: Partial<Filter>[] = [];
  matrix.classes = Array.from({ length: size }, (_, i) => `class ${i}`);
  matrix.counts = matrix.classes.map((_, t) => matrix.classes.map((__, p) => (t === p ? 9 : p > t ? p - t : 0)));
  matrix.filter = { classes: [], labels: [], prediction: "all" };
  matrix.addEventListener("choose", (event) => {
    const { detail } = event as CustomEvent<Partial<Filter>>;
    chosen.push(detail);
    matrix.filter = { ...matrix.filter, ...detail };
  });
  document.body.append(matrix);
  await matrix.updateComplete;
  const cell = (row: number, column: number): HTMLTableCellElement =>
    matrix.shadowRoot!.querySelector("table")!.rows[row].cells[column];
  return { matrix, chosen, cell };
}

const press = (target: Element, init: KeyboardEventInit): boolean =>
  target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, composed: true, cancelable: true, ...init }));

test("counts stand where they belong, zeros are left out", async () => {
  const { matrix, cell } = await mount(3);
  const rows = [...matrix.shadowRoot!.querySelectorAll("tbody tr")] as HTMLTableRowElement[];
  const texts = rows.map(({ cells }) => [...cells].map(({ textContent }) => textContent!.trim()));
  expect(texts).toEqual([
    ["class 0", "9", "1", "2"],
    ["class 1", "", "9", "1"],
    ["class 2", "", "", "9"],
  ]);
  expect([cell(1, 1).className.trim(), cell(1, 2).className.trim(), cell(2, 1).className.trim()]).toEqual([
    "right diagonal",
    "wrong",
    "",
  ]);
  expect(matrix.shadowRoot!.textContent).toContain("31 samples");
});

test("a cell chooses both classes, a head its own side; the same again takes it back", async () => {
  const { matrix, chosen, cell } = await mount(3);
  for (const [row, column] of [
    [2, 3],
    [2, 0],
    [0, 3],
    [0, 1],
    [1, 1],
    [1, 1],
  ]) {
    cell(row, column).click();
    await matrix.updateComplete;
  }
  expect(chosen).toEqual([
    { labels: ["class 1"], classes: ["class 2"] },
    { labels: [] },
    { classes: [] },
    { classes: ["class 0"] },
    { labels: ["class 0"], classes: ["class 0"] },
    { labels: [], classes: [] },
  ]);
});

test("what is chosen is marked", async () => {
  const { matrix, cell } = await mount(3);
  cell(1, 2).click();
  await matrix.updateComplete;
  const marked = [...matrix.shadowRoot!.querySelectorAll('[aria-selected="true"]')];
  expect(marked).toEqual([cell(0, 2), cell(1, 0), cell(1, 2)]);
});

test("arrow keys walk, Home and End stay in the row, with Ctrl in the table; Enter and Space choose", async () => {
  const { matrix, chosen, cell } = await mount(4);
  matrix.focus();
  const at = (): Element => matrix.shadowRoot!.activeElement!;
  expect(at()).toBe(cell(1, 1));
  for (const [init, row, column] of [
    [{ key: "ArrowRight" }, 1, 2],
    [{ key: "ArrowDown" }, 2, 2],
    [{ key: "End" }, 2, 4],
    [{ key: "ArrowRight" }, 2, 4],
    [{ key: "Home" }, 2, 0],
    [{ key: "ArrowUp" }, 1, 0],
    [{ key: "ArrowRight" }, 1, 1],
    [{ key: "ArrowUp" }, 0, 1],
    [{ key: "End", ctrlKey: true }, 4, 4],
    [{ key: "Home", ctrlKey: true }, 0, 1],
  ] as const) {
    expect(press(at(), init)).toBe(false);
    expect(at()).toBe(cell(row, column));
    expect(matrix.shadowRoot!.querySelectorAll('[tabindex="0"]')).toHaveLength(1);
  }
  press(at(), { key: "Enter" });
  press(cell(2, 0), { key: " " });
  expect(chosen).toEqual([{ classes: ["class 0"] }, { labels: ["class 1"] }]);
});

test("a large matrix is made in slices", async () => {
  const { matrix } = await mount(26);
  const rows = (): number => matrix.shadowRoot!.querySelectorAll("tbody tr").length;
  expect(rows()).toBe(24);
  for (let i = 0; i < 10 && rows() < 26; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(rows()).toBe(26);
});
