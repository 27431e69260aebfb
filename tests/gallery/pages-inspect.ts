/** Inspect in every state: pages of the gallery. */
import { START } from "../../src/choice";
import type { Card, Inspect, Inspection, State } from "../../src/state";
import type { FeatureSpec, Sample } from "../../src/wire";
import { type CardOptions, CLASSES, makeCard, makeInspection, makeState, pictureOf, summed } from "./fake-store";

const cards = (count: number, options: CardOptions = {}): Card[] =>
  Array.from({ length: count }, (_, index) => makeCard(20 + index, options));

/** On the first card, with a painted corner unless told otherwise. */
export function inspecting(inspect: Partial<Inspect> = {}, change: Partial<State> = {}): State {
  const state = makeState({ view: "inspect", ...change });
  const choice = { ...state.choice, view: "inspect" as const, inspect: { ...START.inspect, ...inspect } };
  return { ...state, choice, inspection: change.inspection ?? makeInspection(state.cards[0], inspect.feature) };
}

const plain = (inspection: Inspection): Inspection => ({
  ...inspection,
  painted: new Uint8Array(inspection.painted.length),
  edited: new Map(),
  after: null,
});

const withInspection = (state: State, change: (inspection: Inspection) => Partial<Inspection>): State => ({
  ...state,
  inspection: { ...state.inspection!, ...change(state.inspection!) },
});

/** Without a map there is nothing to delete. */
function withoutMap(card: Partial<Card>, change: Partial<State> = {}): State {
  return withInspection(inspecting({}, change), (inspection) => ({
    ...plain(inspection),
    card: { ...inspection.card, result: null, ...card },
    deleted: null,
    inserted: null,
  }));
}

const progress = { label: "Occlusion", done: 0.62, total: 1, etaMs: 900, cancellable: true };

const recomputing = (): State =>
  withInspection(inspecting({ at: 0.156, top: 60 }, { method: "Occlusion", progress }), ({ card }) => ({
    card: { ...card, status: "running", done: 0.62, stale: true },
  }));

const unmeasured = (): State =>
  withInspection(inspecting(), ({ card, after, deleted, inserted }) => ({
    card: { ...card, result: card.result && { ...card.result, faithfulness: null } },
    after: after && { ...after, scores: null },
    deleted: deleted && { ...deleted, scores: null },
    inserted: inserted && { ...inserted, scores: null },
  }));

function zero(): State {
  const [card, ...others] = cards(8);
  const { shape } = pictureOf(card);
  const attributions = [summed(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape)];
  return inspecting({ top: 60 }, { cards: [{ ...card, result: { ...card.result!, attributions } }, ...others] });
}

const regression = (): State =>
  withInspection(
    inspecting({ at: 0.2 }, { classes: [], cards: cards(5, { classes: [], labelled: false }) }),
    (made) => ({
      after: { ...made.after!, scores: Float32Array.of(1.204) },
      deleted: { ...made.deleted!, scores: Float32Array.of(-0.31) },
      inserted: { ...made.inserted!, scores: Float32Array.of(1.68) },
    }),
  );

const classes = (names: string[], count = 4): State =>
  inspecting({ top: 60 }, { classes: names, cards: cards(count, { classes: names }) });

const sized = (channels: number, height: number, width: number): State =>
  inspecting(
    { top: Math.round(height * width * 0.06), at: 0.1 },
    { cards: [makeCard(40, { channels, height, width }), ...cards(3)] },
  );

const feature = (name: string, kind: FeatureSpec["kind"], categories: string[] = []): FeatureSpec => ({
  name,
  kind,
  input: name,
  baselines: [kind === "text" ? "padding" : "zero"],
  categories,
});

const REVIEWS = [
  "the plot is thin and the second half drags , but the acting is superb and the quiet ending moved me",
  "two hours of people explaining the plot to each other",
  "a warm , funny and surprisingly honest film",
  "<b>لا</b> أنصح به 🦊 \n unforgettable",
].map((review) => review.split(" ").map((word) => (word === "\\n" ? "\n" : word)));

const PASSENGER = ["age", "fare", "class", "siblings", "parents", "sex", "embarked"];
const PASSENGERS = [
  [24, 8.68, 2, 2, 0, 1, 2],
  [61, 26.55, 1, 0, 0, 0, 2],
  [0.92, 151.55, 1, 1, 2, 0, 0],
];

const shown = (features: FeatureSpec[], displays: Sample["display"][], classes: string[]): Partial<State> => ({
  features,
  baselines: features[0].baselines,
  classes,
  cards: displays.map((display, i) => makeCard(20 + i, { display, classes })),
});

const OPINIONS = ["Negative", "Positive"];
const texts = (reviews: string[][], inspect: Partial<Inspect> = {}): State =>
  inspecting(inspect, shown([feature("review", "text")], reviews.map((review) => [review]), OPINIONS)); // prettier-ignore

/** With these tokens hidden. */
const hiding = (tokens: number[], state: State): State =>
  withInspection(state, ({ painted, after }) => {
    const hidden = painted.map((_, i) => Number(tokens.includes(i)));
    return { painted: hidden, after: { ...after!, hidden } };
  });

const rows = (display: Sample["display"][] = PASSENGERS.map((row) => [row]), inspect: Partial<Inspect> = {}): State =>
  inspecting(inspect, shown([feature("passenger", "general", PASSENGER)], display, ["Died", "Survived"]));

