/**
 * The contract of an operator. One entry says what the operator computes and how a gradient goes back through it; its
 * attributes are the destructured parameters with the specification's defaults (https://onnx.ai/onnx/operators/).
 *
 * Four-dimensional images are laid out [N, H, W, C] inside. `layout.ts` decides that once for the whole graph and adapts
 * nodes, so an entry only declares how it stands to layouts and never asks at run time.
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Constant, Node } from "../graph";

/** What a rule sees of one call of a node. Shapes are those of the layout. Tensors made inside are freed by the caller. */
export interface Call<A> {
  /** Inputs; an omitted one is undefined. */
  readonly x: readonly Tensor[];
  /** Outputs; only for `vjp`. */
  readonly y: readonly Tensor[];
  readonly attrs: A;
  /** The ATen operator the node was exported from ("aten.relu6.default"), "" if unknown: it decides some subgradients. */
  readonly aten: string;
  /** Inputs listed in `constants`, by index. */
  readonly constants: readonly (Constant | undefined)[];
  /** A tensor that depends on constants only: made once, freed with the model. */
  derived(key: string, make: () => Tensor): Tensor;
}

export type Layout =
  /** Input 0 and the output are images in [N, H, W, C] (where they have four dimensions); other inputs are parameters. */
  | "image"
  /** Inputs are broadcast against each other; any layout will do as long as it is the same for all. */
  | "pointwise"
  /** Counts axes: `adapt` gives the node for [N, H, W, C] inputs, or null where it cannot; then the inputs are put back. */
  | { adapt(node: Node, axes: NhwcAxes): Adapted | null }
  /** Needs ONNX's own order. */
  | "plain";

export interface Adapted {
  node: Node;
  /** Whether the output is an image in [N, H, W, C] again; else it is in ONNX's order. */
  image: boolean;
}

export interface NhwcAxes {
  /** Where an axis of [N, C, H, W] (negative counts from the end) lies in [N, H, W, C]. */
  map(axis: number): number;
  /** Integers of a constant input; null where the input is not a constant. */
  ints(input: string): number[] | null;
  /** Adds a constant to the graph, returns its name. */
  constant(ints: number[]): string;
}

export interface OpDef<A = unknown> {
  /** First operator set in which this definition holds. */
  readonly since: number;
  readonly layout: Layout;
  /** Linear plus a constant in input 0 where all other inputs are constants. */
  readonly affine?: boolean;
  /** Inputs that must be known numbers (shapes, axes). */
  readonly constants?: readonly number[];
  /** Why these attributes cannot be computed, checked when the model is loaded; undefined if they can. */
  unsupported?(attrs: A, shapes: readonly (readonly (number | null)[] | undefined)[]): string | undefined;
  forward(call: Call<A>): Tensor;
  /** One thunk per input, so that only wanted gradients are computed; absent where nothing flows back. */
  vjp?(dy: Tensor, call: Call<A>): readonly ((() => Tensor) | undefined)[];
}

export type Table = Readonly<Record<string, readonly OpDef[]>>;

/** Types the attributes of an entry; the table itself forgets them. */
export const op = <A>(def: OpDef<A>): OpDef => def as OpDef;

export type Attributes = Readonly<Record<string, unknown>>;
