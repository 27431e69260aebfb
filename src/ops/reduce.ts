/** Operators that work along axes. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { integers, sizeOf, type NDArray } from "../graph";
import { mean, quotient, spread, sum } from "./broadcast";
import { arrayOf, empty, numbersOf, positive, transposed } from "./host";
import { op, type AxisLayout, type Call, type HostCall, type OpDef, type Table } from "./op";
import { reverse, transpose } from "./rearrange";
import { range } from "./window";

interface AxisAttrs {
  axis?: number;
}

/** Renames the attribute `axis`, which is `otherwise` where it is not given. */
export const axisLayout = (otherwise: number): AxisLayout => ({
  adapt: (node, { map }) => ({
    node: { ...node, attrs: { ...node.attrs, axis: map((node.attrs.axis as number | undefined) ?? otherwise) } },
    image: true,
  }),
});

/** Applies `along` to the last axis, where tfjs wants it. */
export function onLastAxis(x: Tensor, axis: number, along: (x: Tensor) => Tensor): Tensor {
  const at = positive(axis, x.rank);
  if (at === x.rank - 1) return along(x);
  const swap = x.shape.map((_, i) => (i === at ? x.rank - 1 : i === x.rank - 1 ? at : i));
  return transpose(along(transpose(x, swap)), swap);
}

interface ReduceAttrs {
  axes?: number[];
  keepdims?: number;
  noop_with_empty_axes?: number;
}

/** Axes to reduce (an attribute up to opset 17, then an input), or null for "none at all". */
function axesOf(attrs: ReduceAttrs, given: NDArray | undefined, rank: number): number[] | null {
  const axes = attrs.axes ?? (given && integers(given));
  if (axes?.length) return axes.map((a) => positive(a, rank));
  return attrs.noop_with_empty_axes ? null : range(rank);
}

/** Reduced images stay images with keepdims; without, what is left must come out in ONNX's order. */
const reduceLayout: AxisLayout = {
  adapt: (node, { rank, map, ints, constant }) => {
    const axes = (node.attrs.axes as number[] | undefined) ?? (node.inputs[1] ? ints(node.inputs[1]) : []);
    if (!axes?.length) return null;
    const mapped = axes.map(map);
    const image = node.attrs.keepdims !== 0;
    const left = range(rank)
      .map(map)
      .filter((axis) => !mapped.includes(axis));
    if (!image && left.some((axis, i) => i > 0 && axis < left[i - 1])) return null;
    const adapted = node.attrs.axes
      ? { ...node, attrs: { ...node.attrs, axes: mapped } }
      : { ...node, inputs: [node.inputs[0], constant(mapped)] };
    return { node: adapted, image };
  },
};

/** Shape with 1 for every reduced axis. */
const keptShape = (shape: readonly number[], axes: readonly number[]) => shape.map((d, i) => (axes.includes(i) ? 1 : d)); // prettier-ignore
const shapeOf = (shape: readonly number[], axes: readonly number[], keepdims: number | undefined) =>
  keepdims === 0 ? shape.filter((_, i) => !axes.includes(i)) : keptShape(shape, axes);

/** Each run of values along the axes -> one value. */
function foldAlong(x: NDArray, axes: readonly number[], f: (values: ArrayLike<number>) => number): number[] {
  const rest = range(x.shape.length).filter((i) => !axes.includes(i));
  const lined = numbersOf(transposed(x, [...rest, ...axes]));
  const run = sizeOf(axes.map((a) => x.shape[a]));
  return range(sizeOf(rest.map((a) => x.shape[a]))).map((i) => f(lined.subarray(i * run, (i + 1) * run)));
}

interface Reduction {
  fold: (values: ArrayLike<number>) => number;
  forward: (x: Tensor, axes: number[], keepdims: boolean) => Tensor;
  /** `dy` and `y` have their reduced axes kept. */
  vjp: (dy: Tensor, x: Tensor, y: Tensor, axes: number[], aten: string) => Tensor;
  affine?: boolean;
}

const reduction = (since: number, { fold, forward, vjp, affine }: Reduction): OpDef =>
  op<ReduceAttrs>({
    since,
    layout: reduceLayout,
    affine,
    host: [1],
    fold: ({ x: [x, given], attrs }) => {
      // Without axes each value is a run of its own.
      const axes = axesOf(attrs, given, x.shape.length);
      const result = empty(x.dtype, axes ? shapeOf(x.shape, axes, attrs.keepdims) : x.shape);
      result.data.set(foldAlong(x, axes ?? [], fold));
      return result;
    },
    forward: ({ x: [x], host: [, given], attrs }) => {
      const axes = axesOf(attrs, given, x.rank) ?? [];
      // tfjs' WASM kernels leave the result of an empty sum as they found it.
      if (!x.size) return tf.fill(shapeOf(x.shape, axes, attrs.keepdims), fold([]));
      return forward(x, axes, attrs.keepdims !== 0);
    },
    vjp: ([dy], { x: [x], y: [y], host: [, given], attrs, aten }) => [
      () => {
        const axes = axesOf(attrs, given, x.rank) ?? [];
        const kept = keptShape(x.shape, axes);
        return vjp(tf.reshape(dy, kept), x, tf.reshape(y, kept), axes, aten);
      },
    ],
  });

