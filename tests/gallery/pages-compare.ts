/** Compare in every state: pages of the gallery. */
import { START } from "../../src/choice";
import type { Card, Column, Compare, CompareCell, Comparison, Pin, State } from "../../src/state";
import type { FeatureSpec } from "../../src/wire";
import { faithfulnessOf, makeCard, makeComparison, makeState, METHODS } from "./fake-store";

const cards = (count: number, options: Parameters<typeof makeCard>[1] = {}): Card[] =>
  Array.from({ length: count }, (_, index) => makeCard(20 + index, options));

/** On `count` samples, or on the cards that are given. */
export function comparing(compare: Partial<Compare> = {}, change: Partial<State> = {}): State {
  const state = makeState({ view: "compare", cards: change.cards ?? cards(6), show: 6, ...change });
  const choice = { ...state.choice, view: "compare" as const, compare: { ...START.compare, ...compare } };
  return {
    ...state,
    choice,
    comparison: change.comparison === undefined ? makeComparison(state.cards) : change.comparison,
    display: { ...state.display, style: "Heat map", ...change.display },
  };
}

const withCells = (state: State, change: (cell: CompareCell, row: number, column: number) => CompareCell): State => ({
  ...state,
  comparison: {
    ...state.comparison!,
    rows: state.comparison!.rows.map((cells, row) => cells.map((cell, column) => change(cell, row, column))),
  },
});

const withColumns = (state: State, change: (column: Column, index: number) => Column): State => ({
  ...state,
  comparison: { ...state.comparison!, columns: state.comparison!.columns.map(change) },
});

/** Maps of one kind of method are a hundred times as large as another's. */
const unequal = (compare: Partial<Compare>): State =>
  withCells(comparing(compare), (cell, row, column) => {
    const factor = [1, 1.2, 0.2, 4][column] * (row % 2 ? 1 : 0.3);
    const { result } = cell;
    return {
      ...cell,
      result: result && {
        ...result,
        attributions: result.attributions.map(
          (attribution) => attribution && { ...attribution, values: attribution.values.map((v) => v * factor) },
        ),
      },
    };
  });

const computing = (): State =>
  withCells(
    comparing({}, { progress: { label: "Occlusion", done: 14, total: 24, etaMs: 2100, cancellable: true } }),
    (cell, row, column) => {
      if (column < 2 || row < 2) return cell;
      if (column === 2) return row === 2 ? { ...cell, result: { ...cell.result!, faithfulness: null } } : cell;
      if (row === 2) return { ...cell, status: "running", done: 0.62, result: null };
      return { ...cell, status: "queued", done: 0, result: null };
    },
  );

const recomputing = (): State =>
  withCells(comparing(), (cell, row, column) =>
    column === 1 && row > 1 ? { ...cell, status: row === 2 ? "running" : "queued", done: 0.31, stale: true } : cell,
  );

function failing(): State {
  const state = withColumns(comparing(), (column, index) =>
    index === 2
      ? { ...column, whyNot: "the model has no nn.ReLU module", rho: null, deletion: null, insertion: null }
      : column,
  );
  return withCells(state, (cell, row, column) => {
    if (column === 2) return { ...cell, result: null };
    if (row === 1 && column === 3)
      return { ...cell, status: "error", result: null, error: 'node "conv1" (Conv): out of memory' };
    if (row === 2 && column === 0)
      return {
        ...cell,
        status: "error",
        result: null,
        error: `sample 22, feature "photo": the input holds 438 values that are not finite (NaN or infinite); remove them in \
input_transforms, or leave the sample out of the dataset: <b>${"x".repeat(120)}</b>`,
      };
    return cell;
  });
}

const NAMES = ["net", "net_finetuned", "مدل", `<i>model</i> ${"long ".repeat(30)}🦊`];

function models(count: number, change: Partial<State> = {}): State {
  const state = comparing({ columns: "models" }, { models: NAMES.slice(0, count), cards: cards(6), ...change });
  const pin: Pin = { method: "Integrated Gradients", arguments: { n_steps: 25 } };
  const columns = NAMES.slice(0, count).map((title, i): Column => ({
    title,
    detail: "Integrated Gradients · 25 steps · zero (grey)",
    pin,
    model: i,
    rho: i ? 0.61 / i : 1,
    deletion: 0.112 + 0.07 * i,
    insertion: 0.753 - 0.06 * i,
  }));
  const rows = state.cards.map(({ sample }, row) =>
    columns.map((_, i): CompareCell => {
      const other = makeCard(sample.id + i * 100, { classes: state.classes, display: sample.display });
      return {
        status: "ready",
        done: 1,
        stale: false,
        error: null,
        predictions: i ? other.predictions : state.cards[row].predictions,
        result: { ...other.result!, faithfulness: faithfulnessOf(sample.id + i * 100) },
      };
    }),
  );
  return { ...state, comparison: { columns, rows } };
}

function many(count: number, rows: number): State {
  const pins = Array.from({ length: count }, (_, i): Pin => ({
    method: METHODS[i % METHODS.length].name,
    arguments: {},
  }));
  const shown = cards(rows);
  return comparing({}, { cards: shown, show: rows, comparison: makeComparison(shown, pins) });
}

/** The first columns alone. */
const first = (count: number, state: State): State => {
  const some = (comparison: Comparison): Comparison => ({
    columns: comparison.columns.slice(0, count),
    rows: comparison.rows.map((cells) => cells.slice(0, count)),
  });
  return { ...state, comparison: some(state.comparison!) };
};

