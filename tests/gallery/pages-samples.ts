/** Samples in every state, and what is beside the views: pages of the gallery. */
import { EVERYTHING, START } from "../../src/choice";
import { METHODS } from "../../src/methods/index";
import type { ArgumentValue, MethodInfo } from "../../src/methods/method";
import type { Card, State } from "../../src/state";
import type { FeatureSpec, Sample } from "../../src/wire";
import { emptyNotice, makeCard, makeState, pictureOf, random, summed } from "./fake-store";
import { feature, OPINIONS, PASSENGER, PASSENGERS, REVIEW, TEXTS } from "./pages-compare";

export const NASTY = [
  "<img src=x onerror=\"document.body.dataset.hacked='yes'\">",
  "a class name so long that no column could ever hold it",
  "كلب صغير",
  "🦊 fox & <b>friends</b>",
  "W".repeat(300),
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
  const [nan, zero, failed, scores] = state.cards;
  const holes = Float32Array.from(pictureOf(nan).data as Uint8Array, (value, i) => (i % 7 === 0 ? NaN : value / 255));
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
  scores.predictions = scores.predictions.map((prediction, i) => ({
    ...prediction,
    score: [NaN, Infinity, -3][i % 3],
  }));
  scores.result = {
    ...scores.result!,
    attributions: [summed(new Float32Array(3 * 32 * 32).fill(NaN), [3, 32, 32])],
    delta: NaN,
    change: NaN,
  };
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

/** With the session's own starts. */
const startOf = ({ params }: MethodInfo): Record<string, ArgumentValue> =>
  Object.fromEntries(params.map((spec) => [spec.name, ("start" in spec ? spec.start : undefined) ?? spec.default]));

const REASONS: Record<string, string> = {
  "Deep Lift Shap": "it compares with several baselines: give baseline_transforms two or more",
  "Attention Rollout": "the model has no attention",
  "Gradient-weighted Attention": "the model has no attention",
};

/** The real methods, one of them chosen. */
function choosing(method: string, change: Partial<State> = {}): State {
  const methods: State["methods"] = METHODS.map(
    ({ name, group, cost, summary, source, params, baselines, complete }) => ({
      ...{ name, group, cost, summary, source, params, baselines, complete },
      whyNot: REASONS[name],
    }),
  );
  const info = methods.find(({ name }) => name === method)!;
  const square = [3, 32, 32];
  const made = cards(8, (index) => {
    const card = makeCard(20 + index);
    const result = {
      ...card.result!,
      method,
      arguments: startOf(info),
      delta: info.complete ? card.result!.delta : null,
    };
    return { ...card, sample: { ...card.sample, inputs: [{ ...pictureOf(card), shape: square }] }, result };
  });
  return makeState({ methods, method, arguments: startOf(info), cards: made, ...change });
}

/** A confusion of `size` classes, most samples on the diagonal. */
function confused(size: number): Partial<State> {
  const next = random(size);
  const classes = Array.from({ length: size }, (_, i) => `species ${i}`);
  const confusion = classes.map((_, t) =>
    classes.map((__, p) => (t === p ? 4 + Math.floor(next() * 40) : Math.floor(next() ** 8 * 12))),
  );
  return { classes, confusion };
}

/** Samples without pictures, or with more than these. */
const shown = (
  features: FeatureSpec[],
  displays: Sample["display"][],
  classes: string[],
  change: Partial<State> = {},
) =>
  makeState({
    features,
    classes,
    confusion: null,
    cards: displays.map((display, i) => makeCard(i, { display, classes, labelled: classes.length > 0 })),
    show: displays.length,
    ...change,
  });

const texts = (list: string[][], change: Partial<State> = {}): State =>
  shown([REVIEW], list.map((text) => [text]), OPINIONS, change); // prettier-ignore

const OUTCOMES = ["Died", "Survived"];
const rows = (list: (string | number)[][] = PASSENGERS, change: Partial<State> = {}): State =>
  shown([PASSENGER], list.map((row) => [row]), OUTCOMES, change); // prettier-ignore

const NASTY_TEXTS = [
  ["", "\n", " ", "<script>alert(1)</script>", "<b>bold</b>", "🦊", "👩‍👩‍👧", "W".repeat(300), "&amp;", "end"],
  "كان الفيلم رائعا , لكن النهاية mediocre 10 / 10 والموسيقى جميلة".split(" "),
  ["word"],
  "日本語 の 文章 に は 空白 が ない が 、 トークン に 分ける こと が できる 。".split(" "),
];

const FORTY = Array.from({ length: 40 }, (_, i) =>
  i % 7 ? `sensor ${i}` : `a sensor whose name is long, number ${i}`,
);

/** Cards in every state, in turn. */
function halfway(state: State): State {
  const progress = { label: "Integrated Gradients", done: 1, total: 6, etaMs: 900, cancellable: true };
  const kinds: Partial<Card>[] = [
    {},
    { status: "running", done: 0.62, stale: true },
    { status: "running", done: 0.31, result: null },
    { status: "queued", result: null },
    { status: "error", result: null, error: 'node "embedding" (Gather): out of memory' },
    { stale: true },
  ];
  const some = kinds.map((kind, i): Card => ({ ...makeCard(i, { ...cardOptions(state, i) }), ...kind }));
  return { ...state, cards: some, progress };
}

const cardOptions = ({ cards, classes }: State, i: number) => ({
  display: cards[i % cards.length].sample.display,
  classes,
});

const ANSWERS = ["red", "green", "blue", "square", "disc", "cross"];
const QUESTIONS = ["what colour does it have ?", "what form does it have ?", "which colour is this ? <pad> <pad>"];

function questions(): State {
  const displays = QUESTIONS.map((question, i) => [pictureOf(makeCard(30 + i)), question.split(" ")]);
  return shown([feature("picture", "image"), feature("question", "text")], displays, ANSWERS);
}

/** A picture's map, of which the text knows nothing. */
function onePicture(): State {
  const state = questions();
  for (const { result } of state.cards) {
    result!.method = "Layer Grad Cam";
    result!.attributions[1] = null;
  }
  return state;
}

const everything = (): State =>
  shown(
    [
      PASSENGER,
      feature("premise", "text"),
      feature("mask", "empty"),
      feature("photo", "image"),
      feature("hypothesis", "text"),
      feature("depth", "image"),
    ],
    [0, 1].map((i) => {
      const [photo, depth] = makeCard(40 + i, { features: 2 }).sample.display;
      return [PASSENGERS[i], "a man walks his dog".split(" "), null, photo, "somebody is outside".split(" "), depth];
    }),
    ["entailment", "neutral", "contradiction"],
  );

const thousand = Array.from({ length: 1000 }, (_, index) => `species ${index}`);

export const SAMPLES: Record<string, () => State | null> = {
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
  original: () => makeState({ display: { ...START.display, style: "Original" } }),
  smooth: () => makeState({ display: { ...START.display, interpolation: "smooth" } }),
  filtered: () => {
    const filter = { classes: ["Frog", "Ship"], labels: ["Bird"], prediction: "incorrect" } as const;
    return makeState({
      filter: { ...filter, classes: [...filter.classes], labels: [...filter.labels] },
      sort: { by: "loss", ascending: false },
      cards: cards(3, (index) => makeCard(20 + index)),
      total: 3,
      hasNext: false,
    });
  },
  "sorted by entropy": () => makeState({ sort: { by: "entropy", ascending: false } }),
  "two models": () => makeState({ models: ["net", "net_finetuned_on_everything_that_there_is"], canRedo: true }),
  "method menu": () => choosing("Integrated Gradients"),
  "method found": () => choosing("Integrated Gradients"),
  "about a method": () => choosing("Lime"),
  "all arguments": () => choosing("Lime"),
  occlusion: () =>
    choosing("Occlusion", {
      workload: "225 forward passes per sample",
      arguments: { ...startOf(METHODS.find(({ name }) => name === "Occlusion")!), sliding_window_shapes: 8 },
    }),
  "noise tunnel": () => choosing("Noise Tunnel", { workload: "20 passes per sample" }),
  "layer grad cam": () => choosing("Layer Grad Cam"),
  confusion: () => makeState(),
  "confusion of 50": () => makeState({ ...confused(50), cards: cards(4, (index) => makeCard(20 + index)) }),
  "confusion of nasty names": () =>
    makeState({ classes: NASTY, confusion: NASTY.map((_, t) => NASTY.map((__, p) => (t === p ? 9 : p % 2))) }),
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
  "200 samples": () => makeState({ show: 200, known: 200, cards: cards(200, (index) => makeCard(20 + index)) }),
  "nasty names": () =>
    makeState({
      models: NASTY,
      classes: NASTY,
      cards: cards(4, (index) => makeCard(20 + index, { classes: NASTY })),
      features: [{ name: NASTY[0], kind: "image", input: "x", baselines: [], categories: [] }],
      baselines: NASTY,
    }),
  "many classes": () =>
    makeState({
      classes: thousand,
      confusion: null,
      filter: { ...EVERYTHING, classes: thousand.slice(7, 16) },
      cards: cards(4, (index) => makeCard(20 + index, { classes: thousand })),
    }),
  "class menu": () =>
    makeState({
      classes: thousand,
      confusion: null,
      filter: { ...EVERYTHING, classes: ["species 7", "species 71"] },
      cards: cards(4, (index) => makeCard(20 + index, { classes: thousand })),
    }),
  "one class": () =>
    makeState({
      classes: ["anomaly"],
      confusion: [[2]],
      cards: cards(2, (index) => makeCard(20 + index, { classes: ["anomaly"] })),
    }),
  regression: () =>
    makeState({
      classes: [],
      confusion: null,
      cards: cards(3, (index) => makeCard(20 + index, { classes: [], labelled: false })),
    }),
  unlabelled: () =>
    makeState({ confusion: null, cards: cards(4, (index) => makeCard(20 + index, { labelled: false })) }),
  "two features": () =>
    makeState({
      features: ["left", "right"].map((name) => ({ name, kind: "image", input: name, baselines: [], categories: [] })),
      cards: cards(4, (index) => makeCard(20 + index, { features: 2 })),
    }),
  texts: () => texts(TEXTS),
  "nasty texts": () => texts(NASTY_TEXTS),
  "texts computing": () => halfway(texts(TEXTS)),
  rows: () => rows(),
  "rows of 40": () =>
    shown(
      [feature("plant", "general", FORTY)],
      [0, 1].map((i) => [FORTY.map((_, j) => (j % 9 ? Math.round(random(i * 99 + j)() * 1e6) / 1e4 : "off"))]),
      ["normal", "fault"],
    ),
  "rows computing": () => halfway(rows()),
  "rows of a regression": () => shown([PASSENGER], PASSENGERS.map((row) => [row]), []), // prettier-ignore
  "pictures with questions": questions,
  "a map of one feature": onePicture,
  "features of all kinds": everything,
  "a picture beside what is not shown": () =>
    shown(
      [feature("photo", "image"), feature("embedding", "empty")],
      [0, 1, 2].map((i) => [pictureOf(makeCard(20 + i)), null]),
      OPINIONS,
    ),
  "nothing shown": () => shown([feature("embedding", "empty")], [[null], [null]], OPINIONS),
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
};

/** What is clicked, in turn, before a page is looked at; a text in quotes is typed. */
export const OPENED: Record<string, string[]> = {
  "method menu": ['[data-control="method"]'],
  "method found": ['[data-control="method"]', '"cam"'],
  "about a method": ['[data-control="about"]'],
  "all arguments": ["attriscope-method .more"],
  "class menu": ['[data-control="class"]', '"71"'],
  confusion: ['[data-control="confusion"]'],
  "confusion of 50": ['[data-control="confusion"]'],
  "confusion of nasty names": ['[data-control="confusion"]'],
};
