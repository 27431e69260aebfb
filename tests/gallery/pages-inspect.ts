/** Inspect in every state: pages of the gallery. */
import { START } from "../../src/choice";
import type { Card, Inspect, Inspection, State } from "../../src/state";
import { type CardOptions, makeCard, makeInspection, makeState, pictureOf, summed } from "./fake-store";

const cards = (count: number, options: CardOptions = {}): Card[] =>
  Array.from({ length: count }, (_, index) => makeCard(20 + index, options));

/** On the first card, with a painted corner unless told otherwise. */
export function inspecting(inspect: Partial<Inspect> = {}, change: Partial<State> = {}): State {
  const state = makeState({ view: "inspect", ...change });
  const choice = { ...state.choice, view: "inspect" as const, inspect: { ...START.inspect, ...inspect } };
  return { ...state, choice, inspection: change.inspection ?? makeInspection(state.cards[0]) };
}

const plain = (inspection: Inspection): Inspection => ({
  ...inspection,
  painted: new Uint8Array(inspection.painted.length),
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
};
