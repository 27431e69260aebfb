/** What the explorer shows and what it can do, as plain values: the session makes it, the elements draw it. */
import type { Backend } from "./backend";
import type { Choice, Compare, Display, Inspect, Pin, Sort, View } from "./choice";
import type { Arguments, ArgumentValue, LayerInfo, MethodInfo, ParamSpec } from "./methods/method";
import type { FeatureSpec, Filter, NDArray, Sample } from "./wire";

export type { Choice, Compare, Display, Inspect, Pin, Sort, View } from "./choice";

/** Beyond this the page's output is said to differ from PyTorch's. */
export const MAX_DIFFERENCE = 1e-3;

/** Something to tell the user, with what to do about it. */
export interface Notice {
  kind: "error" | "warning" | "empty" | "static";
  title: string;
  text: string;
  /** Label and value: operator, node, module ... shown in the code font. */
  facts?: [string, string][];
  /** What to do, in order. */
  steps?: string[];
  actions?: { label: string; run: () => void; primary?: boolean }[];
}

export type Phase =
  | { name: "preparing"; stage: string; done?: number; total?: number }
  | { name: "ready" }
  | { name: "stopped"; notice: Notice };

export interface Prediction {
  index: number;
  label: string;
  score: number;
}

/** One attributed feature of one sample. */
export interface Attribution {
  /** In the input's shape, e.g. [C, H, W]. */
  values: Float32Array;
  shape: number[];
  /** Sum of all values, in units of the model's raw output. */
  sum: number;
  /** Sums of the positive and of the negative values. */
  positive: number;
  negative: number;
  /** sum / sum of magnitudes over all features, -1..1; 0 where everything is 0. */
  share: number;
  /** Captum Insights' contribution: sum / sum over the features of |sum|. */
  contribution: number;
}

/** How the target's score falls as places of the input are deleted, and rises as they are inserted, the most important first. */
export interface Faithfulness {
  /** Shares of the places, 0..1, evenly spaced. */
  at: readonly number[];
  deletion: Float32Array;
  insertion: Float32Array;
  /** Areas under the two curves. */
  auc: { deletion: number; insertion: number };
}

export interface Result {
  method: string;
  arguments: Arguments;
  target: number | null;
  baseline: number;
  /** By feature; null for one that the method says nothing about, as a layer's map is laid over one picture. */
  attributions: (Attribution | null)[];
  signed: boolean;
  /** sum(attributions) - (f(x) - f(baseline)); null where the method promises no such thing. */
  delta: number | null;
  /** f(x) - f(baseline) for the target. */
  change: number | null;
  ms: number;
  /** Null until measured; in Samples it is measured where no `delta` tells how good the explanation is. */
  faithfulness: Faithfulness | null;
  /** The first of it: the rest is being computed. */
  partial: boolean;
}

/** Where one explanation stands. Replaced whenever something in it changes, never mutated. */
export interface Cell {
  status: "queued" | "running" | "ready" | "error";
  /** Progress of a running one, 0..1. */
  done: number;
  /** The last finished result; stays while another one is computed (then `stale`). */
  result: Result | null;
  stale: boolean;
  error: string | null;
}

/** One sample of the page, explained as is chosen. */
export interface Card extends Cell {
  sample: Sample;
  /** All classes, highest score first; empty for an output without classes. */
  predictions: Prediction[];
  /** The class explained, or null where there is none to choose. */
  target: number | null;
  correct: boolean | null;
}

/** One sample by one method or model. */
export interface CompareCell extends Cell {
  /** Of the column's model. */
  predictions: Prediction[];
}

export interface Column {
  /** The method's or the model's name. */
  title: string;
  /** Of a method: its arguments and baseline in a few words. */
  detail: string;
  pin: Pin;
  /** Index of the model. */
  model: number;
  /** Why there is nothing in it. */
  whyNot?: string;
  /** Over the rows that are there: mean rank correlation (Spearman) of its maps with the first column's, and mean AUCs. */
  rho: number | null;
  deletion: number | null;
  insertion: number | null;
}

export interface Comparison {
  columns: Column[];
  /** In the order of the cards, one cell for each column. */
  rows: CompareCell[][];
}

/** A changed sample that the model was asked about, and what it said. */
export interface Trial {
  /** Of the feature in view, [C, height, width], C = 1 or 3, float32 0..1; null where that is no image. */
  picture: NDArray | null;
  /** [height * width], 1 at the places that are not those of the sample. */
  hidden: Uint8Array;
  /** By class; null until computed. */
  scores: Float32Array | null;
}

/** The selected sample, and what has been tried with it. */
export interface Inspection {
  card: Card;
  /** Of what the model sees in the feature in view: the places that can be hidden. A text or a row has one for each value. */
  width: number;
  height: number;
  /** [height * width], 1 where hidden. */
  painted: Uint8Array;
  /** By place: what stands there in place of the sample's own value. */
  edited: ReadonlyMap<number, number>;
  /** With the painted places hidden and the edited ones changed; null where there are none. */
  after: Trial | null;
  /** At the scrubber: without the most important places, and with nothing but these; null without a finished map. */
  deleted: Trial | null;
  inserted: Trial | null;
  /** Why nothing can be hidden, or what went wrong. */
  error: string | null;
}