const count = (x: Tensor, axes: readonly number[]): number => sizeOf(axes.map((a) => x.shape[a]));
const total = (values: ArrayLike<number>): number => Array.prototype.reduce.call(values, (a, b) => (a as number) + (b as number), 0) as number; // prettier-ignore
const withAxes =
  (kernel: (x: Tensor, axes: number[], keepdims: boolean) => Tensor) =>
  (x: Tensor, axes: number[], keepdims: boolean): Tensor =>
    axes.length ? kernel(x, axes, keepdims) : x.clone();

/** Of several equal extremes torch's amax lets each have its share; max over one dimension and pools take the first. */
function toExtremes(dy: Tensor, x: Tensor, y: Tensor, axes: number[], aten: string): Tensor {
  const hits = tf.cast(tf.equal(x, y), "float32");
  if (!/^aten\.(max|min)\.dim|pool/.test(aten)) return tf.mul(tf.div(dy, sum(hits, axes, true)), hits);
  return tf.mul(dy, tf.mul(hits, alongLast(hits, axes, (t) => tf.cast(tf.equal(tf.cumsum(t, t.rank - 1, true), 0), "float32")))); // prettier-ignore
}

/** Applies `f` with all `axes` as one last axis. */
function alongLast(x: Tensor, axes: readonly number[], f: (x: Tensor) => Tensor): Tensor {
  const rest = range(x.rank).filter((i) => !axes.includes(i));
  const perm = [...rest, ...axes];
  const turned = transpose(x, perm);
  const lined = f(tf.reshape(turned, [...rest.map((i) => x.shape[i]), count(x, axes)]));
  return transpose(tf.reshape(lined, turned.shape), perm.map((_, i) => perm.indexOf(i))); // prettier-ignore
}

/** The product of all others, also where one of them is zero. */
const othersProduct = (x: Tensor, axes: readonly number[]): Tensor =>
  alongLast(x, axes, (t) => tf.mul(tf.cumprod(t, t.rank - 1, true), tf.cumprod(t, t.rank - 1, true, true)));

const REDUCTIONS: Table = {
  ReduceSum: [reduction(11, { affine: true, fold: total, forward: sum, vjp: (dy, x) => spread(dy, x.shape) })],
  ReduceMean: [
    reduction(11, {
      affine: true,
      fold: (values) => total(values) / values.length,
      forward: mean,
      vjp: (dy, x, _, axes) => spread(tf.div(dy, count(x, axes)), x.shape),
    }),
  ],
  ReduceMax: [
    reduction(11, {
      fold: (values) => Math.max(...Array.from(values)),
      forward: withAxes(tf.max),
      vjp: toExtremes,
    }),
  ],
  ReduceMin: [
    reduction(11, {
      fold: (values) => Math.min(...Array.from(values)),
      forward: withAxes(tf.min),
      vjp: toExtremes,
    }),
  ],
  ReduceProd: [
    reduction(11, {
      fold: (values) => Array.from(values).reduce((a, b) => a * b, 1),
      forward: withAxes(tf.prod),
      vjp: (dy, x, _, axes) => tf.mul(dy, othersProduct(x, axes)),
    }),
  ],
  ReduceL1: [
    reduction(11, {
      fold: (values) => total(Array.from(values, Math.abs)),
      forward: (x, axes, keepdims) => sum(tf.abs(x), axes, keepdims),
      vjp: (dy, x) => tf.mul(dy, tf.sign(x)),
    }),
  ],
  ReduceL2: [
    reduction(11, {
      fold: (values) => Math.sqrt(total(Array.from(values, (v) => v * v))),
      forward: (x, axes, keepdims) => tf.sqrt(sum(tf.mul(x, x), axes, keepdims)),
      vjp: (dy, x, y) => tf.mul(dy, quotient(x, y)),
    }),
  ],
  ReduceSumSquare: [
    reduction(11, {
      fold: (values) => total(Array.from(values, (v) => v * v)),
      forward: (x, axes, keepdims) => sum(tf.mul(x, x), axes, keepdims),
      vjp: (dy, x) => tf.mul(tf.mul(dy, 2), x),
    }),
  ],
  ReduceLogSum: [
    reduction(11, {
      fold: (values) => Math.log(total(values)),
      forward: (x, axes, keepdims) => tf.log(sum(x, axes, keepdims)),
      vjp: (dy, x, y) => spread(tf.mul(dy, tf.exp(tf.neg(y))), x.shape),
    }),
  ],
  ReduceLogSumExp: [
    reduction(11, {
      fold: (values) => Math.log(total(Array.from(values, Math.exp))),
      forward: withAxes(tf.logSumExp),
      vjp: (dy, x, y) => tf.mul(dy, tf.exp(tf.sub(x, y))),
    }),
  ],
};

