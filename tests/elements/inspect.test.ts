/** @jest-environment jsdom */
import { Ranking } from "../../src/derived";
import type { AttriscopeExplorer as Explorer } from "../../src/elements/explorer";
import { define, TAG } from "../../src/elements/explorer";
import { layoutOf } from "../../src/elements/inspect";
import { boxed, brushed, outlined } from "../../src/elements/masks";
import type { AttriscopeStage } from "../../src/elements/stage";
import { panned, placed, seenOf, showing, WHOLE, zoomed } from "../../src/elements/viewport";
import { said } from "../../src/derived";
import { countOf, itemsOf, maskOfItems } from "../../src/items";
import type { State } from "../../src/state";
import { FakeStore, makeCard, makeInspection, summed } from "../gallery/fake-store";
import { INSPECT, inspecting } from "../gallery/pages-inspect";
import { all, one } from "./dom";

/** jsdom has none of these. */
beforeAll(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
  window.matchMedia = () => new EventTarget() as MediaQueryList;
  Element.prototype.setPointerCapture = () => {};
  define();
});

afterEach(() => document.body.replaceChildren());

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));

async function mount(state: State): Promise<{ explorer: Explorer; store: FakeStore }> {
  const store = new FakeStore(state);
  const explorer = document.createElement(TAG) as Explorer;
  explorer.store = store;
  document.body.append(explorer);
  await settled();
  return { explorer, store };
}

const text = (element: Element): string => element.textContent!.replace(/\s+/g, " ").trim();

async function press(element: HTMLElement, key: string, init: KeyboardEventInit = {}): Promise<KeyboardEvent> {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, composed: true, cancelable: true, ...init });
  element.dispatchEvent(event);
  await settled();
  return event;
}

/** In CSS pixels of a window; 10 of them are one pixel of a 32 x 32 picture. */
async function point(element: HTMLElement, type: string, x: number, y: number, init: MouseEventInit = {}) {
  element.dispatchEvent(
    new MouseEvent(type, { clientX: x, clientY: y, bubbles: true, composed: true, cancelable: true, ...init }),
  );
  await settled();
}

const pane = (explorer: Explorer, name: string): HTMLElement => one(explorer, `[data-pane="${name}"]`);
const stage = (explorer: Explorer): AttriscopeStage => one(explorer, "attriscope-stage") as AttriscopeStage;
const paints = (store: FakeStore) =>
  store.calls.filter(([name]) => name === "paint") as [string, Uint8Array, boolean][];

/** Rows of a mask as text. */
const drawn = (mask: Uint8Array, width: number): string[] =>
  Array.from({ length: mask.length / width }, (_, y) => mask.slice(y * width, (y + 1) * width).join(""));

const nothingPainted = (): State => INSPECT["inspect: nothing painted"]();

describe("masks", () => {
  const grid = { width: 7, height: 5 };
  const blank = new Uint8Array(35);

  test("a brush is round, and cut off by the edges", () => {
    expect(drawn(brushed(blank, grid, [{ x: 3, y: 2 }], 5, 1), 7)).toEqual([
      "0011100",
      "0111110",
      "0111110",
      "0111110",
      "0011100",
    ]);
    expect(drawn(brushed(blank, grid, [{ x: 0, y: 0 }], 3, 1), 7)).toEqual([
      "1100000",
      "1100000",
      "0000000",
      "0000000",
      "0000000",
    ]);
    expect(countOf(brushed(blank, grid, [{ x: 20, y: -9 }], 3, 1))).toBe(0);
  });

  test("a way has no holes, and erasing takes the same back", () => {
    const way = [
      { x: 0, y: 0 },
      { x: 6, y: 4 },
    ];
    const line = brushed(blank, grid, way, 1, 1);
    expect(drawn(line, 7)).toEqual(["1000000", "0110000", "0001000", "0000110", "0000001"]);
    expect(countOf(brushed(line, grid, way, 1, 0))).toBe(0);
    expect(countOf(blank)).toBe(0);
  });

  test("a box has both corners, in any order", () => {
    const corners = (a: [number, number], b: [number, number]) =>
      drawn(boxed(blank, grid, [{ x: a[0], y: a[1] }, { x: b[0], y: b[1] }], 1), 7); // prettier-ignore
    const expected = ["0000000", "0111000", "0111000", "0000000", "0000000"];
    expect(corners([1, 1], [3, 2])).toEqual(expected);
    expect(corners([3, 2], [1, 1])).toEqual(expected);
    expect(corners([-4, -4], [99, 99])).toEqual(Array(5).fill("1111111"));
  });

  test("outlines are the inner edges of what is covered, and go on beyond the canvas", () => {
    const mask = boxed(new Uint8Array(9), { width: 3, height: 3 }, [{ x: 1, y: 0 }, { x: 2, y: 1 }], 1); // prettier-ignore
    const whole = outlined(mask, { width: 3, height: 3 }, { left: 0, top: 0, width: 9, height: 9 }, 9, 1);
    expect(drawn(whole, 9)).toEqual([
      "000222222",
      "000211112",
      "000211112",
      "000211112",
      "000211112",
      "000222222",
      "000000000",
      "000000000",
      "000000000",
    ]);
    const part = outlined(mask, { width: 3, height: 3 }, { left: -8, top: -3, width: 12, height: 12 }, 4, 1);
    expect(drawn(part, 4)).toEqual(["1112", "1112", "1112", "1112"]);
  });

  test("a token is masked where most of its embedding is", () => {
    const mask = Uint8Array.of(1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0);
    expect([...maskOfItems(mask, 4)]).toEqual([1, 1, 0, 0]);
    expect([...maskOfItems(mask, 3)]).toEqual([1, 0, 0]);
    expect([...maskOfItems(mask, 12)]).toEqual([...mask]);
  });

  test("without another mask only the rest of it is covered", () => {
    const grid = { width: 4, height: 1 };
    const extent = { left: 0, top: 0, width: 4, height: 1 };
    const part = outlined(Uint8Array.of(1, 1, 1, 0), grid, extent, 4, 1, Uint8Array.of(0, 1, 0, 1));
    expect([...part.subarray(0, 4)]).toEqual([2, 0, 2, 0]);
  });

  test("of pixels smaller than those of the canvas a quarter is enough", () => {
    const grid = { width: 8, height: 8 };
    const extent = { left: 0, top: 0, width: 2, height: 2 };
    const three = brushed(new Uint8Array(64), grid, [{ x: 0, y: 0 }, { x: 2, y: 0 }], 1, 1); // prettier-ignore
    expect([...outlined(three, grid, extent, 2, 1)]).toEqual([0, 0, 0, 0]);
    const four = brushed(three, grid, [{ x: 0, y: 1 }], 1, 1);
    expect(outlined(four, grid, extent, 2, 1)[0]).toBe(2);
  });
});

