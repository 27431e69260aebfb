/** torch.nn.functional.interpolate without aligned corners, for [N, C, ...] on the device. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";

/** "bilinear" stands for linear in any number of dimensions. */
export type Interpolation = "nearest" | "bilinear";

/** The last `sizes.length` dimensions of `x` get `sizes`. Along each one it is a product with a matrix. */
export function interpolate(x: Tensor, sizes: readonly number[], mode: Interpolation): Tensor {
  const first = x.rank - sizes.length;
  return sizes.reduce((y, size, i) => alongAxis(y, first + i, matrix(y.shape[first + i], size, mode)), x);
}

/** Multiplies along one axis with a matrix [out, in], row by row. */
export function alongAxis(x: Tensor, axis: number, { data, size }: { data: Float32Array; size: number }): Tensor {
  const n = x.shape[axis];
  const [outer, inner] = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis + 1))];
  const shape = x.shape.map((d, i) => (i === axis ? size : d));
  const m = tf.tensor2d(data, [size, n]);
  if (inner === 1) return tf.reshape(tf.matMul(tf.reshape(x, [outer, n]), m, false, true), shape);
  return tf.reshape(tf.matMul(tf.reshape(m, [1, size, n]), tf.reshape(x, [outer, n, inner])), shape);
}

function matrix(n: number, size: number, mode: Interpolation): { data: Float32Array; size: number } {
  const data = new Float32Array(size * n);
  // As float32, like torch's: rounding decides which of two neighbours is nearest.
  const scale = Math.fround(n / size);
  for (let i = 0; i < size; i++) {
    if (mode === "nearest") {
      data[i * n + Math.min(n - 1, Math.floor(Math.fround(i * scale)))] = 1;
      continue;
    }
    const at = Math.max(0, scale * (i + 0.5) - 0.5);
    const left = Math.min(n - 1, Math.floor(at));
    data[i * n + left] += 1 - (at - left);
    data[i * n + Math.min(n - 1, left + 1)] += at - left;
  }
  return { data, size };
}
