/** @jest-environment jsdom */
import { CompressionStream } from "node:stream/web";
import { inflateSync } from "node:zlib";
import { START } from "../../src/choice";
import { figureOf } from "../../src/figure/figure";
import { edges } from "../../src/figure/inspect";
import { fitted, node, pieces, serialized, widthOf } from "../../src/figure/svg";
import type { State } from "../../src/state";
import { rampOf } from "../../src/styles/colormaps";
import { heatMap } from "../../src/styles/heat-map";
import { Normalizer } from "../../src/styles/normalize";
import { channelSum, rgbaOf } from "../../src/styles/raster";
import type { Theme } from "../../src/styles/style";
import type { FeatureSpec, Sample } from "../../src/wire";
import { makeCard, makeComparison, makeInspection, makeState, pictureOf, summed } from "../gallery/fake-store";
import { COMPARE } from "../gallery/pages-compare";
import { INSPECT } from "../gallery/pages-inspect";
import { SAMPLES } from "../gallery/pages-samples";

/** jsdom lacks it. */
beforeAll(() => Object.assign(globalThis, { CompressionStream }));

const PAPER: Theme = { dark: false, background: [255, 255, 255] };
const NASTY = ['<img src=x onerror="alert(1)">', "a & b", "كلب", "\u0007\ud800 x", "]]>", "🦊"];

const views: Record<string, () => State> = {
  samples: () => makeState(),
  compare: () => {
    const state = makeState({ view: "compare" });
    return { ...state, comparison: makeComparison(state.cards) };
  },
  inspect: () => {
    const state = makeState({ view: "inspect" });
    const inspect = { ...START.inspect, top: 20, at: 0.3 };
    return { ...state, inspection: makeInspection(state.cards[0]), choice: { ...START, inspect } };
  },
};

async function parsed(state: State, theme?: Theme): Promise<SVGSVGElement> {
  const { svg, width, height } = await figureOf(state, state.display, theme);
  const document = new DOMParser().parseFromString(svg, "image/svg+xml");
  expect(document.querySelector("parsererror")).toBeNull();
  const root = document.documentElement as unknown as SVGSVGElement;
  expect(root.getAttribute("viewBox")).toBe(`0 0 ${width} ${height}`);
  return root;
}

const texts = (root: Element): string[] =>
  [...root.querySelectorAll("text")].map((element) =>
    [...element.childNodes].map(({ textContent }) => textContent).join(" "),
  );

/** RGB and the size of a picture that {@link figureOf} has embedded. */
function pixelsOf(image: Element): { width: number; height: number; rgb: number[] } {
  const url = image.getAttribute("href")!;
  expect(url).toMatch(/^data:image\/png;base64,/);
  const bytes = Buffer.from(url.split(",")[1], "base64");
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const lines = inflateSync(bytes.subarray(41, bytes.length - 16));
  const rgb = Array<number>(3 * width * height);
  for (let y = 0; y < height; y++)
    for (let k = 0; k < 3 * width; k++) {
      const left = k < 3 ? 0 : rgb[3 * width * y + k - 3];
      rgb[3 * width * y + k] = (lines[(3 * width + 1) * y + 1 + k] + left) & 255;
    }
  return { width, height, rgb };
}

const opaque = (rgba: Uint8ClampedArray): number[] => Array.from(rgba).filter((_, i) => i % 4 < 3);

