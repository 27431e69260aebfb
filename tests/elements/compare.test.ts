/** @jest-environment jsdom */
import type { LitElement } from "lit";
import type { AttriscopeExplorer as Explorer } from "../../src/elements/explorer";
import { define, TAG } from "../../src/elements/explorer";
import { suggested } from "../../src/elements/compare";
import type { AttriscopeMap } from "../../src/elements/map";
import { scaleOf } from "../../src/elements/map";
import type { AttriscopeText } from "../../src/elements/text";
import type { Compare, CompareCell, State } from "../../src/state";
import { FakeStore, makeCard, METHODS } from "../gallery/fake-store";
import { COMPARE, comparing } from "../gallery/pages-compare";
import { all, one } from "./dom";

/** jsdom has none of these. */
beforeAll(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
  HTMLElement.prototype.setPointerCapture = () => undefined;
  window.ResizeObserver = class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  window.matchMedia = () => new EventTarget() as MediaQueryList;
  define();
});

afterEach(() => document.body.replaceChildren());

async function mount(state: State): Promise<{ explorer: Explorer; store: FakeStore }> {
  const store = new FakeStore(state);
  const explorer = document.createElement(TAG) as Explorer;
  explorer.store = store;
  document.body.append(explorer);
  await settled();
  return { explorer, store };
}

async function settled(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve));
    const elements = [...document.querySelectorAll(TAG)].flatMap((explorer) => all(explorer, "*"));
    await Promise.all(elements.map((element) => (element as unknown as LitElement).updateComplete));
  }
}

/** Its text; what stands in elements of their own stands apart. */
function text(element: Element): string {
  const words = (node: Node): string =>
    node instanceof Text ? node.data : node instanceof Element ? ` ${[...node.childNodes].map(words).join("")} ` : "";
  return words(element).replace(/\s+/g, " ").trim();
}

const row = (explorer: Explorer, id: number): HTMLElement =>
  one(explorer, `attriscope-compare-row[data-sample="${id}"]`);
const cell = (explorer: Explorer, id: number, column: number): HTMLElement =>
  one(row(explorer, id), `[data-column="${column + 1}"]`);
const heads = (explorer: Explorer): HTMLElement[] => all(explorer, ".head");

function press(target: Element, key: string, options: KeyboardEventInit = {}): void {
  target.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...options }),
  );
}

/** The element that has the focus, through every shadow root. */
function focused(): HTMLElement {
  let active = document.activeElement as HTMLElement;
  while (active.shadowRoot?.activeElement) active = active.shadowRoot.activeElement as HTMLElement;
  return active;
}

const withCell = (state: State, at: [number, number], change: Partial<CompareCell>): State => ({
  ...state,
  comparison: {
    ...state.comparison!,
    rows: state.comparison!.rows.map((cells, r) =>
      cells.map((old, c) => (r === at[0] && c === at[1] ? { ...old, ...change } : old)),
    ),
  },
});

