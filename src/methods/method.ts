/** The contract of an attribution method: what it declares (menu, form, legend) and how it is called. */
import type { FloatArray, Layer, Model } from "../engine";

/**
 * One argument, spelled as in Captum; `default` is Captum's. The form, its limits and the error texts come from this.
 * `auto` says what a null value means; without it null is refused. `start` is where the explorer starts instead of at `default`.
 * `unit` stands behind the numbers: "px".
 */
export type ParamSpec = { name: string; help: string; auto?: string; unit?: string } & (
  | {
      kind: "int" | "float";
      default: number | null;
      start?: number;
      min: number;
      max?: number;
      slider?: readonly [number, number];
    }
  | { kind: "enum"; default: string; start?: string; options: readonly string[] }
  | { kind: "bool"; default: boolean }
  /** Window or stride over an input's dimensions without the batch; a single int covers all channels and a square. */
  | { kind: "shape"; default: null }
  /** Path of a module, as in `model.layers`; null is the last one that fits. `spatial`: its output is [N, C, ...]. */
  | { kind: "layer"; default: null; auto: string; spatial: boolean }
);

export type ArgumentValue = number | string | boolean | null | number[] | (number | number[] | null)[];
export type Arguments = Record<string, ArgumentValue>;

/** What a method tells the explorer: plain data, so that it can be sent from the worker. */
export interface MethodInfo {
  /** Captum's `get_name()`. */
  readonly name: string;
  readonly group: "Gradient" | "Path" | "Layer" | "CAM" | "Attention" | "Perturbation" | "Relevance";
  readonly cost: "1 pass" | "2 passes" | "n passes" | "layer";
  readonly summary: string;
  /** Paper or Captum class that defines it. */
  readonly source: string;
  readonly params: readonly ParamSpec[];
  /** How many baselines a sample is compared with: all that are given, and where "several" two at least. */
  readonly baselines: "none" | "one" | "all" | "several";
  /** Explains the samples of a call by each other, so that there must be several. */
  readonly together?: boolean;
  /**
   * The attributions add up to f(x) - f(baseline) in exact arithmetic, if each value has its own and it is multiplied by the
   * input: then the convergence delta means something.
   */
  readonly complete: boolean;
}

/** Attributions by input name, in the input's shape or in one of the method's own, [N, ...]. */
export type Maps = Record<string, FloatArray>;

/** What the explorer needs of a layer for its menu. */
export interface LayerInfo {
  /** Module path. */
  readonly name: string;
  readonly class: string;
  readonly shape: readonly (number | null)[];
  /** Its output is an image, [N, C, ...]. */
  readonly spatial: boolean;
  /** Of an embedding: the graph's input whose integers it looks up, all of them or some. */
  readonly embeds?: { readonly input: string; readonly all: boolean };
}

/** One call of a method on a batch of samples, checked and filled with defaults. Names are those of the graph's inputs. */
export interface Call {
  readonly model: Model;
  /** Inputs to attribute, [N, ...]. */
  readonly inputs: Readonly<Record<string, FloatArray>>;
  /** The same names and shapes; [B, ...], the same B rows for every sample, for a method that uses all baselines. */
  readonly baselines: Readonly<Record<string, FloatArray>>;
  /** Inputs that are fed but not attributed, [N, ...]. */
  readonly additional: Readonly<Record<string, FloatArray>>;
  /** Per sample: index into its flattened `raw`. */
  readonly target: readonly number[];
  readonly arguments: Arguments;
  /** What the argument `layer` stands for; null for a method that has none. */
  readonly layer: Layer | null;
  /** Which values of an input are one feature, [N, ...] by input name; null where the user gives none. */
  readonly feature_mask: Readonly<Record<string, Int32Array>> | null;
  /** Between two chunks of work: reports progress (0..1), lets messages in, throws an AbortError if cancelled. */
  readonly step: (done: number) => Promise<void>;
  /** Offers what is known so far; `maps` is called only where somebody looks and the last offer is a while ago. */
  readonly preview: (maps: () => Maps | Promise<Maps>) => Promise<void>;
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
  /** An input of integers comes as the embeddings that it is looked up in; otherwise as it is. */
  readonly embeds: boolean;
  /** False where these arguments can give no negative value. */
  signed(args: Arguments): boolean;
  /** Why the method cannot be applied to this model, for the menu; undefined where it can. */
  whyNot?(model: Model): string | undefined;
  /** What the specs alone cannot check, and the work; called with arguments that fit their specs, and the user's mask. */
  plan?(args: Arguments, shapes: Shapes, feature_mask: Call["feature_mask"], model: Model): Plan;
  attribute(call: Call): Promise<Maps>;
}