interface ArgAttrs extends AxisAttrs {
  keepdims?: number;
  select_last_index?: number;
}

/** The index of the extreme value; nothing flows back. */
const argExtreme = (better: (a: number, b: number) => boolean, kernel: (x: Tensor, axis: number) => Tensor): OpDef =>
  op<ArgAttrs>({
    since: 13,
    layout: "plain",
    fold: ({ x: [x], attrs: { axis = 0, keepdims = 1, select_last_index = 0 } }) => {
      const at = positive(axis, x.shape.length);
      const best = (values: ArrayLike<number>) =>
        range(values.length).reduce((b, i) =>
          better(values[i], values[b]) || (select_last_index && values[i] === values[b]) ? i : b,
        );
      return arrayOf("int64", foldAlong(x, [at], best), shapeOf(x.shape, [at], keepdims));
    },
    forward: ({ x: [x], attrs: { axis = 0, keepdims = 1, select_last_index = 0 } }) => {
      const at = positive(axis, x.rank);
      const found = select_last_index
        ? tf.sub(tf.scalar(x.shape[at] - 1, "int32"), kernel(reverse(x, at), at))
        : kernel(x, at);
      return keepdims ? tf.expandDims(found, at) : found;
    },
  });

interface CumSumAttrs {
  exclusive?: number;
  reverse?: number;
}

function foldCumSum({ x: [x, axis], attrs: { exclusive, reverse } }: HostCall<CumSumAttrs>): NDArray {
  const at = positive(integers(axis)[0], x.shape.length);
  const [length, inner] = [x.shape[at], sizeOf(x.shape.slice(at + 1))];
  const source = numbersOf(x);
  const result = empty(x.dtype, x.shape);
  for (let start = 0; start < source.length; start += length * inner) {
    for (let k = 0; k < inner; k++) {
      for (let i = 0, total = 0; i < length; i++) {
        const place = start + (reverse ? length - 1 - i : i) * inner + k;
        result.data[place] = exclusive ? total : total + source[place];
        total += source[place];
      }
    }
  }
  return result;
}

const cumSum = (
  x: Tensor,
  { host: [, axis], attrs: { exclusive, reverse } }: Call<CumSumAttrs>,
  back: boolean,
): Tensor => tf.cumsum(x, positive(integers(axis!)[0], x.rank), !!exclusive, !!reverse !== back);

const softmaxSlope = (dy: Tensor, y: Tensor, axis: number): Tensor =>
  tf.mul(y, tf.sub(dy, tf.sum(tf.mul(dy, y), axis, true)));

export const REDUCE: Table = {
  ...REDUCTIONS,
  ArgMax: [argExtreme((a, b) => a > b, tf.argMax)],
  ArgMin: [argExtreme((a, b) => a < b, tf.argMin)],
  CumSum: [
    op<CumSumAttrs>({
      since: 11,
      layout: "plain",
      affine: true,
      host: [1],
      fold: foldCumSum,
      forward: (call) => cumSum(call.x[0], call, false),
      vjp: ([dy], call) => [() => cumSum(dy, call, true)],
    }),
  ],
  Softmax: [
    op<AxisAttrs>({
      since: 13,
      layout: axisLayout(-1),
      forward: ({ x: [x], attrs: { axis = -1 } }) => onLastAxis(x, axis, (t) => tf.softmax(t)),
      vjp: ([dy], { y: [y], attrs: { axis = -1 } }) => [() => softmaxSlope(dy, y, axis)],
    }),
  ],
  LogSoftmax: [
    op<AxisAttrs>({
      since: 13,
      layout: axisLayout(-1),
      forward: ({ x: [x], attrs: { axis = -1 } }) => onLastAxis(x, axis, (t) => tf.logSoftmax(t)),
      vjp: ([dy], { y: [y], attrs: { axis = -1 } }) => [() => tf.sub(dy, tf.mul(tf.exp(y), tf.sum(dy, axis, true)))],
    }),
  ],
};
