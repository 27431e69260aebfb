/** Pooling on images [N, ...S, C]. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { choose, mean, spread } from "./broadcast";
import { convolve, type Kernel } from "./convolution";
import { channelLayout, spatialAxes, type ChannelAttrs } from "./norm";
import { op, type Call, type Table } from "./op";
import { tap, tapsOf, untap } from "./phases";
import { inputGradient } from "./transposed";
import { axesOf, padImage, range, type Axis, type WindowAttrs } from "./window";

interface AverageAttrs extends WindowAttrs {
  count_include_pad?: number;
}

interface MaxAttrs extends WindowAttrs {
  storage_order?: number;
}

/** The largest value in each window; windows are taken apart into their axes where no kernel does them at once. */
function maximum(x: Tensor, axes: readonly Axis[]): Tensor {
  const plane = axes.slice(-2);
  const isPlain = axes.length > 1 && plane.every(({ dilation }) => dilation === 1);
  if (!isPlain) return axes.reduce((t, axis, i) => maximumAlong(t, i + 1, axis), x);
  const images = tf.reshape(x, [-1, ...x.shape.slice(-3)]);
  const padded = padImage(images, plane.map(({ before, after }) => [before, after] as const), -Infinity); // prettier-ignore
  const y = tf.maxPool(
    padded as Tensor4D,
    plane.map(({ kernel }) => kernel) as [number, number],
    plane.map(({ stride }) => stride) as [number, number],
    "valid",
  );
  const pooled = tf.reshape(y, [...x.shape.slice(0, -3), ...y.shape.slice(1)]);
  return axes.length === 3 ? maximumAlong(pooled, 1, axes[0]) : pooled;
}

const maximumAlong = (x: Tensor, at: number, axis: Axis): Tensor =>
  range(axis.kernel)
    .map((k) => tap(x, at, axis, k, -Infinity))
    .reduce((a, b) => tf.maximum(a, b));

/**
 * Puts `values` [N, ...out, C] back to where `y = maxpool(x)` took its maxima from, the first one in a window where several
 * are equal, as torch does. Windows that share a maximum add up, or with `assign` the last window wins (torch's max_unpool).
 */
export function maxUnpool(values: Tensor, x: Tensor, y: Tensor, attrs: WindowAttrs, assign = false): Tensor {
  const axes = axesOf(attrs, x.shape);
  if (tf.getBackend() === "webgl") return unpoolByTaps(values, x, y, axes, assign);
  // Where tensors lie in main memory one loop beats tfjs' kernels.
  const source = values.dataSync();
  const result = new Float32Array(x.size);
  firstMaxima(x, y, axes, (place, at) => {
    if (assign) result[place] = source[at];
    else result[place] += source[at];
  });
  return tf.tensor(result, x.shape);
}