describe("the table", () => {
  test("a row for each sample, a column for each pin, and what they are to a reader who does not see them", async () => {
    const { explorer } = await mount(comparing());
    expect(heads(explorer).map((head) => text(head))).toEqual([
      "Integrated Gradients 25 steps · zero (grey)",
      "Deep Lift zero (grey)",
      "Saliency",
      "Occlusion 5 × 5 · stride 2",
    ]);
    expect(all(explorer, "attriscope-compare-row")).toHaveLength(6);
    expect(one(explorer, '[role="grid"]').getAttribute("aria-rowcount")).toBe("8");
    expect(row(explorer, 20).getAttribute("role")).toBe("row");
    expect(text(one(cell(explorer, 20, 0), ".figures"))).toBe("deletion 0.120 insertion 0.808 Δ +0.031");
    expect(one(cell(explorer, 20, 0), "canvas").getAttribute("aria-label")).toMatch(
      /^Integrated Gradients for Bird, share \+0\.\d\d, strongest/,
    );
    expect(one(row(explorer, 20), '[role="rowheader"]').getAttribute("aria-label")).toBe(
      "Sample 20, true Plane, incorrect, explaining Bird",
    );
  });

  test("the best of a row is bold, both where two are equal", async () => {
    const state = comparing();
    const faithfulness = (deletion: number, insertion: number) => {
      const { result } = state.comparison!.rows[0][0];
      return { result: { ...result!, faithfulness: { ...result!.faithfulness!, auc: { deletion, insertion } } } };
    };
    const values = [faithfulness(0.3, 0.9001), faithfulness(0.1, 0.9), faithfulness(0.2, 0.5), faithfulness(0.4, 0.1)];
    const changed = values.reduce((now, change, column) => withCell(now, [0, column], change), state);
    const { explorer } = await mount(changed);
    const bold = [0, 1, 2, 3].map((column) => all(cell(explorer, 20, column), ".best").map(text));
    expect(bold).toEqual([["0.900 best"], ["0.100 best", "0.900 best"], [], []]);
  });

  test("what is about to be replaced is not the best", async () => {
    const { explorer } = await mount(withCell(comparing(), [0, 3], { status: "queued", stale: true }));
    expect(all(cell(explorer, 20, 3), ".best")).toHaveLength(0);
    expect(all(cell(explorer, 20, 2), ".best").map(text)).toEqual(["0.109 best", "0.886 best"]);
    expect(cell(explorer, 20, 3).classList).toContain("stale");
    expect(text(one(cell(explorer, 20, 3), ".pending"))).toBe("queued");
    expect(text(one(explorer, ".means .corner"))).toBe("Mean so far");
  });

  test("delta: the number, a warning beyond 5 %, a dash where nothing is promised", async () => {
    const { explorer } = await mount(comparing());
    expect(text(one(cell(explorer, 20, 0), ".delta"))).toBe("+0.031");
    expect(one(cell(explorer, 24, 0), ".delta").classList).toContain("high");
    expect(text(one(cell(explorer, 24, 0), ".delta"))).toBe("high +2.559");
    expect(text(one(cell(explorer, 20, 3), ".delta"))).toBe("–");
  });

  test("means: correlation with the first column, areas, the best of them", async () => {
    const { explorer } = await mount(comparing());
    const means = all(explorer, ".mean");
    expect(text(one(explorer, ".means .corner"))).toBe("Mean of 6");
    expect(means.map((mean) => text(one(mean, ".rho")))).toEqual(["ρ to IG –", "ρ to IG 0.79", "ρ to IG 0.40", "ρ to IG 0.26"]); // prettier-ignore
    expect(all(means[0], ".best").map(text)).toEqual(["0.112 best", "0.753 best"]);
    expect(means.slice(1).flatMap((mean) => all(mean, ".best"))).toHaveLength(0);
  });

  test("running, queued, failed and impossible cells", async () => {
    const running = withCell(comparing(), [0, 1], { status: "running", done: 0.62, result: null });
    const failed = withCell(running, [1, 1], {
      status: "error",
      result: null,
      error: 'node "conv1" (Conv): no memory',
    });
    const { explorer } = await mount(withCell(failed, [2, 1], { status: "queued", result: null }));
    expect(text(one(cell(explorer, 20, 1), ".slot"))).toBe("62 %");
    expect(text(one(cell(explorer, 22, 1), ".slot"))).toBe("queued");
    expect(one(cell(explorer, 21, 1), "[data-error]").title).toBe('node "conv1" (Conv): no memory');
    expect(text(cell(explorer, 21, 1))).toBe('node "conv1" (Conv): no memory');
  });

  test("before anything is known, its places are there", async () => {
    const state = comparing({ pins: [{ method: "Saliency", arguments: {} }] });
    const { explorer } = await mount({ ...state, comparison: null });
    expect(heads(explorer).map((head) => text(head))).toEqual(["Saliency"]);
    expect(text(cell(explorer, 20, 0))).toContain("queued");
    expect(text(one(explorer, ".means .corner"))).toBe("Mean so far");
  });

  test("a column whose method cannot be applied says why, and opens nothing", async () => {
    const { explorer, store } = await mount(COMPARE["compare failing"]());
    expect(text(one(heads(explorer)[2], ".why"))).toBe("the model has no nn.ReLU module");
    expect(heads(explorer)[2].getAttribute("aria-label")).toBe("Saliency, not here: the model has no nn.ReLU module");
    press(cell(explorer, 20, 2), "Enter");
    expect(store.calls).toEqual([]);
  });

  test("names are text", async () => {
    const { explorer } = await mount(COMPARE["compare nasty names"]());
    expect(all(explorer, "img")).toHaveLength(0);
    expect(text(one(heads(explorer)[1], ".title"))).toContain("<img src=x");
  });

  test("models: what each of them predicts; they are neither pinned nor moved", async () => {
    const { explorer } = await mount(COMPARE["compare two models"]());
    expect(text(one(cell(explorer, 20, 0), ".predicted"))).toMatch(/^predicted Bird 0\.216$/);
    expect(one(cell(explorer, 20, 0), ".predicted .incorrect")).toBeTruthy();
    expect(all(explorer, ".unpin, .movable, attriscope-menu[name=pin]")).toHaveLength(0);
    expect(all(explorer, "attriscope-method")).toHaveLength(1);
  });

  test("of two features one is in view", async () => {
    const { explorer, store } = await mount(COMPARE["compare two features"]());
    const select = one(explorer, '[data-control="feature"]') as HTMLSelectElement;
    select.selectedIndex = 1;
    select.dispatchEvent(new Event("change"));
    await settled();
    expect(store.calls).toEqual([["setInspect", { feature: 1 }]]);
    const map = one(cell(explorer, 20, 0), "attriscope-map") as HTMLElement & AttriscopeMap;
    expect(map.attribution).toBe(store.state.comparison!.rows[0][0].result!.attributions[1]);
  });

  test("the pixel under the pointer is marked in the whole row", async () => {
    const { explorer } = await mount(comparing());
    const maps = all(row(explorer, 20), ".map") as (HTMLElement & AttriscopeMap)[];
    maps[1].dispatchEvent(new CustomEvent("probe", { detail: { u: 0.5, v: 0.25 } }));
    await settled();
    expect(maps.every(({ mark }) => mark?.u === 0.5)).toBe(true);
    expect(text(one(cell(explorer, 20, 1), ".probe"))).toMatch(/^x 16, y 8 · [+−]\d\.\d{3} · rank \d+$/);
    expect(all(cell(explorer, 20, 0), ".probe")).toHaveLength(0);
    maps[1].dispatchEvent(new CustomEvent("probe", { detail: null }));
    await settled();
    expect(all(row(explorer, 20), ".probe")).toHaveLength(0);
  });

  test("a row is drawn anew only for a cell of its own", async () => {
    const { explorer, store } = await mount(comparing());
    const drawn = jest.fn();
    for (const element of all(explorer, "attriscope-compare-row")) {
      const updated = element as unknown as { updated: () => void };
      updated.updated = () => drawn(element.dataset.sample);
    }
    store.change({ comparison: withCell(store.state, [3, 1], { stale: true }).comparison });
    await settled();
    expect(drawn.mock.calls).toEqual([["23"]]);
  });
});

