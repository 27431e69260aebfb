/**
 * The contract of an operator. One entry says what the operator computes and how a gradient goes back through it; its
 * attributes are the destructured parameters with the specification's defaults (https://onnx.ai/onnx/operators/).
 *
 * A value is a tensor of floats on the device, or an NDArray on the host: constants, integer inputs, shapes, and all that
 * follows from these alone. Host values never reach the device unless an operator mixes them with a tensor.
 *
 * Images, [N, C, ...], are laid out channels last, [N, ..., C], inside. `layout.ts` decides that once for the whole graph
 * and adapts nodes, so an entry only declares how it stands to layouts and never asks at run time.
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NDArray, Node } from "../graph";

/** What a rule sees of one call of a node. Shapes are those of the layout. Tensors made inside are freed by the caller. */
export interface Call<A> {
  /** Inputs; an omitted one, and one that is listed in `host`, is undefined. */
  readonly x: readonly Tensor[];
  /** Inputs that the entry lists in `host`, by index. */
  readonly host: readonly (NDArray | undefined)[];
  /** Outputs; only for `vjp`. */
  readonly y: readonly Tensor[];
  readonly attrs: A;
  /** How many outputs the node has. */
  readonly outputs: number;
  /** The ATen operator the node was exported from ("aten.relu6.default"), "" if unknown: it decides some subgradients. */
  readonly aten: string;
  /** A tensor that depends on constants only: made once, freed with the model. */
  derived(key: string, make: () => Tensor): Tensor;
}

export interface HostCall<A> {
  /** Inputs; an omitted one is undefined. */
  readonly x: readonly NDArray[];
  readonly attrs: A;
  readonly outputs: number;
}

export type Layout =
  /** Input 0 and the first output are images, channels last; other inputs are parameters. */
  | "image"
  /** Inputs are broadcast against each other; any layout will do as long as it is the same for all. */
  | "pointwise"
  /** Counts axes. */
  | AxisLayout
  /** Needs ONNX's own order. */
  | "plain";

export interface AxisLayout {
  /** Inputs that have the axes; all that are not in `host` if not given. */
  inputs?: readonly number[];
  /** The node for inputs that lie channels last, or null where there is none; then the inputs are put back. */
  adapt(node: Node, axes: ImageAxes): Adapted | null;
}

export interface Adapted {
  node: Node;
  /** Whether the outputs lie channels last again; else they are in ONNX's order. */
  image: boolean;
}

export interface ImageAxes {
  readonly rank: number;
  /** Where an axis of [N, C, ...] (negative counts from the end) lies in [N, ..., C]. */
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
  /** Inputs that are read as numbers on the host (shapes, axes, indices); others are tensors. */
  readonly host?: readonly number[];
  /** Only the shapes of its inputs matter; their numbers are not read. */
  readonly shapeOnly?: boolean;
  /** Input that is a kernel [O, I, ...k]; it comes as [...k, I, O]. */
  readonly kernel?: number;
  /** Why these attributes cannot be computed, checked when the model is loaded; undefined if they can. */
  unsupported?(attrs: A, shapes: readonly (readonly (number | null)[] | undefined)[]): string | undefined;
  /** The same on the host, called where all inputs are there. Integers stay exact. */
  fold?(call: HostCall<A>): NDArray | readonly NDArray[];
  /** Absent where the work is always the host's: tensors are then read back for `fold`. */
  forward?(call: Call<A>): Tensor | readonly Tensor[];
  /** One thunk per input, so that only wanted gradients are computed; absent where nothing flows back. `dy` has all outputs; undefined for one that nothing depends on. */
  vjp?(dy: readonly Tensor[], call: Call<A>): readonly ((() => Tensor) | undefined)[];
}

export type Table = Readonly<Record<string, readonly OpDef[]>>;

/** Types the attributes of an entry; the table itself forgets them. */
export const op = <A>(def: OpDef<A>): OpDef => def as OpDef;

export type Attributes = Readonly<Record<string, unknown>>;