export interface State {
  phase: Phase;
  /** All that was chosen; most of it stands below, too. */
  choice: Choice;
  canUndo: boolean;
  canRedo: boolean;
  view: View;
  /** Names of the models, and which one is explained. */
  models: string[];
  model: number;
  /** The kernel answers: further samples can be fetched. */
  live: boolean;
  classes: string[];
  features: FeatureSpec[];
  methods: (MethodInfo & { whyNot?: string })[];
  layers: LayerInfo[];
  method: string;
  /** Of the current method, as entered; results use the last valid ones. */
  arguments: Arguments;
  /** By argument name: why the entered value is refused. */
  argumentErrors: Record<string, string>;
  /** Work of the current method per sample, in words ("225 forward passes per sample"); null where it is one or two. */
  workload: string | null;
  baselines: string[];
  baseline: number;
  filter: Filter;
  sort: Sort;
  /** Of the samples that are here, [true class][predicted class]; null without labels or with more than 50 classes. */
  confusion: number[][] | null;
  /** Cards on a page. */
  show: number;
  /** Position of the shown cards among the samples that pass the filter, from 0; `known` of them are here, `total` null = unknown. */
  first: number;
  known: number;
  total: number | null;
  hasPrevious: boolean;
  hasNext: boolean;
  /** Dataset entries looked at for the current filter; null before the first scan for it. */
  scanned: number | null;
  scanning: boolean;
  cards: Card[];
  /** Id of the sample that was worked on last. */
  selected: number | null;
  /** In Compare alone. */
  comparison: Comparison | null;
  /** In Inspect alone, and only where there are samples. */
  inspection: Inspection | null;
  /** Work that has taken longer than 100 ms. */
  progress: { label: string; done: number; total: number; etaMs: number | null; cancellable: boolean } | null;
  engine: { backend: Backend; available: Backend[]; ms: number | null; maxDiff: number | null } | null;
  display: Display;
  /** Beside the cards, not instead of them; an `empty` notice stands in their place. */
  notice: Notice | null;
}

/** Everything the explorer can do; elements call nothing else. */
export interface Actions {
  setView(view: View): void;
  /** What the user did before; changes of the view alone do not count. */
  undo(): void;
  redo(): void;
  setModel(index: number): void;
  setMethod(name: string): void;
  setArgument(name: string, value: ArgumentValue): void;
  /** Back to the method's own defaults, the first baseline and the predicted classes. */
  reset(): void;
  setBaseline(index: number): void;
  setTarget(sample: number, target: number): void;
  /** Explains one class on every sample. */
  setTargetForAll(target: number): void;
  setFilter(filter: Partial<Filter>): void;
  setSort(sort: Partial<Sort>): void;
  setShow(count: number): void;
  next(): void;
  previous(): void;
  setDisplay(display: Partial<Display>): void;
  /** Turns to the page of a sample that is here, if need be. */
  select(sample: number): void;
  setCompare(compare: Partial<Omit<Compare, "pins">>): void;
  /** Adds a column: the method as it is chosen, unless another one is named, with its arguments as entered. */
  pin(method?: string): void;
  unpin(column: number): void;
  movePin(from: number, to: number): void;
  setInspect(inspect: Partial<Inspect>): void;
  /** Hides these places of the selected sample's feature in view, [height * width]; `done` ends the stroke. */
  paint(pixels: Uint8Array, done: boolean): void;
  /** Changes a value of the selected sample's feature in view; null takes the change back. */
  edit(place: number, value: number | null): void;
  /** Takes back all that was painted and edited of the selected sample. */
  clear(): void;
  setBackend(backend: Backend): void;
  cancel(): void;
}

/** What the elements see of a session: a store that fires "change". */
export interface Store extends Actions, EventTarget {
  readonly state: Readonly<State>;
}

/**
 * What samples are sorted by, of PyTorch's scores of the first model: the highest score, -log of the true class's, or the
 * entropy in nats. Scores that are no probabilities go through a softmax for the last two. Null where there is nothing to say.
 */
export function sortValue({ id, label, outputs }: Sample, by: Sort["by"]): number | null {
  if (by === "dataset") return id;
  const scores = Float64Array.from((outputs[0]?.scores.data ?? []) as ArrayLike<number>, Number);
  if (scores.length < 2 || scores.some((score) => !Number.isFinite(score))) return null;
  const most = scores.reduce((a, b) => Math.max(a, b));
  if (by === "confidence") return most;
  const sum = scores.reduce((a, b) => a + b);
  const are = scores.every((score) => score >= 0) && Math.abs(sum - 1) < 1e-3;
  const exps = are ? scores : scores.map((score) => Math.exp(score - most));
  const total = exps.reduce((a, b) => a + b);
  const log = (p: number) => Math.log(Math.max(p / total, Number.MIN_VALUE));
  if (by === "loss") return label === null ? null : -log(exps[label]);
  return exps.reduce((entropy, p) => entropy - (p / total) * log(p), 0);
}

/** What an argument of a method starts with. A picture is best seen by a layer that gives an image as well. */
export function startOf(spec: ParamSpec, layers: readonly LayerInfo[]): ArgumentValue {
  if (spec.kind === "layer")
    return spec.spatial ? null : (layers.filter(({ spatial }) => spatial).at(-1)?.name ?? null);
  return ("start" in spec ? spec.start : undefined) ?? spec.default;
}

/** The filter as a sentence would say it. */
export function filterInWords({ classes, labels, prediction }: Filter): string {
  const parts = [
    labels.length > 0 ? `true class ${labels.join(" or ")}` : "",
    classes.length > 0 ? `predicted class ${classes.join(" or ")}` : "",
    prediction === "all" ? "" : `prediction ${prediction}`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : "all samples";
}
