/** Operators that work along axes. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { integers, type Node } from "../graph";
import { op, type Call, type Layout, type OpDef, type Table } from "./op";

/** Renames the attribute `axis`. */
export const axisLayout: Layout = {
  adapt: (node, { map }) => ({
    node: { ...node, attrs: { ...node.attrs, axis: map((node.attrs.axis as number | undefined) ?? -1) } },
    image: true,
  }),
};

/** Applies `along` to the last axis, where tfjs wants it. */
function onLastAxis(x: Tensor, axis: number, along: (x: Tensor) => Tensor): Tensor {
  const at = axis < 0 ? axis + x.rank : axis;
  if (at === x.rank - 1) return along(x);
  const swap = x.shape.map((_, i) => (i === at ? x.rank - 1 : i === x.rank - 1 ? at : i));
  return tf.transpose(along(tf.transpose(x, swap)), swap);
}

interface AxisAttrs {
  axis?: number;
}

interface ReduceAttrs {
  axes?: number[];
  keepdims?: number;
  noop_with_empty_axes?: number;
}

/** Axes to reduce (an attribute up to opset 17, then an input), or null for "none at all". */
function axesOf({ attrs, constants }: Call<ReduceAttrs>, rank: number): number[] | null {
  const given = attrs.axes ?? (constants[1] && integers(constants[1]));
  if (given?.length) return given.map((a) => (a < 0 ? a + rank : a));
  return attrs.noop_with_empty_axes ? null : Array.from({ length: rank }, (_, i) => i);
}

/** Reduced images stay images with keepdims; without, what is left must come out in ONNX's order. */
const reduceLayout: Layout = {
  adapt: (node: Node, { map, ints, constant }) => {
    const axes = (node.attrs.axes as number[] | undefined) ?? (node.inputs[1] ? ints(node.inputs[1]) : []);
    if (!axes?.length) return null;
    const mapped = axes.map(map);
    const image = node.attrs.keepdims !== 0;
    const left = [0, 1, 2, 3].map(map).filter((axis) => !mapped.includes(axis));
    if (!image && left.some((axis, i) => i > 0 && axis < left[i - 1])) return null;
    const adapted = node.attrs.axes
      ? { ...node, attrs: { ...node.attrs, axes: mapped } }
      : { ...node, inputs: [node.inputs[0], constant(mapped)] };
    return { node: adapted, image };
  },
};

const mean: OpDef = op<ReduceAttrs>({
  since: 13,
  layout: reduceLayout,
  constants: [1],
  forward: (call) => {
    const [x] = call.x;
    const axes = axesOf(call, x.rank);
    return axes ? tf.mean(x, axes, call.attrs.keepdims !== 0) : x.clone();
  },
  vjp: (dy, call) => [
    () => {
      const [x] = call.x;
      const axes = axesOf(call, x.rank);
      if (!axes) return dy.clone();
      const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
      const count = axes.reduce((n, a) => n * x.shape[a], 1);
      return tf.mul(tf.reshape(dy, kept), tf.fill(x.shape, 1 / count));
    },
  ],
});

export const REDUCE: Table = {
  Softmax: [
    op<AxisAttrs>({
      since: 13,
      layout: axisLayout,
      forward: ({ x: [x], attrs: { axis = -1 } }) => onLastAxis(x, axis, (t) => tf.softmax(t)),
      vjp: (dy, { y: [y], attrs: { axis = -1 } }) => [() => tf.mul(y, tf.sub(dy, tf.sum(tf.mul(dy, y), axis, true)))],
    }),
  ],
  LogSoftmax: [
    op<AxisAttrs>({
      since: 13,
      layout: axisLayout,
      forward: ({ x: [x], attrs: { axis = -1 } }) => onLastAxis(x, axis, (t) => tf.logSoftmax(t)),
      vjp: (dy, { y: [y], attrs: { axis = -1 } }) => [() => tf.sub(dy, tf.mul(tf.exp(y), tf.sum(dy, axis, true)))],
    }),
  ],
  ReduceMean: [mean],
};