export const feature = (name: string, kind: FeatureSpec["kind"], categories: string[] = []): FeatureSpec => ({
  name,
  kind,
  input: name,
  baselines: [],
  categories,
});

export const REVIEW = feature("review", "text");
export const PASSENGER = feature("passenger", "general", [
  "siblings",
  "fare",
  "sex",
  "embarked",
  "parents",
  "class",
  "age",
]);
export const OPINIONS = ["Negative", "Positive"];

const LONG = "I watched it twice , and the second time I noticed how little happens in the first hour . ";
export const TEXTS = [
  "the plot is thin and the second half drags , but the acting is superb and the quiet ending moved me",
  "a dull , lifeless remake",
  LONG.repeat(14).trim(),
  `unbelievably ${"o".repeat(60)} 😀 <b>not</b> bold كان الفيلم رائعا \n 映画 🦊`,
].map((text) => text.split(" ").map((word) => (word === "\\n" ? "\n" : word)));

export const PASSENGERS = [
  [2, 8.6833, "female", "Southampton", 0, 2, 24],
  [0, 151.55, "male", "Cherbourg", 2, 1, 0.92],
  [1, 0, "male", "<b>Queenstown</b>", 0, 3, 61],
];

const texts = (): Card[] => TEXTS.map((text, i) => makeCard(i, { classes: OPINIONS, display: [text] }));
const passengers = (): Card[] =>
  PASSENGERS.map((row, i) => makeCard(28 + i, { classes: ["Died", "Survived"], display: [row] }));

/** A text and a row beside each other, with a picture and what is not shown. */
const mixed = (inView: number): State => {
  const cards = TEXTS.map((text, i) => {
    const [picture] = makeCard(20 + i).sample.display;
    return makeCard(20 + i, { display: [picture, null, text, PASSENGERS[i % 3]] });
  });
  const state = comparing(
    {},
    { cards, features: [feature("photo", "image"), feature("ids", "empty"), REVIEW, PASSENGER] },
  );
  return { ...state, choice: { ...state.choice, inspect: { ...START.inspect, feature: inView } } };
};

const HOSTILE = [
  "<img src=x onerror=\"document.body.dataset.hacked='yes'\">",
  "a class name so long that no column could ever hold it",
  "كلب صغير",
  "🦊 fox & <b>friends</b>",
];

const SIZES = [
  [1, 8, 8],
  [3, 224, 224],
  [4, 64, 48],
  [3, 1, 1],
  [3, 1, 500],
  [3, 3000, 4000],
];

export const COMPARE: Record<string, () => State> = {
  compare: () => comparing(),
  "compare overlay": () => comparing({}, { display: { ...START.display } }),
  "compare computing": computing,
  "compare recomputing": recomputing,
  "compare failing": failing,
  "compare nothing pinned": () => comparing({}, { comparison: { columns: [], rows: cards(6).map(() => []) } }),
  "compare one pin": () => first(1, comparing()),
  "compare per row": () => unequal({ scale: "row" }),
  "compare shared": () => unequal({ scale: "shared" }),
  "compare two models": () => models(2),
  "compare four models": () => models(4),
  "compare ten methods": () => many(10, 6),
  "compare 200 rows": () => many(10, 200),
  "compare nasty names": () =>
    withColumns(comparing({}, { classes: HOSTILE, cards: cards(4, { classes: HOSTILE }) }), (column, i) => ({
      ...column,
      title: i === 1 ? HOSTILE[0] : column.title,
      detail: i === 1 ? "x".repeat(300) : column.detail,
    })),
  "compare many classes": () => {
    const classes = Array.from({ length: 1000 }, (_, index) => `species ${index}`);
    return comparing({}, { classes, cards: cards(4, { classes }) });
  },
  "compare regression": () => comparing({}, { classes: [], cards: cards(3, { classes: [], labelled: false }) }),
  "compare two features": () =>
    comparing(
      {},
      { features: ["left", "right"].map((name) => feature(name, "image")), cards: cards(4, { features: 2 }) },
    ),
  "compare texts": () => first(3, comparing({}, { classes: OPINIONS, features: [REVIEW], cards: texts() })),
  "compare texts of two models": () => models(2, { classes: OPINIONS, features: [REVIEW], cards: texts() }),
  "compare texts computing": () =>
    withCells(comparing({}, { classes: OPINIONS, features: [REVIEW], cards: texts() }), (cell, row, column) => {
      if (column === 1 && row > 0)
        return { ...cell, status: row === 1 ? "running" : "queued", done: 0.31, stale: true };
      if (column === 2 && row === 1) return { ...cell, status: "error", result: null, error: "out of memory" };
      return column === 3 ? { ...cell, status: "queued", result: null } : cell;
    }),
  "compare rows": () =>
    first(3, comparing({}, { classes: ["Died", "Survived"], features: [PASSENGER], cards: passengers() })),
  "compare a text beside others": () => mixed(2),
  "compare a row beside others": () => mixed(3),
  "compare nothing shown": () =>
    comparing({}, { features: [feature("ids", "empty")], cards: cards(3, { display: [null] }) }),
  "compare sizes": () =>
    comparing(
      {},
      {
        cards: SIZES.map(([channels, height, width], i) => makeCard(40 + i, { channels, height, width })),
      },
    ),
};
