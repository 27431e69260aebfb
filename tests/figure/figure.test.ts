/** @jest-environment jsdom */
import { CompressionStream } from "node:stream/web";
import { inflateSync } from "node:zlib";
import { START } from "../../src/choice";
import { figureOf } from "../../src/figure/figure";
import { edges } from "../../src/figure/inspect";
import { fitted, node, serialized, widthOf } from "../../src/figure/svg";
import type { State } from "../../src/state";
import { rampOf } from "../../src/styles/colormaps";
import { heatMap } from "../../src/styles/heat-map";
import { Normalizer } from "../../src/styles/normalize";
import { channelSum, rgbaOf } from "../../src/styles/raster";
import type { Theme } from "../../src/styles/style";
import { makeCard, makeComparison, makeInspection, makeState, pictureOf } from "../gallery/fake-store";

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