describe("texts and rows", () => {
  const texts = (explorer: Explorer, id: number) =>
    all(row(explorer, id), "attriscope-text") as (HTMLElement & AttriscopeText)[];

  test("a text in every cell, and how it begins beside the label; no pixels", async () => {
    const { explorer, store } = await mount(COMPARE["compare texts"]());
    expect(texts(explorer, 1)).toHaveLength(3);
    expect(all(texts(explorer, 1)[0], ".token").map(text)).toEqual(["a", "dull", ",", "lifeless", "remake"]);
    expect(text(one(row(explorer, 1), ".words"))).toBe("a dull , lifeless remake");
    expect(all(explorer, "canvas")).toHaveLength(0);
    expect(one(texts(explorer, 1)[0], '[role="img"]').getAttribute("aria-label")).toMatch(
      /^Integrated Gradients for Negative, share [+−]\d\.\d\d: a dull , lifeless remake$/,
    );
    expect(text(one(explorer, ".strip"))).toContain("as tokens are deleted");
    expect(one(explorer, ".rho").title).toContain("the same order of tokens");
    texts(explorer, 1)[0].click();
    expect(store.calls).toEqual([
      ["select", 1],
      ["setView", "inspect"],
    ]);
  });

  test("the token under the pointer is marked in the whole row; its score and rank are said in its cell", async () => {
    const { explorer, store } = await mount(COMPARE["compare texts"]());
    one(texts(explorer, 1)[1], '[data-token="3"]').dispatchEvent(new Event("pointerenter"));
    await settled();
    expect(texts(explorer, 1).map((element) => all(element, ".probed").map(text))).toEqual(Array(3).fill(["lifeless"]));
    const { values } = store.state.comparison!.rows[1][1].result!.attributions[0]!;
    const stronger = values.filter((value) => Math.abs(value) > Math.abs(values[3])).length;
    const said = `${values[3] < 0 ? "−" : "+"}${Math.abs(values[3]).toFixed(3)} · rank ${stronger + 1}`;
    expect(text(one(cell(explorer, 1, 1), ".tip"))).toBe(`lifeless ${said}`);
    expect(all(cell(explorer, 1, 0), ".tip")).toHaveLength(0);
    one(texts(explorer, 1)[1], ".text").dispatchEvent(new Event("pointerleave"));
    await settled();
    expect(all(row(explorer, 1), ".probed, .tip")).toHaveLength(0);
  });

  test("a row: its strongest values, and what the others add up to; what it holds stands beside the label", async () => {
    const { explorer, store } = await mount(COMPARE["compare rows"]());
    const table = one(cell(explorer, 28, 0), "attriscope-table");
    const { values } = store.state.comparison!.rows[0][0].result!.attributions[0]!;
    const order = [...values.keys()].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]));
    const names = store.state.features[0].categories;
    expect(all(table, "tbody th").map(text)).toEqual(order.slice(0, 4).map((i) => names[i]));
    const rest = order.slice(4).reduce((sum, i) => sum + values[i], 0);
    expect(text(one(table, "tfoot"))).toBe(`and 3 weaker ${rest < 0 ? "−" : "+"}${Math.abs(rest).toFixed(3)}`);
    expect(text(one(row(explorer, 28), ".words"))).toContain("siblings 2 · fare 8.6833 · sex female");
  });

  test("scales: of scores per token or category, of which none is an outlier", async () => {
    const state = COMPARE["compare texts"]();
    const compare = { ...state.choice.compare, scale: "row" as const };
    const { rows } = state.comparison!;
    const maps = rows.map((cells) => cells.map(({ result }) => result!.attributions[0]!));
    for (const cells of maps) cells.forEach((map, c) => (map.values = map.values.map((value) => value * (c + 1))));
    const { explorer } = await mount({ ...state, choice: { ...state.choice, compare } });
    const largest = Math.max(...maps[0].flatMap(({ values }) => Array.from(values, Math.abs)));
    expect(texts(explorer, 0).map(({ scale }) => scale)).toEqual(Array(3).fill(largest));
  });

  test("what is about to be replaced is stale, and says what it waits for", async () => {
    const { explorer } = await mount(COMPARE["compare texts computing"]());
    expect(texts(explorer, 1)[1].stale).toBe(true);
    expect(text(one(cell(explorer, 1, 1), ".pending"))).toBe("31 %");
    expect(text(one(cell(explorer, 1, 3), ".slot"))).toBe("queued");
  });

  test("what is not shown cannot be chosen; in its place stands the first that is", async () => {
    const state = COMPARE["compare a text beside others"]();
    const inspect = { ...state.choice.inspect, feature: 1 };
    const { explorer, store } = await mount({ ...state, choice: { ...state.choice, inspect } });
    const select = one(explorer, '[data-control="feature"]') as HTMLSelectElement;
    expect([...select.options].map(({ text }) => text)).toEqual(["photo", "review", "passenger"]);
    expect(select.selectedIndex).toBe(0);
    expect(all(row(explorer, 20), "attriscope-map.map")).toHaveLength(4);
    select.selectedIndex = 1;
    select.dispatchEvent(new Event("change"));
    expect(store.calls).toEqual([["setInspect", { feature: 2 }]]);
    await settled();
    expect(texts(explorer, 20)).toHaveLength(4);
    expect(text(one(explorer, ".strip"))).toContain("as values are deleted");
  });

  test("where nothing is shown, that is said; the figures are there", async () => {
    const { explorer } = await mount(COMPARE["compare nothing shown"]());
    expect(text(one(explorer, ".strip"))).toContain("the inputs are not shown");
    expect(text(one(cell(explorer, 20, 0), ".slot"))).toBe("not shown");
    expect(text(one(cell(explorer, 20, 0), ".figures"))).toMatch(/^deletion 0\.\d{3}/);
    expect(all(explorer, '[data-control="feature"]')).toHaveLength(0);
  });
});