/** Calls `visit` with the place in x, and that in y, of every window's first maximum. */
function firstMaxima(x: Tensor, y: Tensor, axes: readonly Axis[], visit: (place: number, at: number) => void): void {
  const [from, top] = [x.dataSync(), y.dataSync()];
  const unit: Axis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, declaredAfter: 0, length: 1, out: 1 };
  const [d, h, w] = [...Array<Axis>(3 - axes.length).fill(unit), ...axes];
  const c = x.shape[x.rank - 1] as number;
  /** Positions in the image that a window starting at `start` sees along an axis. */
  const seen = ({ kernel, stride, dilation, before, length }: Axis, window: number): [number, number] => {
    const start = window * stride - before;
    const first = start < 0 ? start + Math.ceil(-start / dilation) * dilation : start;
    return [first, Math.min(length, start + (kernel - 1) * dilation + 1)];
  };
  let at = 0;
  for (let b = 0; b < x.shape[0]; b++) {
    for (let od = 0; od < d.out; od++) {
      const [d0, d1] = seen(d, od);
      for (let oh = 0; oh < h.out; oh++) {
        const [h0, h1] = seen(h, oh);
        for (let ow = 0; ow < w.out; ow++) {
          const [w0, w1] = seen(w, ow);
          for (let k = 0; k < c; k++, at++) {
            const value = top[at];
            search: for (let i = d0; i < d1; i += d.dilation) {
              for (let j = h0; j < h1; j += h.dilation) {
                const row = ((b * d.length + i) * h.length + j) * w.length;
                for (let l = w0; l < w1; l += w.dilation) {
                  const place = (row + l) * c + k;
                  if (from[place] === value) {
                    visit(place, at);
                    break search;
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

/** The same with tensor operations only: nothing is read back from the GPU. */
function unpoolByTaps(values: Tensor, x: Tensor, y: Tensor, axes: readonly Axis[], assign: boolean): Tensor {
  const zeros = tf.zerosLike(values);
  let free: Tensor = tf.onesLike(tf.equal(y, y));
  const hits = tapsOf(axes).map((ks) => {
    const seen = axes.reduce((t, axis, i) => tap(t, i + 1, axis, ks[i], -Infinity), x);
    const hit = tf.logicalAnd(tf.equal(seen, y), free);
    free = tf.logicalAnd(free, tf.logicalNot(hit));
    return { ks, hit };
  });
  const place = (t: Tensor, ks: number[]) => axes.reduceRight((u, axis, i) => untap(u, i + 1, axis, ks[i]), t);
  let result: Tensor = tf.zerosLike(x);
  // A later window reads a pixel by an earlier tap, so for `assign` the taps are taken backwards and overwrite.
  for (const { ks, hit } of assign ? hits.reverse() : hits) {
    const spread = place(choose(hit, values, zeros), ks);
    result = assign
      ? choose(tf.greater(place(tf.cast(hit, "float32"), ks), 0), spread, result)
      : tf.add(result, spread);
  }
  return result;
}

/** Flat positions in ONNX's own order [N, C, ...S]; with `storage_order` the last two spatial axes are exchanged. */
function indices(x: Tensor, y: Tensor, axes: readonly Axis[], storage_order: number): Tensor {
  const [lengths, c] = [axes.map(({ length }) => length), x.shape[x.rank - 1] as number];
  const order = range(axes.length);
  if (storage_order) order.reverse();
  const result = new Int32Array(y.size);
  const size = sizeOf(lengths);
  firstMaxima(x, y, axes, (place, at) => {
    const [channel, pixel] = [place % c, Math.floor(place / c)];
    const [n, inside] = [Math.floor(pixel / size), pixel % size];
    const index = lengths.map((d, i) => Math.floor(inside / sizeOf(lengths.slice(i + 1))) % d);
    const flat = order.reduce((sum, i) => sum * lengths[i] + index[i], 0);
    result[at] = (n * c + channel) * size + flat;
  });
  return tf.tensor(result, y.shape, "int32");
}

/** A window of ones for each channel: averaging is a convolution. */
function window(call: Call<AverageAttrs>): Kernel {
  const group = call.x[0].shape[call.x[0].rank - 1] as number;
  const shape = [...call.attrs.kernel_shape!, 1, group];
  return { w: call.derived(`ones ${shape}`, () => tf.ones(shape)), group, derive: call.derived };
}

/** How many real or, if counted, padded pixels each window averages: [1, ...out, 1]. */
function counts(call: Call<AverageAttrs>, axes: readonly Axis[]): Tensor {
  const { count_include_pad = 0 } = call.attrs;
  const along = axes.map(({ kernel, stride, dilation, before, declaredAfter, length, out }) => {
    const [low, high] = count_include_pad ? [-before, length + declaredAfter] : [0, length];
    const inside = (place: number) => place >= low && place < high;
    return range(out).map((o) => range(kernel).filter((k) => inside(o * stride - before + k * dilation)).length);
  });
  const all = along.reduce((sums, axis) => sums.flatMap((a) => axis.map((b) => a * b)), [1]);
  return tf.tensor(all, [1, ...along.map((axis) => axis.length), 1]);
}

const whole = (x: Tensor): WindowAttrs => ({ kernel_shape: x.shape.slice(1, -1) });

const unsupportedRank = ({ kernel_shape = [] }: WindowAttrs): string | undefined =>
  kernel_shape.length < 1 || kernel_shape.length > 3
    ? `${kernel_shape.length}-D windows are not supported, only 1-D to 3-D`
    : undefined;

export const POOL: Table = {
  MaxPool: [
    op<MaxAttrs>({
      since: 12,
      layout: "image",
      unsupported: unsupportedRank,
      forward: ({ x: [x], attrs, outputs }) => {
        const axes = axesOf(attrs, x.shape);
        const y = maximum(x, axes);
        return outputs > 1 ? [y, indices(x, y, axes, attrs.storage_order ?? 0)] : y;
      },
      vjp: ([dy], { x: [x], y: [y], attrs }) => [() => maxUnpool(dy, x, y, attrs)],
    }),
  ],
  AveragePool: [
    op<AverageAttrs>({
      since: 11,
      layout: "image",
      affine: true,
      unsupported: unsupportedRank,
      forward: (call) => {
        const axes = axesOf(call.attrs, call.x[0].shape);
        return tf.div(convolve(call.x[0], window(call), axes), counts(call, axes));
      },
      vjp: ([dy], call) => [
        () => {
          const axes = axesOf(call.attrs, call.x[0].shape);
          return inputGradient(tf.div(dy, counts(call, axes)), window(call), axes);
        },
      ],
    }),
  ],
  GlobalAveragePool: [
    op<ChannelAttrs>({
      since: 1,
      layout: channelLayout,
      affine: true,
      forward: ({ x: [x], attrs }) => mean(x, spatialAxes(x.rank, attrs), true),
      vjp: ([dy], { x: [x] }) => [() => spread(tf.mul(dy, dy.size / x.size), x.shape)],
    }),
  ],
  GlobalMaxPool: [
    op({
      since: 1,
      layout: "image",
      forward: ({ x: [x] }) => maximum(x, axesOf(whole(x), x.shape)),
      vjp: ([dy], { x: [x], y: [y] }) => [() => maxUnpool(dy, x, y, whole(x))],
    }),
  ],
};
