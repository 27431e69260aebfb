/** Sums along axes and their opposite, each by the kernel that is fast on WASM. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { broadcastShapes } from "./host";

/** The mean along `axes`; without axes the tensor itself. */
export function mean(x: Tensor, axes: readonly number[], keepDims = false): Tensor {
  if (!axes.length) return x.clone();
  if (!isImage(x, axes)) return tf.mean(x, [...axes], keepDims);
  const y = tf.avgPool(x as Tensor4D, [x.shape[1]!, x.shape[2]!], 1, "valid");
  return keepDims ? y : tf.squeeze(y, [1, 2]);
}

/** The sum along `axes`; without axes the tensor itself. */
export function sum(x: Tensor, axes: readonly number[], keepDims = false): Tensor {
  if (!axes.length) return x.clone();
  if (!isImage(x, axes)) return tf.sum(x, [...axes], keepDims);
  return tf.mul(mean(x, axes, keepDims), sizeOf(x.shape.slice(1, 3)));
}

/** Whether these are rows and columns of [N, H, W, C]: a pool over all takes a quarter of the time. */
const isImage = (x: Tensor, axes: readonly number[]): boolean =>
  tf.getBackend() === "wasm" &&
  x.rank === 4 &&
  x.size > 0 &&
  x.dtype === "float32" &&
  axes.length === 2 &&
  axes.every((axis) => axis === 1 || axis === 2);

/** Broadcasts to a shape. A sum with zeros, because tfjs' tile takes 50 ns per value. */
export const spread = (x: Tensor, shape: readonly number[]): Tensor =>
  x.dtype === "bool" ? tf.broadcastTo(x, [...shape]) : tf.add(x, tf.zeros([...shape], x.dtype));

/** numpy.where. WebGL's own knows four dimensions at most. */
export function choose(condition: Tensor, yes: Tensor, no: Tensor): Tensor {
  if (Math.max(condition.rank, yes.rank, no.rank) <= 4) return tf.where(condition, yes, no);
  const shape = broadcastShapes(condition.shape, yes.shape, no.shape);
  const flat = (x: Tensor) => tf.reshape(sameShape(x.shape, shape) ? x : spread(x, shape), [-1]);
  return tf.reshape(tf.where(flat(condition), flat(yes), flat(no)), shape);
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** Sums a gradient over the axes along which `shape` was broadcast to it. */
export function unbroadcast(dy: Tensor, shape: readonly number[]): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const lead = dy.rank - shape.length;
  const axes = dy.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []));
  return tf.reshape(axes.length ? sum(dy, axes) : dy, [...shape]);
}

/** x / y, and 0 where y is 0. */
export const quotient = (x: Tensor, y: Tensor): Tensor => tf.div(x, tf.add(y, tf.cast(tf.equal(y, 0), "float32")));