describe("scales", () => {
  const scalesOf = async (scale: Compare["scale"]): Promise<(number | null)[][]> => {
    const state = COMPARE["compare shared"]();
    const { explorer } = await mount({
      ...state,
      choice: { ...state.choice, compare: { ...state.choice.compare, scale } },
    });
    const maps = (id: number) => all(row(explorer, id), ".map") as (HTMLElement & AttriscopeMap)[];
    return [20, 21].map((id) => maps(id).map((map) => map.scale));
  };
  const own = (): number[][] => {
    const { comparison, display } = COMPARE["compare shared"]();
    return comparison!.rows.map((cells) => cells.map(({ result }) => scaleOf(result!.attributions[0]!, display)));
  };

  test("per cell: each its own", async () => expect(await scalesOf("map")).toEqual(Array(2).fill(Array(4).fill(null))));

  test("per row: the largest of the row", async () => {
    const expected = own().map((scales) => Array<number>(4).fill(Math.max(...scales)));
    expect(await scalesOf("row")).toEqual(expected.slice(0, 2));
    expect(expected[0][0]).not.toBe(expected[1][0]);
  });

  test("shared: the largest of all; the strip says so", async () => {
    const most = Math.max(...own().flat());
    expect(await scalesOf("shared")).toEqual(Array(2).fill(Array(4).fill(most)));
    const explorer = document.querySelector(TAG) as unknown as Explorer;
    expect(text(one(explorer, ".strip"))).toContain("scale shared (units differ by method)");
  });

  test("the choice", async () => {
    const { explorer, store } = await mount(comparing());
    const select = one(explorer, '[data-control="scale"]') as HTMLSelectElement;
    select.value = "row";
    select.dispatchEvent(new Event("change"));
    expect(store.calls).toEqual([["setCompare", { scale: "row" }]]);
  });
});