describe.each(Object.keys(views))("%s", (view) => {
  test("stands alone: XML with nothing but shapes, text and PNG", async () => {
    const root = await parsed(views[view]());
    expect(root.namespaceURI).toBe("http://www.w3.org/2000/svg");
    const names = new Set([...root.querySelectorAll("*")].map(({ localName }) => localName));
    expect([...names].filter((name) => !/^(title|g|rect|path|circle|text|tspan|image)$/.test(name))).toEqual([]);
    for (const image of root.querySelectorAll("image")) pixelsOf(image);
    for (const { attributes } of root.querySelectorAll("*"))
      for (const { name, value } of attributes)
        if (name !== "href") expect(`${name}=${value}`).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("the same state gives the same text", async () => {
    const [first, second] = await Promise.all([0, 1].map(() => figureOf(views[view](), START.display)));
    expect(first.svg).toBe(second.svg);
  });

  test("names from anywhere stay text", async () => {
    const state = views[view]();
    const cards = NASTY.map((_, label) => makeCard(20 + label, { classes: NASTY, label }));
    const features: State["features"] = [
      { name: NASTY[0], kind: "image", input: "x", baselines: [NASTY[1]], categories: [] },
    ];
    const comparison = state.comparison && makeComparison(cards, [{ method: NASTY[0], arguments: { x: NASTY[0] } }]);
    const inspection = state.inspection && makeInspection(cards[1]);
    const root = await parsed({ ...state, classes: NASTY, features, cards, comparison, inspection });
    expect(texts(root).join()).toContain(NASTY[1]);
    expect(root.querySelector("img, script, foreignObject, a")).toBeNull();
  });

  test("on another page's colour", async () => {
    const theme: Theme = { dark: true, background: [33, 33, 33] };
    const [light, dark] = [await parsed(views[view]()), await parsed(views[view](), theme)];
    expect(light.querySelector("rect")!.getAttribute("fill")).toBe("rgb(255,255,255)");
    expect(dark.querySelector("rect")!.getAttribute("fill")).toBe("rgb(33,33,33)");
    expect(texts(dark)).toEqual(texts(light));
  });

  test("without samples", async () => {
    const root = await parsed({ ...views[view](), cards: [], comparison: null, inspection: null });
    expect(root.querySelectorAll("image").length).toBeLessThan(2);
  });
});

describe("pictures", () => {
  test("at their own resolution, pixel by pixel as on the page", async () => {
    const card = makeCard(20);
    const root = await parsed(makeState({ cards: [card] }));
    const [original, map] = root.querySelectorAll("image");
    expect(original.getAttribute("image-rendering")).toBe("pixelated");
    expect(original.getAttribute("width")).toBe("96");
    const image = rgbaOf(pictureOf(card), PAPER.background);
    expect(pixelsOf(original)).toEqual({ width: 32, height: 32, rgb: opaque(image.data) });
    const { values, shape } = card.result!.attributions[0]!;
    const { sign, clip, opacity, cmap } = START.display;
    const normalized = new Normalizer(channelSum(values, shape).data).normalize(sign, clip);
    const look = { ramp: rampOf(cmap, sign, PAPER), theme: PAPER, opacity };
    expect(pixelsOf(map).rgb).toEqual(opaque(heatMap.paint(normalized.values, image.data, 32, 32, look)));
  });

  test("large ones hold no more pixels than can be seen", async () => {
    const root = await parsed(makeState({ cards: [makeCard(20, { height: 300, width: 600 })] }));
    const { width, height } = pixelsOf(root.querySelector("image")!);
    expect([width, height]).toEqual([384, 192]);
  });

  test("thin ones can be seen", async () => {
    const root = await parsed(makeState({ cards: [makeCard(20, { height: 1, width: 500 })] }));
    expect(Number(root.querySelector("image")!.getAttribute("height"))).toBe(1);
  });
});

describe("what is said", () => {
  test("Samples: label, verdict, target, predictions, share, sum, delta; the caption and the legend", async () => {
    const card = makeCard(20);
    const words = texts(await parsed(makeState({ cards: [card] })));
    const { share, sum } = card.result!.attributions[0]!;
    const numbers = [
      "0.216",
      `+${share.toFixed(2)}`,
      `sum  +${sum.toFixed(2)}`,
      `Δ +${card.result!.delta!.toFixed(3)}`,
    ];
    for (const part of ["#20", "Plane predicted Bird", "explaining Bird", "Plane TRUE", ...numbers, "for target"])
      expect(words).toContain(part);
    expect(words.join(" ")).toContain(
      "Integrated Gradients (n_steps = 25, method = gausslegendre) · baseline zero (grey) · scale per map, top 2 % clipped",
    );
  });

  test("Samples: what is missing, and why", async () => {
    const cards = [20, 21, 22].map((id) => ({ ...makeCard(id), result: null }));
    cards[0].status = "queued";
    Object.assign(cards[1], { status: "running", done: 0.62 });
    Object.assign(cards[2], { status: "error", error: "out of memory" });
    const words = texts(await parsed(makeState({ cards })));
    expect(words).toEqual(expect.arrayContaining(["queued", "62 %", "out of memory"]));
  });

  test("Samples: a result that is about to be replaced is not shown as one of the others", async () => {
    const cards = [20, 21].map((id) => makeCard(id));
    cards[1].result = { ...cards[1].result!, arguments: { n_steps: 7 } };
    const root = await parsed(makeState({ cards }));
    expect(root.querySelectorAll("image")).toHaveLength(3 + 1 + 1);
  });

  test("Compare: columns, means, and the best of a row in bold", async () => {
    const state = views.compare();
    const root = await parsed(state);
    const words = texts(root);
    expect(words).toEqual(expect.arrayContaining(["Occlusion", "5 × 5 · stride 2", "MEAN OF 8", "ρ to IG 0.79"]));
    const bold = [...root.querySelectorAll('tspan[font-weight="600"]')].map(({ textContent }) => textContent);
    const rows = state.comparison!.rows.map((cells) => cells.map(({ result }) => result!.faithfulness!.auc.deletion));
    for (const row of rows) expect(bold).toContain(Math.min(...row).toFixed(3));
  });

  test("Inspect: before and after, and what that changes", async () => {
    const state = views.inspect();
    state.inspection!.after!.scores = Float32Array.from({ length: 10 }, (_, i) => Number(i === 9));
    const words = texts(await parsed(state));
    expect(words).toEqual(expect.arrayContaining(["before", "after", "Prediction changes: Bird → Truck", "30.0 %"]));
  });
});

describe("texts and rows", () => {
  const OPINIONS = ["Negative", "Positive"];
  const feature = (name: string, kind: FeatureSpec["kind"], categories: string[] = []): FeatureSpec => {
    return { name, kind, input: name, baselines: ["zero"], categories };
  };
  const REVIEW = feature("review", "text");
  const WINE = feature("wine", "general", ["ash", "hue", "alcohol"]);

  /** A page with one sample, whose features hold what is given and have these attributions, in the shapes of the inputs. */
  function page(features: FeatureSpec[], display: Sample["display"], scores: number[][] = []): State {
    const card = makeCard(20, { display, classes: OPINIONS });
    scores.forEach((values, i) => (card.result!.attributions[i] = summed(Float32Array.from(values), [values.length])));
    return makeState({ features, classes: OPINIONS, cards: [card] });
  }

  interface Box {
    x: number;
    y: number;
    width: number;
    height: number;
    fill: string | null;
    text: SVGTextElement;
  }

  /** The tokens' boxes on the page, in the order of reading; every one is followed by its text. */
  function boxesOf(root: Element): Box[] {
    return [...root.querySelectorAll('rect[rx="2"]:not([fill="none"])')].map((rect) => {
      const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
      let next = rect.nextElementSibling!;
      while (next.localName !== "text") next = next.nextElementSibling!;
      return { x, y, width, height, fill: rect.getAttribute("fill"), text: next as SVGTextElement };
    });
  }

  const words = (boxes: readonly Box[]): string[] => boxes.map(({ text }) => text.textContent!);

  const pages: Record<string, () => State | null> = { ...SAMPLES, ...COMPARE, ...INSPECT };
  const names = Object.keys(pages).filter(
    (name) => /text|row|token|categor|question|kinds|beside|shown/.test(name) && !/200|per row/.test(name),
  );

  test.each(names)("%s: nothing but shapes, text and PNG; no pixels where there are none", async (name) => {
    const state = pages[name]()!;
    const root = await parsed(state);
    const names = new Set([...root.querySelectorAll("*")].map(({ localName }) => localName));
    expect([...names].filter((name) => !/^(title|g|rect|path|circle|text|tspan|image)$/.test(name))).toEqual([]);
    for (const { attributes } of root.querySelectorAll("*"))
      for (const { name, value } of attributes)
        if (name !== "href") expect(`${name}=${value}`).not.toMatch(/NaN|undefined|Infinity/);
    if (!state.features.some(({ kind }) => kind === "image")) expect(texts(root).join()).not.toMatch(/pixel/);
  });

  test("300 tokens, some of 300 letters: no box lies over another or leaves its column", async () => {
    const tokens = Array.from({ length: 300 }, (_, i) => (i % 60 ? "abcdefg".slice(0, 1 + (i % 7)) : "W".repeat(300)));
    const root = await parsed(page([REVIEW], [tokens], [tokens.map((_, i) => (i % 11) - 5.5)]));
    const boxes = boxesOf(root);
    expect(words(boxes).join("")).toBe(tokens.join(""));
    const tops = [...new Set(boxes.map(({ y }) => y))];
    tops.slice(1).forEach((y, i) => expect(y).toBeGreaterThanOrEqual(tops[i] + boxes[0].height));
    for (const line of tops.map((top) => boxes.filter(({ y }) => y === top))) {
      line.slice(1).forEach(({ x }, i) => expect(x).toBeGreaterThan(line[i].x + line[i].width));
      expect(line.at(-1)!.x + line.at(-1)!.width).toBeLessThanOrEqual(775 - 16);
      for (const { width, text } of line) expect(widthOf(text.textContent!, 13)).toBeLessThan(width);
    }
    expect(Number(root.getAttribute("height"))).toBeGreaterThan(tops.at(-1)!);
  });

  test("what is read from the right stands there", async () => {
    const boxes = boxesOf(await parsed(page([REVIEW], [["كان", "الفيلم", "good"]], [[1, 2, 3]])));
    expect(words(boxes)).toEqual(["كان", "الفيلم", "good"]);
    expect(boxes[0].x).toBeGreaterThan(boxes[1].x + boxes[1].width);
    expect(boxes[1].x).toBeGreaterThan(boxes[2].x + boxes[2].width);
  });

  test("a token has the colour of its score, and a text that can be read on it", async () => {
    const boxes = boxesOf(await parsed(page([REVIEW], [["so", "very", "good", "."]], [[-2, 1.4, 4, 0]])));
    // The ramp's stops at 1 and 0.5, and black or white: see design/ui.md; what says nothing has no colour.
    expect(boxes.map(({ fill, text }) => [fill, text.firstElementChild!.getAttribute("fill")])).toEqual([
      [expect.stringMatching(/^rgb\(\d+,\d+,\d+\)$/), "#000"],
      [expect.any(String), "#000"],
      ["rgb(120,54,4)", "#fff"],
    ]);
    expect(words(boxes)).toEqual(["so", "very", "good"]);
  });

  test("hidden tokens are struck through, the strongest outlined", async () => {
    const state = page([REVIEW], [["not", "so", "good"]], [[-2, 1, 4]]);
    const inspection = { ...makeInspection(state.cards[0]), painted: Uint8Array.of(1, 0, 0) };
    const choice = { ...START, inspect: { ...START.inspect, top: 2 } };
    const root = await parsed({ ...state, view: "inspect", inspection, choice });
    const struck = [...root.querySelectorAll('tspan[text-decoration="line-through"][font-size="13"]')];
    expect(struck.map(({ textContent }) => textContent)).toEqual(["not"]);
    expect(root.querySelectorAll('rect[rx="2"][fill="none"]')).toHaveLength(2);
    expect(texts(root).join(" · ")).toContain("outlined: the 2 strongest tokens · 1 token replaced by zero");
  });

  test("of an embedding every value is taken out by itself", async () => {
    const state = page([REVIEW], [["not", "so", "good"]], [[-2, 1, 4]]);
    const [card] = state.cards;
    const input = { ...card.sample.inputs[0], shape: [3, 2], data: new Float32Array(6) };
    const embedded = { ...card, sample: { ...card.sample, inputs: [input] } };
    const inspecting = (one: typeof card): State => ({
      ...{ ...state, view: "inspect", cards: [one] },
      inspection: makeInspection(one),
    });
    expect(texts(await parsed(inspecting(card))).join(" ")).toContain("of the tokens");
    expect(texts(await parsed(inspecting(embedded))).join(" ")).toContain("of the values");
  });

  test("a row: bars for and against, the strongest first, in proportion; what they add up to", async () => {
    const root = await parsed(page([WINE], [[2.5, "deep", 13]], [[0.25, -1, 0.5]]));
    const shown = texts(root);
    const names = shown.filter((words) => ["ash", "hue", "alcohol"].includes(words));
    expect(names).toEqual(["hue", "alcohol", "ash"]);
    expect(shown).toEqual(expect.arrayContaining(["deep", "13", "−1.000", "+0.500", "+0.250", "sum", "−0.250"]));
    const bars = [...root.querySelectorAll('rect[height="12"]')].map((bar) =>
      ["x", "width"].map((name) => Number(bar.getAttribute(name))),
    );
    const [[against, length], [first, half], [second, quarter]] = bars;
    expect([half / length, quarter / length]).toEqual([expect.closeTo(0.5, 3), expect.closeTo(0.25, 3)]);
    expect([first, second]).toEqual([expect.closeTo(against + length, 1), expect.closeTo(against + length, 1)]);
    expect(root.querySelectorAll("image")).toHaveLength(0);
  });

  test("what was put into a row by hand stands beside what is shown", async () => {
    const state = page([WINE], [[2.5, "deep", 13]], [[0.25, -1, 0.5]]);
    const inspection = { ...makeInspection(state.cards[0]), edited: new Map([[2, 9.75]]) };
    const choice = { ...START, inspect: { ...START.inspect, top: 1 } };
    const root = await parsed({ ...state, view: "inspect", inspection, choice });
    const [input] = [...root.querySelectorAll("tspan")].filter(({ textContent }) => textContent === "9.75");
    expect(input.getAttribute("font-weight")).toBe("600");
    expect(texts(root).join(" ")).toContain("bold: the strongest value · 1 value changed");
    expect(texts(root)).toEqual(expect.arrayContaining(["INPUT"]));
  });

  test("Compare: five lines of a text in each cell, four values of a row and the rest; how each begins", async () => {
    const tokens = Array.from({ length: 300 }, (_, i) => `w${i}`);
    const categories = Array.from({ length: 12 }, (_, i) => `c${i}`);
    const state = page([REVIEW, feature("row", "general", categories)], [tokens, categories.map((_, i) => i)]);
    const comparing = (inView: number): State => ({
      ...{ ...state, view: "compare", comparison: makeComparison(state.cards) },
      choice: { ...START, inspect: { ...START.inspect, feature: inView } },
    });
    const root = await parsed(comparing(0));
    const boxes = boxesOf(root);
    expect(new Set(boxes.map(({ y }) => y)).size).toBe(5);
    expect(texts(root)).toContain("…");
    expect(texts(root).filter((words) => /^w0 w1 /.test(words))).toHaveLength(1);
    const rows = texts(await parsed(comparing(1)));
    expect(rows.filter((words) => words === "and 8 weaker")).toHaveLength(4);
    expect(rows.some((words) => words.startsWith("c0 0\u00a0· c1 1"))).toBe(true);
  });

  test("texts of all kinds of features stand below each other", async () => {
    const shown = [feature("photo", "image"), REVIEW, WINE, feature("hidden", "empty")];
    const [picture] = makeCard(20).sample.display;
    const root = await parsed(page(shown, [picture, ["so", "good"], [1, 2, 3], null]));
    const y = (words: string): number => {
      const [found] = [...root.querySelectorAll("text")].filter(({ textContent }) => textContent === words);
      return Number(found.getAttribute("y"));
    };
    expect(y("photo")).toBeLessThan(y("review"));
    expect(y("review")).toBeLessThan(y("wine"));
    expect(texts(root)).toContain("hidden");
    expect(texts(root).join(" ")).toContain("scale per map, per text, per row, top 2 % of maps clipped");
  });
});

test("the borders of regions, as few lines as there are", () => {
  const mask = Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, 1);
  const frame = { x: 0, y: 0, width: 30, height: 30 };
  expect(edges(mask, { width: 3, height: 3 }, frame).split("M").slice(1).sort()).toEqual(
    ["0 0h20", "0 10h20", "0 0v10", "20 0v10", "20 20h10", "20 30h10", "20 20v10", "30 20v10"].sort(),
  );
  expect(edges(new Uint8Array(9), { width: 3, height: 3 }, frame)).toBe("");
});

test("text and attributes are escaped, illegal characters replaced", () => {
  const written = serialized(node("a", { title: '"<&>"', x: 1.23456, none: undefined }, "<b>&\u0000\ud83d\ufffe"));
  expect(written).toBe('<a title="&quot;&lt;&amp;&gt;&quot;" x="1.23">&lt;b&gt;&amp;\ufffd\ufffd\ufffd</a>');
});

test("long text ends with an ellipsis, between the characters that a reader sees", () => {
  expect(fitted("short", 100, 12)).toBe("short");
  const cut = fitted("a name that is too long", 60, 12);
  expect(cut).toMatch(/^a name.*…$/);
  expect(widthOf(cut, 12)).toBeLessThanOrEqual(60);
  expect(fitted("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 130, 12)).toMatch(/^(👩‍👩‍👧‍👦)+…$/u);
});

test("what is too wide is cut into pieces, between the characters that a reader sees", () => {
  expect(pieces("short", 100, 12)).toEqual(["short"]);
  expect(pieces("", 100, 12)).toEqual([""]);
  const family = "👩‍👩‍👧‍👦".repeat(9);
  const cut = pieces(family, 130, 12);
  expect(cut.length).toBeGreaterThan(1);
  expect(cut.join("")).toBe(family);
  for (const piece of cut) expect(piece).toMatch(/^(👩‍👩‍👧‍👦)+$/u);
});
