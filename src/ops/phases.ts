/** Images taken apart by the taps of a window and by the phases of its stride: window arithmetic without inserted zeros. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { range, type Axis } from "./window";

const replaced = (shape: readonly number[], at: number, size: number): number[] =>
  shape.map((d, i) => (i === at ? size : d));

/** What tap `k` of each window along dimension `at` sees; `value` stands in the padding. The dimension becomes `axis.out`. */
export function tap(x: Tensor, at: number, axis: Axis, k: number, value = 0): Tensor {
  const { stride, dilation, before, out, length } = axis;
  const [outer, inner] = [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at + 1))];
  const first = k * dilation - before;
  const [begin, end] = [Math.max(0, first), Math.min(length, first + (out - 1) * stride + 1)];
  if (begin >= end) return tf.fill(replaced(x.shape, at, out), value);
  const rows = tf.slice(tf.reshape(x, [outer, length, inner]), [0, begin, 0], [outer, end - begin, inner]);
  const missing: [number, number] = [begin - first, first + out * stride - end];
  const padded = missing.some((m) => m) ? tf.pad(rows, [[0, 0], missing, [0, 0]], value) : rows;
  const every =
    stride === 1 ? padded : tf.slice(tf.reshape(padded, [outer, out, stride * inner]), [0, 0, 0], [outer, out, inner]);
  return tf.reshape(every, replaced(x.shape, at, out));
}

/** Puts values back to where {@link tap} took them from, zeros elsewhere. */
export function untap(y: Tensor, at: number, axis: Axis, k: number): Tensor {
  const { stride, dilation, before, out, length } = axis;
  const [outer, inner] = [sizeOf(y.shape.slice(0, at)), sizeOf(y.shape.slice(at + 1))];
  const first = k * dilation - before;
  const rows = tf.reshape(y, [outer, out, inner]);
  const spread =
    stride === 1
      ? rows
      : tf.reshape(tf.pad(rows, [[0, 0], [0, 0], [0, (stride - 1) * inner]]), [outer, out * stride, inner]); // prettier-ignore
  const [begin, end] = [Math.max(0, -first), Math.min(out * stride, length - first)];
  if (begin >= end) return tf.zeros(replaced(y.shape, at, length));
  const cut = tf.slice(spread, [0, begin, 0], [outer, end - begin, inner]);
  const padded = tf.pad(cut, [
    [0, 0],
    [Math.max(0, first), length - first - end],
    [0, 0],
  ]);
  return tf.reshape(padded, replaced(y.shape, at, length));
}

/** Every tap of a window, the last axis fastest. */
export const tapsOf = (axes: readonly Axis[]): number[][] =>
  axes.reduce<number[][]>((taps, { kernel }) => taps.flatMap((t) => range(kernel).map((k) => [...t, k])), [[]]);
