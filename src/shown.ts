/** The results that a view shows, and the messages in which they go to the kernel: `attriscope/results.py` reads them. */
import type { Cell, Prediction, Result, State } from "./state";
import type { Sample } from "./wire";

/** One explained sample. */
export interface ShownCell {
  sample: Sample;
  predictions: readonly Prediction[];
  result: Result;
}

/** One method and model; Samples and Inspect show one, Compare several. */
export interface ShownColumn {
  method: string;
  /** The model's name. */
  model: string;
  /** Names of all features. */
  features: readonly string[];
  /** Name of what the samples are compared with; null where the method does not compare, or with several. */
  baseline: string | null;
  cells: readonly ShownCell[];
}

/** Jupyter's server closes the connection over messages of 10 MiB. */
const PART = 2 ** 22;

/** What the view shows, without samples that cannot be explained; null until all of it is computed. */
export function columnsOf(state: Readonly<State>): ShownColumn[] | null {
  const { phase, scanning, progress, view, cards, comparison, inspection, models, method, model } = state;
  if (phase.name !== "ready" || scanning || progress || !cards.length) return null;
  const column = (method: string, model: number, cells: (Cell & Omit<ShownCell, "result">)[]): ShownColumn | null => {
    if (!cells.every(isFinished)) return null;
    const uses = state.methods.find(({ name }) => name === method)?.baselines;
    const explained = cells.flatMap(({ sample, predictions, result, status }) =>
      result && status === "ready" ? [{ sample, predictions, result }] : [],
    );
    const index = explained[0]?.result.baseline ?? 0;
    const baseline = uses === "one" ? (state.baselines[index] ?? null) : null;
    return {
      method,
      model: models[model],
      features: state.features.map(({ name }) => name),
      baseline,
      cells: explained,
    };
  };
  if (view !== "compare") {
    const shown = view === "inspect" ? (inspection ? [inspection.card] : null) : cards;
    const only = shown && column(method, model, shown);
    return only && [only];
  }
  if (comparison?.rows.length !== cards.length) return null;
  const columns = comparison.columns.map(({ pin, model }, c) =>
    column(
      pin.method,
      model,
      comparison.rows.map((row, r) => ({ ...row[c], sample: cards[r].sample })),
    ),
  );
  return columns.every((column) => column !== null) ? columns : null;
}

const isFinished = ({ status, stale, result }: Cell): boolean =>
  status === "error" || (status === "ready" && !stale && !result?.partial);

/** Bytes of all maps and scores. */
export function sizeOf(columns: readonly ShownColumn[]): number {
  return columns.reduce((sum, column) => sum + arraysOf(column).reduce((n, { byteLength }) => n + byteLength, 0), 0);
}

/** The parts in which results are sent; each says all but the numbers of the maps, which are cut anywhere. */
export function* messagesOf(columns: readonly ShownColumn[]): Generator<{ content: object; buffer: ArrayBuffer }> {
  const all = columns.flatMap(arraysOf);
  const bytes = new Uint8Array(all.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of all) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  const about = columns.map(describe);
  const parts = Math.max(1, Math.ceil(bytes.length / PART));
  for (let part = 0; part < parts; part++) {
    const { buffer } = bytes.slice(part * PART, (part + 1) * PART);
    yield { content: { parts, part, columns: about }, buffer };
  }
}

/** By feature the maps of all samples, then the scores. */
function arraysOf({ cells }: ShownColumn): Float32Array[] {
  const maps = featuresOf(cells).flatMap((i) => cells.map(({ result }) => result.attributions[i]!.values));
  return [...maps, ...cells.map(({ predictions }) => scoresOf(predictions))];
}

/** Indexes of the features that the method says something about. */
function featuresOf(cells: readonly ShownCell[]): number[] {
  return cells[0]?.result.attributions.flatMap((attribution, i) => (attribution ? [i] : [])) ?? [];
}

function scoresOf(predictions: readonly Prediction[]): Float32Array {
  const scores = new Float32Array(predictions.length);
  for (const { index, score } of predictions) scores[index] = score;
  return scores;
}

/** All but the numbers; `shapes` by feature and sample: texts may differ in length. */
function describe({ method, model, features, baseline, cells }: ShownColumn) {
  const given = featuresOf(cells);
  return {
    method,
    arguments: cells[0]?.result.arguments ?? {},
    baseline,
    model,
    features: given.map((i) => features[i]),
    shapes: given.map((i) => cells.map(({ result }) => result.attributions[i]!.shape)),
    scores: cells[0]?.predictions.length ?? 0,
    samples: cells.map(({ sample, predictions, result: { target, delta, faithfulness } }) => ({
      id: sample.id,
      target,
      prediction: predictions[0]?.index ?? null,
      delta,
      deletion: faithfulness?.auc.deletion ?? null,
      insertion: faithfulness?.auc.insertion ?? null,
    })),
  };
}