describe("columns", () => {
  test("models cannot be compared where there is one, and the segment says why", async () => {
    const { explorer, store } = await mount(comparing());
    const segment = one(explorer, '[data-value="models"]');
    segment.click();
    expect(store.calls).toEqual([]);
    expect(segment.getAttribute("aria-disabled")).toBe("true");
    expect(segment.title).toContain("one model only");
  });

  test("models, where there are several", async () => {
    const { explorer, store } = await mount(comparing({}, { models: ["net", "net_finetuned"] }));
    one(explorer, '[data-value="models"]').click();
    expect(store.calls).toEqual([["setCompare", { columns: "models" }]]);
  });

  test("Alt+Right moves a column, says so, and keeps the focus on it", async () => {
    const { explorer, store } = await mount(comparing());
    heads(explorer)[0].focus();
    press(focused(), "ArrowRight", { altKey: true });
    await settled();
    expect(store.calls).toEqual([["movePin", 0, 1]]);
    expect(text(focused())).toContain("Integrated Gradients");
    expect(text(one(one(explorer, "attriscope-compare"), "[aria-live]"))).toContain(
      "Integrated Gradients is column 2 of 4",
    );
    press(focused(), "ArrowLeft", { altKey: true });
    expect(store.calls[1]).toEqual(["movePin", 1, 0]);
  });

  test("the first column goes no further left", async () => {
    const { explorer, store } = await mount(comparing());
    heads(explorer)[0].focus();
    press(focused(), "ArrowLeft", { altKey: true });
    expect(store.calls).toEqual([]);
  });

  test("Delete and × unpin; the focus stays in the heads", async () => {
    const { explorer, store } = await mount(comparing());
    heads(explorer)[3].focus();
    press(focused(), "Delete");
    await settled();
    expect(store.calls).toEqual([["unpin", 3]]);
    expect(text(focused())).toContain("Saliency");
    one(heads(explorer)[0], '[data-action="unpin"]').click();
    expect(store.calls[1]).toEqual(["unpin", 0]);
  });

  describe("dragging", () => {
    const WIDTH = 200;
    const point = (target: Element, type: string, x: number): void => {
      const event = new MouseEvent(type, { clientX: x, bubbles: true, composed: true, button: 0 });
      target.dispatchEvent(Object.assign(event, { pointerType: "mouse", pointerId: 1 }));
    };
    const laid = (explorer: Explorer): HTMLElement[] => {
      heads(explorer).forEach((head, i) => {
        head.getBoundingClientRect = () => ({ left: i * WIDTH, width: WIDTH }) as DOMRect;
      });
      return heads(explorer);
    };

    test("moves a column to where it is dropped", async () => {
      const { explorer, store } = await mount(comparing());
      const [first, , third] = laid(explorer);
      point(first, "pointerdown", 50);
      point(first, "pointermove", 52);
      await settled();
      expect(first.classList).not.toContain("dragged");
      point(first, "pointermove", 520);
      await settled();
      expect(first.classList).toContain("dragged");
      expect(third.classList).toContain("after");
      point(first, "pointerup", 520);
      expect(store.calls).toEqual([["movePin", 0, 2]]);
    });

    test("Escape leaves everything where it was", async () => {
      const { explorer, store } = await mount(comparing());
      const [, second] = laid(explorer);
      second.focus();
      point(second, "pointerdown", 250);
      point(second, "pointermove", 10);
      press(second, "Escape");
      point(second, "pointerup", 10);
      expect(store.calls).toEqual([]);
    });
  });

  test("nothing pinned: what might be, one by one or all", async () => {
    const { explorer, store } = await mount(COMPARE["compare nothing pinned"]());
    const buttons = all(explorer, '[data-action="pin"]');
    expect(buttons.map(text)).toEqual(["+ Integrated Gradients", "+ Saliency", "+ Occlusion", "+ Deep Lift"]);
    buttons[1].click();
    expect(store.calls).toEqual([["pin", "Saliency"]]);
  });

  test("all that are suggested, at once", async () => {
    const { explorer, store } = await mount(COMPARE["compare nothing pinned"]());
    one(explorer, '[data-action="pin-all"]').click();
    expect(store.calls.map(([, name]) => name)).toEqual(["Integrated Gradients", "Saliency", "Occlusion", "Deep Lift"]);
    await settled();
    expect(heads(explorer)).toHaveLength(4);
  });

  test("suggested is what is chosen, and what can be applied", () => {
    expect(suggested(METHODS, "Feature Ablation")[0]).toBe("Feature Ablation");
    expect(suggested(METHODS, "Deconvolution")).not.toContain("Deconvolution");
    expect(suggested([], "Saliency")).toEqual([]);
  });

  test("the menu holds what can be applied, and pins it", async () => {
    const { explorer, store } = await mount(comparing());
    const menu = one(explorer, 'attriscope-menu[name="pin"]') as HTMLElement & { items: { value: string }[] };
    expect(menu.items.map(({ value }) => value)).not.toContain("Deconvolution");
    menu.dispatchEvent(new CustomEvent("choose", { detail: "Guided Backprop" }));
    expect(store.calls).toEqual([["pin", "Guided Backprop"]]);
  });
});

