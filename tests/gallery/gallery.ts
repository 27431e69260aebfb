/** Every state of the explorer on realistic samples: `?page=NAME&theme=light|dark|lab-light|lab-dark&width=PIXELS`. */
import { type AttriscopeExplorer, define, TAG } from "../../src/elements/explorer";
import { EVERYTHING, START } from "../../src/choice";
import type { Card, Comparison, State } from "../../src/state";
import type { NDArray } from "../../src/wire";
import { emptyNotice, FakeStore, makeCard, makeComparison, makeInspection, makeState, summed } from "./fake-store";
import { COMPARE } from "./pages-compare";
import { INSPECT } from "./pages-inspect";

const NASTY = [
  "<img src=x onerror=\"document.body.dataset.hacked='yes'\">",
  "a class name so long that no column could ever hold it",
  "كلب صغير",
  "🦊 fox & <b>friends</b>",
];

const cards = (count: number, make: (index: number) => Card): Card[] =>
  Array.from({ length: count }, (_, index) => make(index));

function computing(): State {
  const state = makeState({
    method: "Occlusion",
    arguments: { sliding_window_shapes: 5, strides: 2 },
    workload: "225 forward passes per sample",
    progress: { label: "Occlusion", done: 5, total: 8, etaMs: 900, cancellable: true },
  });
  state.cards = state.cards.map((card, index): Card => {
    if (index < 5)
      return { ...card, result: { ...card.result!, method: "Occlusion", delta: null, arguments: state.arguments } };
    return { ...card, result: null, status: index === 5 ? "running" : "queued", done: 0.62 };
  });
  return state;
}

function recomputing(): State {
  const state = computing();
  state.cards = state.cards.map((card, index) =>
    index < 5 ? card : { ...makeCard(20 + index), stale: true, status: "queued" },
  );
  return state;
}

function broken(): State {
  const state = makeState({ cards: cards(4, (index) => makeCard(20 + index)), show: 4 });
  const [nan, zero, failed] = state.cards;
  const holes = Float32Array.from(nan.sample.display[0].data as Uint8Array, (value, i) =>
    i % 7 === 0 ? NaN : value / 255,
  );
  nan.sample.display = [{ dtype: "float32", shape: [3, 32, 32], data: holes }];
  nan.sample.error =
    'sample 20, feature "photo": the input holds 438 values that are not finite (NaN or infinite); remove them in input_transforms';
  nan.result = null;
  nan.status = "error";
  zero.result = {
    ...zero.result!,
    attributions: [summed(new Float32Array(3 * 32 * 32), [3, 32, 32])],
    delta: 0,
    change: 0,
  };
  failed.result = null;
  failed.status = "error";
  failed.error = 'node "conv1" (Conv): out of memory';
  return state;
}

const sized = (index: number): Card => {
  const sizes = [
    [1, 8, 8],
    [1, 28, 28],
    [3, 224, 224],
    [4, 64, 48],
    [3, 1, 1],
    [3, 1, 500],
    [3, 3000, 4000],
    [1, 40, 6],
  ];
  const [channels, height, width] = sizes[index % sizes.length];
  return makeCard(40 + index, { channels, height, width });
};

const PAGES: Record<string, () => State | null> = {
  ready: () => makeState(),
  "compiling shaders": () =>
    makeState({
      phase: { name: "preparing", stage: "Loading the model" },
      cards: [],
      engine: null,
      methods: [],
      progress: { label: "Compiling shaders", done: 52, total: 140, etaMs: null, cancellable: false },
    }),
  computing,
  recomputing,
  static: () => makeState({ live: false, hasNext: false, total: null, known: 8 }),
  "heat map": () => makeState({ display: { ...START.display, sign: "absolute", style: "Heat map", cmap: "Captum" } }),
  masked: () => makeState({ display: { ...START.display, sign: "positive", style: "Masked", cmap: "RdBu" } }),
  alpha: () => makeState({ display: { ...START.display, sign: "negative", style: "Alpha", clip: 10, cmap: "BrBG" } }),
  empty: () =>
    makeState({
      cards: [],
      filter: { ...EVERYTHING, classes: ["Frog", "Ship"], prediction: "incorrect" },
      total: 0,
      notice: emptyNotice(() => {}),
    }),
  scanning: () =>
    makeState({
      cards: [],
      scanning: true,
      scanned: 192,
      total: null,
      filter: { ...EVERYTHING, classes: ["Ship"] },
    }),
  "argument error": () =>
    makeState({
      arguments: { n_steps: 900, method: "gausslegendre" },
      argumentErrors: { n_steps: "2 to 500 points, got 900" },
    }),
  warning: () =>
    makeState({
      engine: { backend: "wasm", available: ["wasm", "cpu"], ms: 31, maxDiff: 0.0042 },
      notice: {
        kind: "warning",
        title: "The graphics context was lost.",
        text: "Continuing on the processor.",
        actions: [{ label: "Retry WebGL", run: () => {} }],
      },
    }),
  broken,
  sizes: () => makeState({ cards: cards(8, sized) }),
  large: () => makeState({ show: 16, cards: cards(16, (index) => makeCard(60 + index, { height: 224, width: 224 })) }),
  "nasty names": () =>
    makeState({
      classes: NASTY,
      cards: cards(4, (index) => makeCard(20 + index, { classes: NASTY })),
      features: [{ name: NASTY[0], kind: "image", input: "x", baselines: [] }],
      method: "Saliency",
      arguments: {},
    }),
  "many classes": () => {
    const classes = Array.from({ length: 1000 }, (_, index) => `species ${index}`);
    return makeState({
      classes,
      filter: { ...EVERYTHING, classes: ["species 7"] },
      cards: cards(4, (index) => makeCard(20 + index, { classes })),
    });
  },
  "one class": () =>
    makeState({ classes: ["anomaly"], cards: cards(2, (index) => makeCard(20 + index, { classes: ["anomaly"] })) }),
  regression: () =>
    makeState({ classes: [], cards: cards(3, (index) => makeCard(20 + index, { classes: [], labelled: false })) }),
  unlabelled: () => makeState({ cards: cards(4, (index) => makeCard(20 + index, { labelled: false })) }),
  "two features": () =>
    makeState({
      features: ["left", "right"].map((name) => ({ name, kind: "image", input: name, baselines: [] })),
      cards: cards(4, (index) => makeCard(20 + index, { features: 2 })),
    }),
  preparing: () =>
    makeState({
      phase: { name: "preparing", stage: "reading weights 94 of 250 kB", done: 94, total: 250 },
      cards: [],
      engine: null,
    }),
  exporting: () => null,
  stopped: () =>
    makeState({
      phase: {
        name: "stopped",
        notice: {
          kind: "error",
          title: "One operator of this model cannot run in the browser",
          text: "The other 45 of 46 nodes are supported. Nothing was computed.",
          facts: [
            ["operator", "Loop  opset 18"],
            ["node", "/text/bag/Loop_3"],
            ["from module", "text.bag  torch.nn.EmbeddingBag"],
          ],
          steps: ["Replace EmbeddingBag by Embedding followed by a mean; the numbers stay the same."],
        },
      },
    }),
  failed: () => null,
  ...COMPARE,
  ...INSPECT,
};

