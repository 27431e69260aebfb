/** What the explorer shows and what it can do, as plain values: the session makes it, the elements draw it. */
import type { Backend } from "./backend";
import type { Arguments, ArgumentValue, LayerInfo, MethodInfo } from "./methods/method";
import type { FeatureSpec, Filter, Sample } from "./wire";

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
  /** Area under the deletion and the insertion curve, 0..1; null until measured, and where `delta` tells how good it is. */
  auc: { deletion: number; insertion: number } | null;
  /** The first of it: the rest is being computed. */
  partial: boolean;
}

/** Replaced whenever something in it changes, never mutated. */
export interface Card {
  sample: Sample;
  /** All classes, highest score first; empty for an output without classes. */
  predictions: Prediction[];
  /** The class explained, or null where there is none to choose. */
  target: number | null;
  correct: boolean | null;
  status: "queued" | "running" | "ready" | "error";
  /** Progress of a running card, 0..1. */
  done: number;
  /** The last finished result; stays while another one is computed (then `stale`). */
  result: Result | null;
  stale: boolean;
  error: string | null;
}

export interface Display {
  sign: "signed" | "positive" | "negative" | "absolute";
  /** Name in the styles' index. */
  style: string;
  /** 0..1 */
  opacity: number;
  /** Per cent of the cumulative magnitude that is clipped; Captum's `outlier_perc`. */
  clip: number;
  cmap: string;
}

export interface State {
  phase: Phase;
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
  /** Work that has taken longer than 100 ms. */
  progress: { label: string; done: number; total: number; etaMs: number | null; cancellable: boolean } | null;
  engine: { backend: Backend; available: Backend[]; ms: number | null; maxDiff: number | null } | null;
  display: Display;
  /** Beside the cards, not instead of them; an `empty` notice stands in their place. */
  notice: Notice | null;
}

/** Everything the explorer can do; elements call nothing else. */
export interface Actions {
  setMethod(name: string): void;
  setArgument(name: string, value: ArgumentValue): void;
  /** Back to the method's own defaults, the first baseline and the predicted classes. */
  reset(): void;
  setBaseline(index: number): void;
  setTarget(sample: number, target: number): void;
  /** Explains one class on every sample. */
  setTargetForAll(target: number): void;
  setFilter(filter: Partial<Filter>): void;
  setShow(count: number): void;
  next(): void;
  previous(): void;
  setDisplay(display: Partial<Display>): void;
  setBackend(backend: Backend): void;
  cancel(): void;
}

/** What the elements see of a session: a store that fires "change". */
export interface Store extends Actions, EventTarget {
  readonly state: Readonly<State>;
}

/** The filter as a sentence would say it. */
export function filterInWords({ classes, prediction }: Filter): string {
  const parts = [
    classes.length > 0 ? `predicted class ${classes.join(" or ")}` : "",
    prediction === "all" ? "" : `prediction ${prediction}`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : "all samples";
}