describe("keys and clicks", () => {
  test("one tab stop; arrows move through the cells, the heads and the means, and stop at the borders", async () => {
    const { explorer } = await mount(comparing());
    const stops = () => all(one(explorer, ".table"), '[tabindex="0"][data-column]');
    expect(stops()).toEqual([cell(explorer, 20, 0)]);
    stops()[0].focus();
    press(focused(), "ArrowDown");
    press(focused(), "ArrowRight");
    await settled();
    expect(focused()).toBe(cell(explorer, 21, 1));
    expect(stops()).toEqual([cell(explorer, 21, 1)]);
    press(focused(), "Home");
    expect(focused().getAttribute("role")).toBe("rowheader");
    press(focused(), "ArrowLeft");
    expect(focused().getAttribute("role")).toBe("rowheader");
    press(focused(), "End", { ctrlKey: true });
    expect(focused()).toBe(all(explorer, ".mean")[3]);
    press(focused(), "Home", { ctrlKey: true });
    press(focused(), "ArrowRight");
    expect(focused()).toBe(heads(explorer)[0]);
  });

  test("Enter shows the sample in Inspect with the column's method and arguments", async () => {
    const { explorer, store } = await mount(comparing());
    cell(explorer, 22, 3).focus();
    press(focused(), "Enter");
    expect(store.calls).toEqual([
      ["setMethod", "Occlusion"],
      ["setArgument", "sliding_window_shapes", 5],
      ["setArgument", "strides", 2],
      ["select", 22],
      ["setView", "inspect"],
    ]);
  });

  test("a click on a map does the same; arguments that are chosen anyway are left alone", async () => {
    const { explorer, store } = await mount(comparing());
    one(cell(explorer, 21, 0), ".map").click();
    expect(store.calls).toEqual([
      ["select", 21],
      ["setView", "inspect"],
    ]);
  });

  test("a model's cell opens with that model", async () => {
    const { explorer, store } = await mount(COMPARE["compare two models"]());
    one(cell(explorer, 20, 1), ".map").click();
    expect(store.calls).toEqual([
      ["setModel", 1],
      ["select", 20],
      ["setView", "inspect"],
    ]);
  });

  test("a click on the sample shows it as it is", async () => {
    const { explorer, store } = await mount(comparing());
    one(row(explorer, 23), ".thumbnail").click();
    expect(store.calls).toEqual([
      ["select", 23],
      ["setView", "inspect"],
    ]);
  });

  test("another class is explained, on one sample or on all", async () => {
    const { explorer, store } = await mount(comparing());
    const target = one(row(explorer, 20), '[data-action="target"]');
    expect(text(target)).toBe("Bird 0.216");
    one(row(explorer, 20), '[role="rowheader"]').focus();
    press(focused(), "Enter");
    await settled();
    expect(focused().getAttribute("role")).toBe("radio");
    one(row(explorer, 20), '[data-class="3"]').click();
    await settled();
    expect(store.calls).toEqual([["setTarget", 20, 3]]);
    expect(all(row(explorer, 20), "[data-class]")).toHaveLength(0);
    target.click();
    await settled();
    one(row(explorer, 20), 'input[type="checkbox"]').click();
    one(row(explorer, 20), '[data-class="4"]').click();
    expect(store.calls[1]).toEqual(["setTargetForAll", 4]);
  });

  test("of a thousand classes any is found by its name", async () => {
    const { explorer, store } = await mount(COMPARE["compare many classes"]());
    one(row(explorer, 20), '[data-action="target"]').click();
    await settled();
    expect(all(row(explorer, 20), "[data-class]")).toHaveLength(10);
    const field = one(row(explorer, 20), '[data-control="target"]') as HTMLInputElement;
    field.value = "Species 7";
    field.dispatchEvent(new Event("change"));
    expect(store.calls).toEqual([["setTarget", 20, 7]]);
  });

  test("without classes there is no target, but the output", async () => {
    const { explorer } = await mount(COMPARE["compare regression"]());
    expect(text(one(row(explorer, 20), ".output"))).toBe("output 1.732");
    expect(all(explorer, '[data-action="target"]')).toHaveLength(0);
    expect(text(one(explorer, ".strip"))).toContain("output as pixels are");
  });
});

test("maps that say nothing for or against are drawn as magnitudes only if all of them are", async () => {
  const cards = [makeCard(20)];
  const unsigned = (state: State, columns: number[]): State =>
    columns.reduce((now, column) => {
      const { result } = now.comparison!.rows[0][column];
      return withCell(now, [0, column], { result: { ...result!, signed: false } });
    }, state);
  const some = await mount(unsigned(comparing({}, { cards }), [2]));
  expect((one(some.explorer, "attriscope-legend") as HTMLElement & { sign: string }).sign).toBe("signed");
  const every = await mount(unsigned(comparing({}, { cards }), [0, 1, 2, 3]));
  expect((one(every.explorer, "attriscope-legend") as HTMLElement & { sign: string }).sign).toBe("absolute");
});
