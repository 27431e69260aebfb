/** The contract of a metric: how good an explanation is. One file per metric, one line in the index. */
import type { FloatArray, Model } from "../engine";
import type { Attribution, Request } from "../methods";
import type { Arguments, ParamSpec } from "../methods/method";

/** Plain data, so that it can be sent from the worker. */
export interface MetricInfo {
  readonly name: string;
  readonly summary: string;
  /** Paper or Captum function that defines it. */
  readonly source: string;
  readonly params: readonly ParamSpec[];
  /** What it needs an attribution for: every value of the input, every place of a picture, or whatever the method gives. */
  readonly over: "values" | "places" | "any";
  /** Of each value that it measures. */
  readonly better: Readonly<Record<string, "higher" | "lower">>;
}

/** What is judged: an explanation and how it came about. */
export interface MetricCall {
  readonly model: Model;
  /** The call of {@link attribute} that gave the explanation, [N, ...]. */
  readonly request: Request;
  readonly attribution: Attribution;
  /** Attributed inputs of floats, and their baselines, [N, ...]. */
  readonly inputs: Readonly<Record<string, FloatArray>>;
  readonly baselines: Readonly<Record<string, FloatArray>>;
  /** Inputs that are fed only. */
  readonly additional: Readonly<Record<string, FloatArray>>;
  /** Per sample: index into its flattened output. */
  readonly target: readonly number[];
  readonly arguments: Arguments;
  /** Between two chunks of work: reports progress (0..1), lets messages in, throws an AbortError if cancelled. */
  readonly step: (done: number) => Promise<void>;
}

/** A function of the share of values changed or layers randomised, 0..1 from left to right. */
export interface Curve {
  readonly name: string;
  readonly at: readonly number[];
  /** Per sample, one value for each of `at`. */
  readonly values: Float32Array[];
  /** Where a point stands for something with a name of its own: a layer. */
  readonly labels?: readonly string[];
}

export interface Measurement {
  /** Per sample, by what is measured. */
  values: Record<string, Float32Array>;
  curves?: Curve[];
}

export interface Metric extends MetricInfo {
  measure(call: MetricCall): Promise<Measurement>;
}