describe("ranking", () => {
  const attribution = (values: number[], shape: number[]) => summed(Float32Array.from(values), shape);

  test("by the sum over the channels; equals come in reading order", () => {
    const ranking = new Ranking(attribution([1, 0, 2, -5, 1, 0, 1, 0], [2, 2, 2]), { width: 2, height: 2 }, "signed");
    expect([...ranking.values]).toEqual([2, 0, 3, -5]);
    expect([0, 1, 2, 3].map((i) => ranking.rank(i))).toEqual([3, 4, 2, 1]);
    expect([...ranking.top(2)]).toEqual([0, 0, 1, 1]);
    expect(ranking.first(3)).toEqual([3, 2, 0]);
    const equals = new Ranking(attribution([1, 1, 0, 1], [1, 2, 2]), { width: 2, height: 2 }, "signed");
    expect([...equals.top(2)]).toEqual([1, 1, 0, 0]);
    expect([0, 1, 2, 3].map((i) => equals.rank(i))).toEqual([1, 1, 4, 1]);
  });

  test("as the sign is shown, and none where all are equal", () => {
    const map = attribution([3, -4, 0, 1], [1, 2, 2]);
    expect(new Ranking(map, { width: 2, height: 2 }, "absolute").first(2)).toEqual([1, 0]);
    expect(new Ranking(map, { width: 2, height: 2 }, "positive").first(2)).toEqual([0, 3]);
    expect(new Ranking(map, { width: 2, height: 2 }, "negative").first(1)).toEqual([1]);
    const zero = new Ranking(attribution([0, 0, 0, 0], [1, 2, 2]), { width: 2, height: 2 }, "signed");
    expect(countOf(zero.top(3))).toBe(0);
    expect(zero.rank(3)).toBe(1);
  });

  test("a coarser map is laid over the grid", () => {
    const ranking = new Ranking(attribution([1, 2], [1, 1, 2]), { width: 4, height: 2 }, "signed");
    expect([...ranking.values]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });
});

describe("viewport", () => {
  const frame = { grid: { width: 32, height: 32 }, side: 320, pixelRatio: 1 };

  test("pixels are whole at every zoom, and what is under the pointer stays there", () => {
    const view = zoomed(WHOLE, frame, 1.37, 100, 40);
    const { left, top, width } = placed(view, frame);
    expect(width % 32).toBe(0);
    expect(Number.isInteger(left)).toBe(true);
    expect(Math.abs((100 - left) / width - 100 / 320)).toBeLessThan(1 / width);
    expect(Math.abs((40 - top) / width - 40 / 320)).toBeLessThan(1 / width);
  });

  test("no farther than all of it, no nearer than 64 px a pixel, and never past an edge", () => {
    expect(zoomed(WHOLE, frame, 0.1, 0, 0)).toEqual(WHOLE);
    const near = zoomed(WHOLE, frame, 1e9, 0, 0);
    expect(placed(near, frame)).toMatchObject({ left: 0, top: 0, width: 64 * 32 });
    const moved = panned(near, frame, -1e6, 1e6);
    expect(placed(moved, frame)).toMatchObject({ left: 320 - 64 * 32, top: 0 });
    expect(zoomed({ ...near, u: 1 }, frame, 0, 0, 0)).toEqual(WHOLE);
  });

  test("a picture smaller than the window stands in its middle", () => {
    const narrow = { ...frame, grid: { width: 500, height: 1 } };
    const { top, height } = placed(WHOLE, narrow);
    expect(height).toBe(1);
    expect(top).toBe(160);
    expect(placed(WHOLE, { ...frame, grid: { width: 1, height: 1 } })).toMatchObject({ left: 0, width: 320 });
  });

  test("what is in view of a picture, as shares of it", () => {
    expect(seenOf(placed(WHOLE, frame), 320)).toEqual({ left: 0, top: 0, right: 1, bottom: 1 });
    expect(seenOf(placed(zoomed(WHOLE, frame, 4, 0, 0), frame), 320)).toEqual({ left: 0, top: 0, right: 0.25, bottom: 0.25 }); // prettier-ignore
    const flat = { ...frame, grid: { width: 500, height: 1 } };
    expect(seenOf(placed(zoomed(WHOLE, flat, 2, 320, 160), flat), 320)).toMatchObject({ top: 0, right: 1, bottom: 1 });
    expect(seenOf(placed(zoomed(WHOLE, flat, 2, 320, 160), flat), 320).left).toBeCloseTo(0.5);
  });

  test("the keyboard's probe is always in view", () => {
    const near = zoomed(WHOLE, frame, 4, 0, 0);
    const { left, width } = placed(showing(near, frame, 0.9, 0.1), frame);
    expect(left + 0.9 * width).toBeGreaterThan(0);
    expect(left + 0.9 * width).toBeLessThan(320);
  });

  test("windows fit what there is, in whole multiples of 32", () => {
    expect(layoutOf(1038)).toEqual({ layout: "wide", side: 320 });
    expect(layoutOf(898)).toEqual({ layout: "wide compact", side: 256 });
    expect(layoutOf(698)).toEqual({ layout: "medium", side: 320 });
    expect(layoutOf(598)).toEqual({ layout: "medium compact", side: 256 });
    expect(layoutOf(398)).toEqual({ layout: "narrow compact", side: 352 });
    expect(layoutOf(10).side).toBe(96);
  });
});

describe("probe", () => {
  test("by keyboard: from the strongest pixel on, read out, marked in both pictures", async () => {
    const { explorer } = await mount(nothingPainted());
    const map = pane(explorer, "map");
    map.focus();
    await settled();
    expect(stage(explorer).spoken).toMatch(/^x \d+ y \d+, plus [\d.]+, rank 1$/);
    const { x, y } = stage(explorer).probe!;
    await press(map, "ArrowRight");
    await press(map, "ArrowUp", { shiftKey: true });
    const probe = { x: Math.min(x + 1, 31), y: Math.max(y - 10, 0) };
    expect(stage(explorer).probe).toEqual(probe);
    expect(all(explorer.shadowRoot!, ".clip .mark")).toHaveLength(2);
    expect(text(one(explorer, ".tip"))).toContain(`x ${probe.x}, y ${probe.y} attribution`);
    expect(text(one(explorer, ".readout"))).toMatch(
      new RegExp(`^x ${probe.x} y ${probe.y} RGB \\d+ \\d+ \\d+ attribution`),
    );
  });

  test("Escape closes the numbers and goes no further; the next one is the notebook's", async () => {
    const { explorer } = await mount(nothingPainted());
    const outside = jest.fn();
    document.body.addEventListener("keydown", outside);
    const map = pane(explorer, "map");
    map.focus();
    await press(map, "ArrowDown");
    outside.mockClear();
    await press(map, "Escape");
    expect(all(explorer.shadowRoot!, ".tip")).toHaveLength(0);
    expect(outside).not.toHaveBeenCalled();
    await press(map, "Escape");
    expect(outside).toHaveBeenCalledTimes(1);
    document.body.removeEventListener("keydown", outside);
  });

  test("under the pointer; a click keeps it, another one lets it go", async () => {
    const { explorer } = await mount(nothingPainted());
    const map = pane(explorer, "map");
    await point(map, "pointermove", 185, 225);
    expect(stage(explorer).probe).toEqual({ x: 18, y: 22 });
    await point(map, "pointerdown", 185, 225);
    await point(map, "pointerup", 185, 225);
    await point(map, "pointermove", 5, 5);
    await point(map, "pointerleave", 5, 5);
    expect(stage(explorer).probe).toEqual({ x: 18, y: 22 });
    await point(map, "pointerdown", 185, 225);
    await point(map, "pointerup", 185, 225);
    await point(map, "pointerleave", 185, 225);
    expect(stage(explorer).probe).toBeNull();
    expect(text(one(explorer, ".readout"))).toContain("point at a pixel");
  });
});

describe("painting", () => {
  test("every step of a stroke is told with all that is hidden; the last one ends it", async () => {
    const { explorer, store } = await mount(nothingPainted());
    const input = pane(explorer, "input");
    await press(input, "3");
    await press(input, "[");
    await press(input, "[");
    await point(input, "pointerdown", 105, 105);
    await point(input, "pointermove", 145, 105, { buttons: 1 });
    await point(input, "pointerup", 145, 105);
    const steps = paints(store);
    expect(steps.map(([, , done]) => done)).toEqual([false, false, true]);
    expect(steps.map(([, pixels]) => countOf(pixels))).toEqual([9, 21, 21]);
    expect(new Set(steps.map(([, pixels]) => pixels)).size).toBeGreaterThan(1);
    expect(steps[1][1][10 * 32 + 14]).toBe(1);
    expect(stage(explorer).stroke).toBeNull();
    expect(text(one(explorer, "attriscope-what-if").shadowRoot!.querySelector(".head")!)).toContain(
      "21 pixels painted zero (grey)",
    );
  });

  test("erase shows them again, boxes are dragged", async () => {
    const { explorer, store } = await mount(nothingPainted());
    const input = pane(explorer, "input");
    one(explorer, '[data-value="box"]').click();
    one(explorer, '[data-value="paint"]').click();
    await settled();
    await point(input, "pointerdown", 105, 105);
    await point(input, "pointermove", 300, 300, { buttons: 1 });
    await point(input, "pointermove", 145, 125, { buttons: 1 });
    await point(input, "pointerup", 145, 125);
    expect(countOf(paints(store).at(-1)![1])).toBe(15);
    await press(input, "4");
    await point(input, "pointerdown", 105, 105);
    await point(input, "pointermove", 145, 105, { buttons: 1 });
    await point(input, "pointerup", 145, 105);
    expect(countOf(paints(store).at(-1)![1])).toBe(10);
  });

  test("by keyboard: Space at the probe, and twice for a box", async () => {
    const { explorer, store } = await mount(nothingPainted());
    const input = pane(explorer, "input");
    stage(explorer).probe = { x: 10, y: 10 };
    expect((await press(input, " ")).defaultPrevented).toBe(true);
    expect(paints(store)).toHaveLength(1);
    expect(paints(store)[0][2]).toBe(true);
    expect(countOf(paints(store)[0][1])).toBe(21);
    one(explorer, '[data-value="box"]').click();
    await settled();
    await press(input, " ");
    await press(input, "ArrowRight", { shiftKey: true });
    expect(paints(store)).toHaveLength(1);
    await press(input, " ");
    expect(countOf(paints(store)[1][1])).toBe(21 + 8);
    await press(input, " ");
    await press(input, "Escape");
    expect(paints(store)).toHaveLength(2);
    expect(stage(explorer).stroke).toBeNull();
  });

  test("nothing is painted where nothing can be hidden", async () => {
    const { explorer, store } = await mount(INSPECT["inspect: failed"]());
    const input = pane(explorer, "input");
    await press(input, "3");
    await point(input, "pointerdown", 105, 105);
    await point(input, "pointerup", 105, 105);
    stage(explorer).probe = { x: 10, y: 10 };
    await press(input, " ");
    expect(paints(store)).toEqual([]);
    expect(text(one(explorer, '[role="alert"]'))).toContain("out of memory");
  });

  test("undo, clear, and what fills the pixels", async () => {
    const { explorer, store } = await mount(inspecting());
    one(explorer, "attriscope-what-if").shadowRoot!.querySelector<HTMLElement>('[data-action="undo"]')!.click();
    one(explorer, '[data-action="clear"]').click();
    const fill = one(explorer, '[data-control="fill"]') as HTMLSelectElement;
    fill.value = "blur";
    fill.dispatchEvent(new Event("change"));
    await settled();
    expect(store.calls.map(([name]) => name)).toEqual(["undo", "clear", "setInspect"]);
    expect(countOf(store.state.inspection!.painted)).toBe(0);
    expect(store.calls[2][1]).toEqual({ fill: "blur" });
    expect(one(explorer, '[data-action="clear"]').hasAttribute("disabled")).toBe(true);
  });
});

describe("zoom", () => {
  test("two fingers zoom about what lies between them, move it, and paint nothing", async () => {
    const { explorer, store } = await mount(nothingPainted());
    const input = pane(explorer, "input");
    const touch = async (type: string, pointerId: number, x: number, y: number) => {
      const init = { clientX: x, clientY: y, bubbles: true, composed: true, cancelable: true };
      input.dispatchEvent(Object.assign(new MouseEvent(type, init), { pointerType: "touch", pointerId }));
      await settled();
    };
    await press(input, "3");
    await touch("pointerdown", 1, 120, 160);
    await touch("pointerdown", 2, 200, 160);
    await touch("pointermove", 2, 280, 160);
    expect(stage(explorer).view.zoom).toBe(2);
    // What lay between the fingers, at 160, has gone with them to 200.
    expect(stage(explorer).view.u).toBeCloseTo(0.5 - 40 / 640);
    await touch("pointerup", 1, 120, 160);
    await touch("pointermove", 2, 300, 160);
    await touch("pointerup", 2, 300, 160);
    expect(stage(explorer).view.zoom).toBe(2);
    expect(countOf(paints(store).at(-1)![1])).toBe(0);
    expect(paints(store).at(-1)![2]).toBe(true);
  });

  test("both pictures together, by keys, wheel and drag; 0 shows all", async () => {
    const { explorer } = await mount(nothingPainted());
    const input = pane(explorer, "input");
    await press(input, "+");
    expect(stage(explorer).view.zoom).toBe(1.5);
    const sides = all(explorer.shadowRoot!, "attriscope-stage")
      .flatMap((element) => all(element.shadowRoot!, "attriscope-map"))
      .map((map) => (map as HTMLElement & { side: number }).side);
    expect(sides).toEqual([480, 480]);
    await point(input, "pointerdown", 100, 100);
    await point(input, "pointermove", 40, 100, { buttons: 1 });
    await point(input, "pointerup", 40, 100);
    expect(stage(explorer).view.u).toBeCloseTo(0.5 + 60 / 480);
    await press(input, "0");
    expect(stage(explorer).view).toEqual(WHOLE);
    const wheel = (init: WheelEventInit): boolean =>
      input.dispatchEvent(
        new WheelEvent("wheel", { deltaY: -100, clientX: 10, clientY: 10, cancelable: true, ...init }),
      );
    expect(wheel({})).toBe(true);
    expect(stage(explorer).view).toEqual(WHOLE);
    expect(wheel({ ctrlKey: true })).toBe(false);
    expect(stage(explorer).view.zoom).toBeGreaterThan(1);
    await point(input, "dblclick", 10, 10);
    expect(stage(explorer).view).toEqual(WHOLE);
  });

  test("only what is in view is drawn, and nothing again for a probe", async () => {
    const { explorer } = await mount(INSPECT["inspect: 224 x 224"]());
    const canvas = (): HTMLCanvasElement => one(one(explorer, '[data-picture="map"]'), "canvas") as HTMLCanvasElement;
    expect([canvas().width, canvas().height]).toEqual([224, 224]);
    await point(pane(explorer, "map"), "pointermove", 80, 80);
    for (let i = 0; i < 4; i++) await press(pane(explorer, "map"), "+");
    const { zoom } = stage(explorer).view;
    const across = 224 / zoom;
    expect(canvas().width).toBeGreaterThanOrEqual(Math.floor(across));
    expect(canvas().width).toBeLessThan(across + 5);
    const drawn = jest.spyOn(canvas(), "getContext");
    await point(pane(explorer, "map"), "pointermove", 90, 90);
    expect(drawn).not.toHaveBeenCalled();
    await press(pane(explorer, "map"), "-");
    expect(drawn).toHaveBeenCalledTimes(1);
  });

  test("another sample is seen from the start", async () => {
    const { explorer, store } = await mount(nothingPainted());
    await press(pane(explorer, "input"), "+");
    store.select(21);
    await settled();
    expect(stage(explorer).view).toEqual(WHOLE);
  });
});

describe("what if", () => {
  const card = makeCard(20);
  const scores = (top: number): Float32Array => Float32Array.from(card.predictions, (_, i) => (i === top ? 0.9 : 0.01));

  test("six classes in the order of before, the explained and the new prediction always among them", () => {
    const last = card.predictions.at(-1)!.index;
    const rows = said({ ...card, target: card.predictions[8].index }, 0, scores(last), 6);
    expect(rows).toHaveLength(6);
    expect(rows.map(({ before }) => before)).toEqual(rows.map(({ before }) => before).sort((a, b) => b - a));
    expect(rows.map(({ index }) => index)).toEqual(
      expect.arrayContaining([card.predictions[8].index, last, card.predictions[0].index]),
    );
    expect(rows.find(({ index }) => index === last)!.after).toBeCloseTo(0.9);
  });

  test("outputs where there are no classes", () => {
    const rows = said(makeCard(20, { classes: [], labelled: false }), 0, Float32Array.of(1.5), 6);
    expect(rows).toEqual([{ index: 0, label: "output", before: expect.closeTo(1.732), after: 1.5 }]);
  });

  test("scores that are no numbers are said to be none", async () => {
    const state = inspecting({}, { cards: [card, makeCard(21)] });
    const nan = scores(0).fill(NaN, 2, 3);
    state.inspection = { ...state.inspection!, after: { ...state.inspection!.after!, scores: nan } };
    const { explorer } = await mount(state);
    const verdict = one(one(explorer, "attriscope-what-if"), ".verdict");
    expect(verdict.textContent!.trim()).toBe("The model's scores are NaN or infinite for this input.");
  });

  test("the prediction that changes is said and announced; a click explains a class", async () => {
    const state = inspecting({}, { cards: [card, makeCard(21)] });
    const other = card.predictions[3];
    state.inspection = { ...state.inspection!, after: { ...state.inspection!.after!, scores: scores(other.index) } };
    const { explorer, store } = await mount(state);
    const before = card.predictions[0].label;
    expect(text(one(explorer, ".verdict"))).toBe(`Prediction changes:${before}→${other.label}`);
    const live = all(explorer.shadowRoot!, '[aria-live="polite"]').map(text);
    expect(live).toContain(`Prediction changes from ${before} to ${other.label}`);
    const row = one(explorer, `attriscope-what-if`).shadowRoot!.querySelector<HTMLElement>(
      `[data-class="${other.index}"]`,
    )!;
    expect(row.getAttribute("aria-label")).toMatch(/, before [\d.]+, after 0\.900, \+0\.\d+$/);
    row.click();
    expect(store.calls).toEqual([["setTarget", 20, other.index]]);
  });
});

describe("faithfulness", () => {
  test("the scrubber by keys and by pointer", async () => {
    const { explorer, store } = await mount(inspecting({ at: 0.5 }));
    const slider = one(explorer, "attriscope-curve").shadowRoot!.querySelector<HTMLElement>('[role="slider"]')!;
    expect(slider.getAttribute("aria-valuetext")).toMatch(/^50\.0 %, deleted [\d.]+, inserted [\d.]+$/);
    await press(slider, "ArrowRight");
    await press(slider, "ArrowLeft", { shiftKey: true });
    await press(slider, "Home");
    await press(slider, "ArrowLeft");
    await press(slider, "End");
    slider.getBoundingClientRect = () => ({ left: 100, width: 200 }) as DOMRect;
    await point(slider, "pointermove", 150, 0);
    await point(slider, "pointerdown", 150, 0);
    await point(slider, "pointermove", 999, 0, { buttons: 1 });
    expect(store.calls.map(([, change]) => (change as { at: number }).at)).toEqual([0.51, 0.41, 0, 1, 0.25, 1]);
    expect(text(one(explorer, ".figures"))).toMatch(/^100\.0 % 1024 of 1024 pixels/);
  });

  test("not measured yet: axes, and no numbers", async () => {
    const { explorer } = await mount(INSPECT["inspect: unmeasured"]());
    const slider = one(explorer, '[role="slider"]');
    expect(slider.getAttribute("aria-valuetext")).toBe("0.0 %");
    expect(text(one(explorer, ".axis"))).toContain("being measured");
  });
});

describe("a text", () => {
  const whatIf = (explorer: Explorer, part: string): string =>
    text(one(explorer, "attriscope-what-if").shadowRoot!.querySelector(part)!);
  const tokens = (explorer: Explorer): HTMLElement[] => all(one(explorer, ".items > attriscope-text"), "button");
  const masked = (explorer: Explorer): number[] =>
    tokens(explorer).flatMap((token, i) => (token.getAttribute("aria-pressed") === "true" ? [i] : []));

  /** The same text as [T, 3] embeddings, each with parts of what is said of it. */
  function embedded(): State {
    const state = INSPECT["inspect: text"]();
    const { inspection } = state;
    const { sample, result } = inspection!.card;
    const { values, ...rest } = result!.attributions[0]!;
    const parts = Float32Array.from({ length: 3 * values.length }, (_, i) => values[Math.floor(i / 3)] * [2, -4, 3][i % 3]); // prettier-ignore
    const shape = [values.length, 3];
    const input = { dtype: "float32" as const, shape, data: new Float32Array(parts.length) };
    const card = {
      ...inspection!.card,
      sample: { ...sample, inputs: [input] },
      result: { ...result!, attributions: [{ ...rest, values: parts, shape }] },
    };
    const painted = new Uint8Array(parts.length);
    const trial = { ...inspection!.deleted!, hidden: painted.map((_, i) => Number(i < 8)) };
    return {
      ...state,
      cards: [card, ...state.cards.slice(1)],
      inspection: { ...inspection!, card, width: 3, height: values.length, painted, deleted: trial, inserted: trial },
    };
  }

  test("a click hides a token from the model, a second one shows it again", async () => {
    const { explorer, store } = await mount(INSPECT["inspect: text"]());
    expect(whatIf(explorer, ".verdict")).toBe("Hide tokens to see what changes.");
    tokens(explorer)[3].click();
    await settled();
    tokens(explorer)[5].click();
    await settled();
    expect(masked(explorer)).toEqual([3, 5]);
    expect(whatIf(explorer, ".head")).toContain("2 tokens replaced by padding");
    expect(whatIf(explorer, ".verdict")).toMatch(/^Prediction/);
    tokens(explorer)[3].click();
    await settled();
    expect(paints(store).map(([, , done]) => done)).toEqual([true, true, true]);
    expect(Array.from(paints(store)[2][1].keys()).filter((i) => paints(store)[2][1][i])).toEqual([5]);
    one(explorer, '[data-action="clear"]').click();
    await settled();
    expect(masked(explorer)).toEqual([]);
  });

  test("by keyboard: arrow keys go from token to token, Delete hides, and nothing gets out", async () => {
    const { explorer } = await mount(INSPECT["inspect: text"]());
    const outside = jest.fn();
    document.body.addEventListener("keydown", outside);
    tokens(explorer)[0].focus();
    await press(tokens(explorer)[0], "ArrowRight");
    await press(tokens(explorer)[1], "ArrowRight");
    await press(tokens(explorer)[2], "Delete");
    expect(masked(explorer)).toEqual([2]);
    expect(one(explorer, ".items > attriscope-text").shadowRoot!.activeElement).toBe(tokens(explorer)[2]);
    for (const key of ["3", "[", "+", "0"]) await press(tokens(explorer)[2], key);
    expect(outside).not.toHaveBeenCalled();
    document.body.removeEventListener("keydown", outside);
  });

  test("of an embedding a token is the whole row, and what is said of it is the sum", async () => {
    const plain = INSPECT["inspect: text"]().inspection!.card.result!.attributions[0]!.values;
    const { explorer, store } = await mount(embedded());
    tokens(explorer)[2].click();
    await settled();
    expect(masked(explorer)).toEqual([2]);
    expect([...paints(store)[0][1].subarray(0, 12)]).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
    expect(whatIf(explorer, ".head")).toContain("1 token replaced by padding");
    tokens(explorer)[4].dispatchEvent(new Event("pointerenter"));
    await settled();
    const read = /attribution ([+−][\d.e−]+) rank (\d+) of 21/.exec(text(one(explorer, ".readout")))!;
    expect(Number(read[1].replaceAll("−", "-"))).toBeCloseTo(plain[4], 4);
    expect(Number(read[2])).toBe(1 + plain.filter((v) => Math.abs(v) > Math.abs(plain[4])).length);
    expect(text(one(explorer, ".figures"))).toBe("0.0 % 0 of 63 values");
    const struck = all(one(explorer, '[data-picture="deleted"]'), ".token.hidden");
    expect(struck.map(({ dataset }) => dataset.token)).toEqual(["0", "1", "2"]);
  });

  test("is read out under the pointer; without it the line says how", async () => {
    const { explorer } = await mount(INSPECT["inspect: text"]());
    expect(text(one(explorer, ".readout"))).toMatch(/^point at a token to read it; a click hides it/);
    tokens(explorer)[14].dispatchEvent(new Event("pointerenter"));
    await settled();
    expect(text(one(explorer, ".readout"))).toMatch(/^superb attribution [+−]0\.\d{4} rank \d+ of 21 Δ/);
    one(explorer, '[data-sample="21"]').click();
    await settled();
    expect(text(one(explorer, ".readout"))).toMatch(/^point at a token/);
  });

  test("has no tools for pixels; the strongest tokens are outlined, and listed for readers", async () => {
    const { explorer } = await mount(INSPECT["inspect: text"]());
    for (const control of ["tool", "shape", "size", "fill", "channels"])
      expect(all(explorer.shadowRoot!, `[data-control="${control}"]`)).toHaveLength(0);
    expect(text(one(explorer, ".replacement"))).toBe("hidden tokens become padding");
    await press(one(explorer, '[data-control="top"]'), "ArrowUp");
    await press(one(explorer, '[data-control="top"]'), "ArrowUp");
    expect(text(one(explorer, ".outline .figure"))).toBe("2 tokens, 9.5 %");
    const outlined = all(one(explorer, ".items > attriscope-text"), ".token.top").map(text);
    const table = one(explorer, "attriscope-inspect").shadowRoot!.querySelector("table.silent")!;
    const listed = all(table, "tr").slice(1).map((row) => text(row.firstElementChild!)); // prettier-ignore
    expect(text(table.querySelector("caption")!)).toBe("The 10 strongest tokens");
    expect(listed).toHaveLength(10);
    expect(new Set(outlined)).toEqual(new Set(listed.slice(0, 2)));
  });

  test("the curve and what is left of the text at the scrubber speak of tokens", async () => {
    const { explorer } = await mount(INSPECT["inspect: text"]());
    const { deleted } = INSPECT["inspect: text"]().inspection!;
    expect(text(one(explorer, ".caption"))).toBe("tokens removed or revealed, most important first");
    expect(one(explorer, '[role="slider"]').getAttribute("aria-label")).toBe("tokens removed or revealed");
    expect(text(one(explorer, ".figures"))).toBe("0.0 % 0 of 21 tokens");
    const struck = all(one(explorer, '[data-picture="deleted"]'), ".token.hidden");
    expect(struck.map(({ dataset }) => Number(dataset.token))).toEqual([...deleted!.hidden.keys()].filter((i) => deleted!.hidden[i])); // prettier-ignore
    expect(one(explorer, '[data-picture="deleted"]').getAttribute("aria-label")).toBe("The most important tokens deleted"); // prettier-ignore
  });

  test("the strip shows how each text begins", async () => {
    const { explorer } = await mount(INSPECT["inspect: text"]());
    const frames = all(one(explorer, "attriscope-film"), "button .words").map(text);
    expect(frames[0]).toMatch(/^the plot is thin and/);
    expect(frames[2]).toBe("a warm , funny and surprisingly honest film");
  });

  test("says what it waits for, and what went wrong", async () => {
    const note = async (name: string): Promise<string> => {
      document.body.replaceChildren();
      const { explorer } = await mount(INSPECT[`inspect: text ${name}`]());
      return text(one(explorer, ".items > :is(.note, .error)"));
    };
    expect(await note("queued")).toBe("queued");
    expect(await note("recomputing")).toBe("62 %");
    expect(await note("failed")).toBe("token id 30522 is not in the vocabulary");
    const { explorer, store } = await mount(INSPECT["inspect: text failed"]());
    tokens(explorer)[0].click();
    expect(store.calls).toEqual([]);
  });
});

describe("a row", () => {
  const field = (explorer: Explorer, name: string): HTMLInputElement =>
    one(explorer, `input[aria-label^="${name},"]`) as HTMLInputElement;
  const about = (explorer: Explorer): string =>
    text(one(explorer, "attriscope-what-if").shadowRoot!.querySelector(".head .muted")!);

  async function enter(explorer: Explorer, name: string, value: string): Promise<void> {
    field(explorer, name).value = value;
    field(explorer, name).dispatchEvent(new Event("change"));
    await settled();
  }

  test("a value is changed, and the model's answer with it; Escape takes it back", async () => {
    const { explorer, store } = await mount(INSPECT["inspect: row"]());
    expect(text(one(explorer, ".verdict"))).toBe("Change a value to see what changes.");
    await enter(explorer, "fare", "53.1");
    expect(store.calls).toEqual([["edit", 1, 53.1]]);
    expect(about(explorer)).toBe("1 value changed");
    expect(text(one(explorer, ".verdict"))).toMatch(/^Prediction/);
    await enter(explorer, "age", "30");
    expect(about(explorer)).toBe("2 values changed");
    const event = await press(field(explorer, "fare"), "Escape");
    expect(event.defaultPrevented).toBe(true);
    expect(store.calls.at(-1)).toEqual(["edit", 1, null]);
    expect(field(explorer, "fare").value).toBe("8.68");
    one(explorer, '[data-action="clear"]').click();
    await settled();
    expect(about(explorer)).toBe("");
  });

  test("Delete puts the chosen baseline's value there", async () => {
    const state = INSPECT["inspect: row"]();
    const { sample } = state.inspection!.card;
    const [baseline] = sample.baselines[0];
    sample.baselines[0] = [baseline, { ...baseline, data: Float32Array.of(29, 32, 3, 0.5, 0, 1, 2) }];
    state.features[0].baselines = ["zero", "mean"];
    const { explorer, store } = await mount({ ...state, baseline: 1 });
    expect(text(one(explorer, ".replacement"))).toBe("compared with mean");
    field(explorer, "fare").select();
    await press(field(explorer, "fare"), "Delete");
    expect(store.calls).toEqual([["edit", 1, 32]]);
  });

  test("changed values stand out beside what is shown", async () => {
    const { explorer } = await mount(INSPECT["inspect: row with edits and strings"]());
    const changed = all(one(explorer, ".items"), "tr.changed").map(text);
    expect(changed).toHaveLength(2);
    expect(changed).toEqual(
      expect.arrayContaining([expect.stringMatching(/^fare 8\.6833/), expect.stringMatching(/^sex female/)]),
    );
    expect(all(one(explorer, ".items"), "tr.top")).toHaveLength(2);
    expect(text(one(explorer, ".outline .figure"))).toBe("2 values, 28.6 %");
    expect(field(explorer, "fare").value).toBe("53.1");
  });

  test("has no tools, no second table for readers, and values at the scrubber", async () => {
    const { explorer } = await mount(INSPECT["inspect: row"]());
    expect(all(explorer.shadowRoot!, '[data-control="tool"], [data-control="channels"], table.silent')).toEqual([]);
    expect(text(one(explorer, ".caption"))).toBe("values removed or revealed, most important first");
    const hidden = INSPECT["inspect: row"]().inspection!.inserted!.hidden;
    const struck = all(one(explorer, '[data-picture="inserted"]'), "tr.masked").map(({ dataset }) => dataset.place);
    expect(struck.map(Number).sort()).toEqual([...hidden.keys()].filter((i) => hidden[i]));
  });

  test("the strip shows the strongest value of each, and without scores the first", async () => {
    const state = INSPECT["inspect: row"]();
    state.cards[1] = { ...state.cards[1], result: null };
    const { explorer } = await mount(state);
    const { values } = state.cards[2].result!.attributions[0]!;
    const strongest = values.reduce((best, v, i) => (Math.abs(v) > Math.abs(values[best]) ? i : best), 0);
    const frames = all(one(explorer, "attriscope-film"), "button .words").map(text);
    const names = state.features[0].categories;
    expect(frames[1]).toBe("age 61");
    expect(frames[2]).toBe(`${names[strongest]} ${itemsOf(state.cards[2].sample, 0)![strongest]}`);
  });
});

describe("several features", () => {
  const select = (explorer: Explorer): HTMLSelectElement => one(explorer, '[data-control="feature"]') as HTMLSelectElement; // prettier-ignore

  test("what is not shown is not offered; each has the tools of its kind", async () => {
    const { explorer, store } = await mount(INSPECT["inspect: a picture beside others"]());
    expect([...select(explorer).options].map(text)).toEqual(["picture", "caption", "weather"]);
    expect(text(one(explorer, ".caption"))).toBe("values removed or revealed, most important first");
    select(explorer).selectedIndex = 1;
    select(explorer).dispatchEvent(new Event("change"));
    await settled();
    expect(store.calls).toEqual([["setInspect", { feature: 2 }]]);
    expect(all(explorer.shadowRoot!, "attriscope-stage")).toHaveLength(0);
    expect(all(one(explorer, ".items > attriscope-text"), "button").map(text).join(" ")).toBe(
      "a white horse on a green meadow",
    );
    select(explorer).selectedIndex = 2;
    select(explorer).dispatchEvent(new Event("change"));
    await settled();
    expect(all(one(explorer, ".items > attriscope-table"), "input")).toHaveLength(3);
  });

  test.each([
    ["not shown", 1],
    ["out of range", 9],
  ])("in place of one that is %s the first comes that is", async (_, feature) => {
    const state = INSPECT["inspect: a picture beside others"]();
    const choice = { ...state.choice, inspect: { ...state.choice.inspect, feature } };
    const { explorer } = await mount({ ...state, choice });
    expect(select(explorer).selectedOptions[0].text.trim()).toBe("picture");
    expect(all(explorer.shadowRoot!, "attriscope-stage")).toHaveLength(1);
  });

  test("where none is shown the view says so; the model can still be judged", async () => {
    const { explorer } = await mount(INSPECT["inspect: nothing shown"]());
    expect(text(one(explorer, ".unshown"))).toMatch(/^All features of this model are attributed, but none is shown/);
    expect(text(one(explorer, ".verdict"))).toBe("Nothing is shown that could be changed.");
    expect(text(one(explorer, ".figures"))).toMatch(/^0\.0 % 0 of 1 value deleted ?[\d.]+ inserted ?[\d.]+$/);
    expect(all(explorer.shadowRoot!, '[data-control="top"], [data-control="feature"], .slot')).toEqual([]);
  });

  test("values that were changed in another feature count", async () => {
    const state = INSPECT["inspect: a text beside others"]();
    const edited = { [state.inspection!.card.sample.id]: [[3, 0, 7] as const, [3, 2, -1] as const] };
    const { explorer } = await mount({ ...state, choice: { ...state.choice, edited } });
    expect(text(one(explorer, "attriscope-what-if").shadowRoot!.querySelector(".head .muted")!)).toBe(
      "1 token replaced by padding, 2 values changed",
    );
  });
});

describe("the rest of it", () => {
  test("the outlined pixels are chosen on a quadratic way", async () => {
    const { explorer, store } = await mount(nothingPainted());
    const slider = one(explorer, '[data-control="top"]') as HTMLInputElement;
    slider.value = "0.25";
    slider.dispatchEvent(new Event("input"));
    await settled();
    expect(store.calls).toEqual([["setInspect", { top: 64 }]]);
    expect(text(one(explorer, ".outline .figure"))).toBe("64 pixels, 6.3 %");
  });

  test("channels apart: one map each and their sum, with shares that add up", async () => {
    const { explorer } = await mount(INSPECT["inspect: channels apart"]());
    const captions = all(explorer.shadowRoot!, "figcaption span")
      .filter((span) => span.title)
      .map(text);
    expect(captions).toEqual(["R", "G", "B", "sum"]);
    const shares = all(explorer.shadowRoot!, ".maps figcaption b").map((b) => Number(text(b).replace("−", "-")));
    expect(shares[0] + shares[1] + shares[2]).toBeCloseTo(shares[3], 1);
    const maps = ["R", "G", "B", "sum"].map(
      (name) => pane(explorer, name).querySelector("attriscope-map") as unknown as { scale: number },
    );
    expect(new Set(maps.map(({ scale }) => scale)).size).toBe(1);
    expect(maps[0].scale).toBeGreaterThan(0);
  });

  test("the strip goes from sample to sample", async () => {
    const { explorer, store } = await mount(nothingPainted());
    const film = one(explorer, "attriscope-film").shadowRoot!;
    const chosen = (): HTMLElement => film.querySelector('[aria-checked="true"]')!;
    expect(chosen().getAttribute("aria-label")).toMatch(/^Sample 20, \w+, /);
    chosen().focus();
    await press(chosen(), "ArrowRight");
    expect(store.calls).toEqual([["select", 21]]);
    expect(chosen().dataset.sample).toBe("21");
    expect(film.activeElement).toBe(chosen());
  });

  test("at its ends the strip turns the page, and the focus goes along", async () => {
    const { explorer, store } = await mount(nothingPainted());
    const film = one(explorer, "attriscope-film").shadowRoot!;
    const chosen = (): HTMLElement => film.querySelector('[aria-checked="true"]')!;
    expect([...film.querySelectorAll<HTMLElement>(".turn")].map(({ dataset }) => dataset.action)).toEqual(["next"]);
    store.change({ inspection: makeInspection(store.state.cards.at(-1)!) });
    await settled();
    chosen().focus();
    await press(chosen(), "ArrowRight");
    expect(store.calls.at(-1)).toEqual(["next"]);
    store.change({ inspection: makeInspection(store.state.cards[0]) });
    await settled();
    expect(chosen().dataset.sample).toBe("28");
    expect(film.activeElement).toBe(chosen());
    await press(chosen(), "ArrowLeft");
    expect(store.calls.at(-1)).toEqual(["previous"]);
  });

  test("a table of the strongest pixels", async () => {
    const { explorer } = await mount(nothingPainted());
    const rows = all(one(explorer, "attriscope-inspect").shadowRoot!, "table tr");
    expect(rows).toHaveLength(11);
    const values = rows.slice(1).map((row) => Number(row.lastElementChild!.textContent!.replace("−", "-")));
    expect(values).toEqual([...values].sort((a, b) => b - a));
  });

  test("tools by key, but not while something is typed or chosen", async () => {
    const { explorer } = await mount(nothingPainted());
    const tool = (): string => stage(explorer).tool;
    await press(pane(explorer, "input"), "4");
    expect(tool()).toBe("erase");
    await press(one(explorer, '[data-control="fill"]'), "2");
    expect(tool()).toBe("erase");
    await press(pane(explorer, "input"), "2", { ctrlKey: true });
    expect(tool()).toBe("erase");
  });

  test.each(Object.keys(INSPECT).filter((name) => !/1600/.test(name)))("%s is drawn", async (name) => {
    const { explorer } = await mount(INSPECT[name]());
    expect(all(explorer.shadowRoot!, "attriscope-stage, .items > :first-child, .unshown")).toHaveLength(1);
    expect(document.body.dataset.hacked).toBeUndefined();
  });

  test("running, queued and failed stand in place of the map", async () => {
    const slot = async (name: string): Promise<string> => {
      const { explorer } = await mount(INSPECT[`inspect: ${name}`]());
      return text(pane(explorer, "map").querySelector(".slot, .pending")!);
    };
    expect(await slot("queued")).toBe("queued");
    document.body.replaceChildren();
    expect(await slot("computing")).toBe("62 %");
    document.body.replaceChildren();
    expect(await slot("recomputing")).toBe("62 %");
    document.body.replaceChildren();
    expect(await slot("failed")).toContain("out of memory");
  });
});