/** Strings where the model has numbers, and some of these changed by hand. */
function edited(): State {
  const state = rows([[[24, 8.6833, "second", 2, 0, "female", "Southampton"]]], { top: 2 });
  const edits = new Map([
    [1, 53.1],
    [5, 0],
  ]);
  return withInspection(state, () => ({ edited: edits }));
}

const several = (inspect: Partial<Inspect>): State => {
  const features = [
    feature("picture", "image"),
    feature("mask", "empty"),
    feature("caption", "text"),
    feature("weather", "general", ["wind", "rain", "temperature"]),
  ];
  const captions = ["a white horse on a green meadow", "a ship", "two dogs in the snow", "a truck at night"];
  const displays = captions.map((caption, i): Sample["display"] => [
    pictureOf(makeCard(20 + i)),
    null,
    caption.split(" "),
    [3.2, 0, 17 + i],
  ]);
  return inspecting(inspect, shown(features, displays, CLASSES));
};

const unshown = (): State =>
  withInspection(inspecting({}, shown([feature("embedding", "empty")], [[null], [null]], OPINIONS)), plain);

const HOSTILE = [
  "<img src=x onerror=\"document.body.dataset.hacked='yes'\">",
  `a class name so long that no column could ever hold it ${"x".repeat(250)}`,
  "كلب صغير",
  "🦊 fox & <b>friends</b>",
];

export const INSPECT: Record<string, () => State> = {
  inspect: () => inspecting({ at: 0.156, top: 60 }, { display: { ...START.display, style: "Heat map" } }),
  "inspect: nothing painted": () => withInspection(inspecting(), plain),
  "inspect: overlay": () => inspecting({ at: 0.5, top: 200, fill: "blur" }),
  "inspect: smooth": () => inspecting({}, { display: { ...START.display, interpolation: "smooth" } }),
  "inspect: channels apart": () =>
    inspecting({ channels: "apart", top: 60 }, { display: { ...START.display, style: "Heat map" } }),
  "inspect: queued": () => withoutMap({ status: "queued", done: 0 }),
  "inspect: computing": () => withoutMap({ status: "running", done: 0.62 }, { method: "Occlusion", progress }),
  "inspect: recomputing": recomputing,
  "inspect: unmeasured": unmeasured,
  "inspect: failed": () =>
    withInspection(withoutMap({ status: "error", error: 'node "conv1" (Conv): out of memory' }), () => ({
      error: 'node "conv1" (Conv): out of memory',
    })),
  "inspect: all zero": zero,
  "inspect: one class": () => classes(["Horse"]),
  "inspect: 1000 classes": () => classes(Array.from({ length: 1000 }, (_, index) => `species ${index}`)),
  "inspect: nasty names": () => classes(HOSTILE),
  "inspect: regression": regression,
  "inspect: two features": () =>
    inspecting(
      {},
      {
        features: ["left eye", "right eye"].map((name) => ({
          name,
          kind: "image",
          input: name,
          baselines: [],
          categories: [],
        })),
        cards: cards(4, { features: 2 }),
      },
    ),
  "inspect: 40 samples": () => inspecting({}, { cards: cards(40), show: 40 }),
  "inspect: 1 x 1": () => sized(3, 1, 1),
  "inspect: 8 x 8": () => sized(1, 8, 8),
  "inspect: 1 x 500": () => sized(3, 1, 500),
  "inspect: 224 x 224": () => sized(3, 224, 224),
  "inspect: 1600 x 1200": () => sized(3, 1200, 1600),
  "inspect: text": () => withInspection(texts(REVIEWS), plain),
  "inspect: text with hidden tokens": () => hiding([8, 9, 13, 15], texts(REVIEWS, { top: 3 })),
  "inspect: text queued": () =>
    withInspection(texts(REVIEWS), (inspection) => ({
      ...plain(inspection),
      card: { ...inspection.card, status: "queued", done: 0, result: null },
      deleted: null,
      inserted: null,
    })),
  "inspect: text recomputing": () =>
    withInspection(texts(REVIEWS), ({ card }) => ({ card: { ...card, status: "running", done: 0.62, stale: true } })),
  "inspect: text failed": () =>
    withInspection(texts(REVIEWS), (inspection) => ({
      ...plain(inspection),
      card: { ...inspection.card, status: "error", result: null, error: "token id 30522 is not in the vocabulary" },
      deleted: null,
      inserted: null,
      error: "token id 30522 is not in the vocabulary",
    })),
  "inspect: nasty text": () => texts(REVIEWS.slice(3)),
  "inspect: 300 tokens": () =>
    texts([
      Array.from({ length: 15 }, () => REVIEWS[0])
        .flat()
        .slice(0, 300),
      ...REVIEWS,
    ]),
  "inspect: row": () => withInspection(rows(), plain),
  "inspect: row with edits and strings": edited,
  "inspect: 100 categories": () =>
    inspecting(
      {},
      shown(
        [
          feature(
            "assay",
            "general",
            Array.from({ length: 100 }, (_, i) => `gene ${i}`),
          ),
        ],
        [[Array.from({ length: 100 }, (_, i) => Math.sin(i) * 10)]],
        OPINIONS,
      ),
    ),
  "inspect: a text beside others": () => several({ feature: 2 }),
  "inspect: a row beside others": () => several({ feature: 3 }),
  "inspect: a picture beside others": () => several({}),
  "inspect: nothing shown": unshown,
};
