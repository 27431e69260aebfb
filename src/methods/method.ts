/** The contract of an attribution method: what it declares (menu, form, legend) and how it is called. */
import type { FloatArray, Model } from "../engine";

/**
 * One argument, spelled as in Captum; `default` is Captum's. The form, its limits and the error texts come from this.
 * `auto` says what a null value means; without it null is refused. `start` is where the explorer starts instead of at `default`.
 */
export type ParamSpec = { name: string; help: string; auto?: string } & (
  | {
      kind: "int" | "float";
      default: number | null;
      start?: number;
      min: number;
      max?: number;
      slider?: readonly [number, number];
    }
  | { kind: "enum"; default: string; options: readonly string[] }
  | { kind: "bool"; default: boolean }
  /** Window or stride over an input's dimensions without the batch; a single int covers all channels and a square. */
  | { kind: "shape"; default: null }
);

export type ArgumentValue = number | string | boolean | null | number[] | (number | number[] | null)[];
export type Arguments = Record<string, ArgumentValue>;

/** What a method tells the explorer: plain data, so that it can be sent from the worker. */
export interface MethodInfo {
  /** Captum's `get_name()`. */
  readonly name: string;
  readonly group: "Gradient" | "Path" | "CAM" | "Perturbation" | "Relevance";
  readonly cost: "1 pass" | "2 passes" | "n passes" | "layer";
  readonly summary: string;
  /** Paper or Captum class that defines it. */
  readonly source: string;
  readonly params: readonly ParamSpec[];
  readonly usesBaselines: boolean;
  /** The attributions add up to f(x) - f(baseline) in exact arithmetic: the convergence delta means something. */
  readonly complete: boolean;
}

/** One call of a method on a batch of samples, checked and filled with defaults. Names are those of the graph's inputs. */
export interface Call {
  readonly model: Model;
  /** Inputs to attribute, [N, ...]. */
  readonly inputs: Readonly<Record<string, FloatArray>>;
  /** The same names and shapes. */
  readonly baselines: Readonly<Record<string, FloatArray>>;
  /** Inputs that are fed but not attributed, [N, ...]. */
  readonly additional: Readonly<Record<string, FloatArray>>;
  /** Per sample: index into its flattened `raw`. */
  readonly target: readonly number[];
  readonly arguments: Arguments;
  /** Between two chunks of work: reports progress (0..1), lets messages in, throws an AbortError if cancelled. */
  readonly step: (done: number) => Promise<void>;
}

/** Shapes of the attributed inputs, without the batch. */
export type Shapes = readonly (readonly number[])[];

/** What a call will take, and what is wrong with its arguments. */
export interface Plan {
  /** By argument name; empty if all is well. */
  errors: Record<string, string>;
  /** Work for one sample in words ("225 forward passes"), or null where it is one or two passes. */
  workload: string | null;
}

export interface Method extends MethodInfo {
  /** False where these arguments can give no negative value. */
  signed(args: Arguments): boolean;
  /** Why the method cannot be applied to this model, for the menu; undefined where it can. */
  whyNot?(model: Model): string | undefined;
  /** What the specs alone cannot check, and the work; called with arguments that fit their specs. */
  plan?(args: Arguments, shapes: Shapes): Plan;
  /** Attributions by input name, in the input's shape. */
  attribute(call: Call): Promise<Record<string, Float32Array>>;
}