const LAB: Record<string, Record<string, string>> = {
  "lab-light": {
    "--jp-layout-color1": "#fff",
    "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
    "--jp-ui-font-color2": "rgba(0, 0, 0, 0.54)",
    "--jp-border-color1": "#bdbdbd",
    "--jp-border-color2": "#e0e0e0",
    "--jp-brand-color1": "#1976d2",
    "--jp-success-color1": "#388e3c",
    "--jp-error-color1": "#d32f2f",
    "--jp-warn-color1": "#f57c00",
    "--jp-ui-font-family": "Arial, sans-serif",
  },
  "lab-dark": {
    "--jp-layout-color1": "#212121",
    "--jp-ui-font-color1": "rgba(255, 255, 255, 0.87)",
    "--jp-ui-font-color2": "rgba(255, 255, 255, 0.54)",
    "--jp-border-color1": "#616161",
    "--jp-border-color2": "#424242",
    "--jp-brand-color1": "#2196f3",
    "--jp-success-color1": "#4caf50",
    "--jp-error-color1": "#f44336",
    "--jp-warn-color1": "#ff9800",
    "--jp-ui-font-family": "Arial, sans-serif",
  },
};

function setTheme(theme: string): void {
  const root = document.documentElement.style;
  root.colorScheme = theme === "light" || theme === "dark" ? theme : "light dark";
  for (const token of Object.keys(LAB["lab-light"])) root.removeProperty(token);
  for (const [token, value] of Object.entries(LAB[theme] ?? {})) root.setProperty(token, value);
}

/** Pictures to use instead of the formula's: {label, shape, data}[] as JSON. */
async function realImages(url: string): Promise<Card[]> {
  const entries = (await (await fetch(url)).json()) as { label: number; shape: number[]; data: number[] }[];
  return entries.map(({ label, shape, data }, index) => {
    const image: NDArray = { dtype: "uint8", shape, data: Uint8Array.from(data) };
    return makeCard(20 + index, { image, label });
  });
}

async function show(): Promise<void> {
  define();
  const query = new URLSearchParams(location.search);
  const page = query.get("page") ?? "ready";
  setTheme(query.get("theme") ?? "");
  const explorer = document.createElement(TAG) as AttriscopeExplorer;
  const state = (PAGES[page] ?? PAGES.ready)();
  if (state) {
    const images = query.get("images");
    if (images) {
      state.cards = (await realImages(images))
        .map((card, i) => ({ ...card, ...pick(state.cards[i]) }))
        .slice(0, state.cards.length);
      if (state.inspection) state.inspection = makeInspection(state.cards[0]);
      if (state.comparison) state.comparison = compared(state.comparison, state.cards);
    }
    explorer.store = new FakeStore(state);
  } else if (page === "failed") {
    explorer.stopped = {
      title: "The model could not be exported",
      text: "torch.onnx: Unsupported: data-dependent control flow",
    };
  } else explorer.stage = "exporting the model, 2 s";

  const frame = document.createElement("div");
  frame.style.width = query.has("width") ? `${query.get("width")}px` : "min(1040px, 100%)";
  frame.append(explorer);
  document.body.append(menu(page, query), frame);
  Object.assign(window, { explorer });
}

/** The same columns on other cards. */
const compared = ({ columns }: Comparison, cards: Card[]): Comparison => ({
  columns,
  rows: makeComparison(
    cards,
    columns.map(({ pin }) => pin),
  ).rows,
});

/** What a page says about progress, laid over a real picture. */
const pick = (card: Card | undefined): Partial<Card> =>
  card && card.status !== "ready"
    ? { status: card.status, done: card.done, result: card.result, stale: card.stale }
    : {};

function menu(current: string, query: URLSearchParams): HTMLElement {
  const nav = document.createElement("nav");
  nav.hidden = query.has("bare");
  for (const page of Object.keys(PAGES)) {
    const link = document.createElement("a");
    const target = new URLSearchParams(query);
    target.set("page", page);
    link.href = `?${target}`;
    link.textContent = page;
    if (page === current) link.setAttribute("aria-current", "page");
    nav.append(link);
  }
  return nav;
}

void show();
