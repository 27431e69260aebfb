/** Convolution of images [N, ...S, C] with kernels [...k, I/group, O]; 1-D and 3-D are done by 2-D convolutions. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { tap } from "./phases";
import { transpose, unstack } from "./rearrange";
import { padImage, range, type Axis } from "./window";

export type Activation = "relu" | "relu6";

/** Keeps what is made from a kernel, under a name. */
export type Derive = (key: string, make: () => Tensor) => Tensor;

export interface Kernel {
  w: Tensor;
  group: number;
  derive: Derive;
}

export type Plane = readonly [Axis, Axis];

/** What follows a convolution. */
interface Tail {
  bias?: Tensor1D;
  activation?: Activation;
}

const TRIVIAL: Axis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, declaredAfter: 0, length: 1, out: 1 };

/** Two spatial axes; one gets another of length 1 before it. */
export const planeOf = (axes: readonly Axis[]): Plane => (axes.length === 1 ? [TRIVIAL, axes[0]] : [axes[0], axes[1]]);
export const asPlane = (x: Tensor): Tensor4D => (x.rank === 3 ? tf.expandDims(x, 1) : x) as Tensor4D;
/** The kernel of {@link planeOf}. */
export const flat = (kernel: Kernel): Kernel =>
  kernel.w.rank === 3 ? { ...kernel, w: tf.expandDims(kernel.w, 0) } : kernel;
/** [N, D, H, W, C] -> [N·D, H, W, C] */
export const planes = (x: Tensor): Tensor4D =>
  tf.reshape(x, [-1, ...x.shape.slice(2)] as [number, number, number, number]);
/** Other axes, made from these. */
export const planar = (axes: Plane, f: (axis: Axis, i: number) => Axis): Plane => [f(axes[0], 0), f(axes[1], 1)];
export const pairs = (axes: readonly Axis[], f: (axis: Axis) => number) => axes.map(f) as [number, number];

/** Each channel has filters of its own. */
export const isDepthwise = ({ w, group }: Kernel): boolean => group > 1 && w.shape[w.rank - 2] === 1;

export const planeKernel = ({ w, group, derive }: Kernel, k: number): Kernel => ({
  group,
  w: derive(`depth ${k}`, () => tf.squeeze(tf.slice(w, [k], [1]), [0])),
  derive: (key, make) => derive(`depth ${k} ${key}`, make),
});

export function convolve(x: Tensor, kernel: Kernel, axes: readonly Axis[], tail: Tail = {}): Tensor {
  if (axes.length !== 3) {
    const y = convolvePlane(asPlane(x), flat(kernel), planeOf(axes), tail);
    return axes.length === 1 ? tf.squeeze(y, [1]) : y;
  }
  const [depth, ...plane] = axes;
  const y = range(depth.kernel)
    .map((k) =>
      convolvePlane(planes(tap(x, 1, depth, k)), planeKernel(kernel, k), planeOf(plane), k ? {} : { bias: tail.bias }),
    )
    .reduce((sum, slice) => tf.add(sum, slice) as Tensor4D);
  const shaped = tf.reshape(y, [x.shape[0], depth.out, ...y.shape.slice(1)]);
  return tail.activation ? tf[tail.activation](shaped) : shaped;
}

export function convolvePlane(x: Tensor4D, kernel: Kernel, axes: Plane, tail: Tail = {}): Tensor4D {
  if (axes.some(({ before, after }) => before < 0 || after < 0)) {
    const cropped = padImage(x, axes.map(({ before, after }) => [Math.min(before, 0), Math.min(after, 0)])); // prettier-ignore
    const rest = planar(axes, (axis) => ({
      ...axis,
      before: Math.max(axis.before, 0),
      after: Math.max(axis.after, 0),
    }));
    return convolvePlane(cropped as Tensor4D, kernel, rest, tail);
  }
  // tfjs takes a stride or a dilation, not both.
  if (axes.some(({ dilation }) => dilation > 1) && axes.some(({ stride }) => stride > 1))
    return convolvePlane(x, dilated(kernel, axes), planar(axes, undilated), tail);
  if (isDepthwise(kernel)) return depthwise(x, kernel, axes, tail);
  if (kernel.group > 1) return grouped(x, kernel, axes, tail);
  return tf.fused.conv2d({ x, filter: kernel.w as Tensor4D, ...tail, ...common(axes) });
}

const common = (axes: Plane) => ({
  strides: pairs(axes, ({ stride }) => stride),
  dilations: pairs(axes, ({ dilation }) => dilation),
  pad: [[0, 0], ...axes.map(({ before, after }) => [before, after]), [0, 0]] as [
    [number, number],
    [number, number],
    [number, number],
    [number, number],
  ],
  dataFormat: "NHWC" as const,
});

/** No backend has grouped convolution. */
function grouped(x: Tensor4D, { w, group, derive }: Kernel, axes: Plane, { bias, activation }: Tail): Tensor4D {
  const [n, , , channels] = x.shape;
  const filters = range(group).map((i) => derive(`group ${i}`, () => groupOf(w, i, group)) as Tensor4D);
  const first = transpose(tf.reshape(x, [-1, group, channels / group]), [1, 0, 2]);
  const parts = unstack(tf.reshape(first, [group, ...x.shape.slice(0, 3), channels / group])) as Tensor4D[];
  const done = tf.stack(parts.map((part, i) => tf.fused.conv2d({ x: part, filter: filters[i], ...common(axes) })));
  const size = w.shape[3]!;
  const y = transpose(tf.reshape(done, [group, -1, size / group]), [1, 0, 2]);
  const shaped = tf.reshape(y, [n, axes[0].out, axes[1].out, size]) as Tensor4D;
  const biased = bias ? tf.add(shaped, bias) : shaped;
  return (activation ? tf[activation](biased) : biased) as Tensor4D;
}

/** Filters of the i-th group: the last axis counts outputs. */
function groupOf(w: Tensor, i: number, group: number): Tensor {
  const size = w.shape[3]! / group;
  return tf.slice(w, [0, 0, 0, i * size], [-1, -1, -1, size]);
}

/** Windows for which XNNPACK has a kernel of its own; the others take ten times as long. */
const FAST: readonly (readonly [number, number])[] = [
  [1, 1], [1, 3], [3, 1], [2, 2], [1, 4], [4, 1], [3, 3], [1, 9], [9, 1], [5, 5],
]; // prettier-ignore

/** Taps of a window of 7 as three dilated windows of 3; the middle one counts in the first only. */
const SEVEN = [3, 2, 1].map((dilation) => ({ dilation, taps: [3 - dilation, 3, 3 + dilation] }));

function depthwise(x: Tensor4D, kernel: Kernel, axes: Plane, tail: Tail): Tensor4D {
  const { w, group } = kernel;
  const [kh, kw, , o] = w.shape as [number, number, number, number];
  if (tf.getBackend() === "wasm" && !FAST.some(([h, v]) => h === kh && v === kw)) {
    if (axes.every(({ kernel: k, stride, dilation }) => k === 7 && stride === 1 && dilation === 1))
      return bySmallWindows(x, kernel, axes, tail);
    const [larger] = FAST.filter(([h, v]) => h >= kh && v >= kw).sort((a, b) => a[0] * a[1] - b[0] * b[1]);
    const wider = () => planar(axes, (axis, i) => reaching(axis, larger[i]));
    if (larger) return depthwise(x, enlarged(kernel, larger), wider(), tail);
  }
  const { pad, ...rest } = common(axes);
  const filter = kernel.derive("depthwise", () => tf.reshape(w, [kh, kw, group, o / group])) as Tensor4D;
  // Its declared type of `pad` is narrower than what it takes.
  return tf.fused.depthwiseConv2d({ x, filter, ...tail, ...rest, pad: pad as unknown as number });
}

/** With zeros after its taps. */
const enlarged = ({ w, group, derive }: Kernel, [h, v]: readonly [number, number]): Kernel => ({
  group,
  w: derive("enlarged", () => tf.pad(w, [[0, h - w.shape[0]], [0, v - w.shape[1]!], [0, 0], [0, 0]])), // prettier-ignore
  derive: (key, make) => derive(`enlarged ${key}`, make),
});

const reaching = (axis: Axis, kernel: number): Axis => ({
  ...axis,
  kernel,
  after: axis.after + (kernel - axis.kernel) * axis.dilation,
});

function bySmallWindows(x: Tensor4D, { w, group, derive }: Kernel, axes: Plane, { bias, activation }: Tail): Tensor4D {
  const sum = SEVEN.flatMap((rows) => SEVEN.map((columns) => [rows, columns] as const))
    .map((windows, at) => {
      const part: Kernel = {
        group,
        w: derive(`small ${at}`, () => windows.reduce((t, { taps, dilation }, i) => tf.gather(masked(t, i, dilation), taps, i), w)), // prettier-ignore
        derive: (key, make) => derive(`small ${at} ${key}`, make),
      };
      const plane = planar(axes, (axis, i) => {
        const { dilation, taps } = windows[i];
        return { ...axis, kernel: 3, dilation, before: axis.before - taps[0], after: axis.after - taps[0] };
      });
      return convolvePlane(x, part, plane, at ? {} : { bias });
    })
    .reduce((a, b) => tf.add(a, b) as Tensor4D);
  return activation ? tf[activation](sum) : sum;
}

/** Without the middle tap in all but the widest window. */
function masked(w: Tensor, axis: number, dilation: number): Tensor {
  if (dilation === SEVEN[0].dilation) return w;
  const kept = range(7).map((tap) => Number(tap !== 3));
  return tf.mul(w, tf.tensor(kept, axis ? [1, 7, 1, 1] : [7, 1, 1, 1]));
}

export const undilated = (axis: Axis): Axis => ({
  ...axis,
  kernel: axis.dilation * (axis.kernel - 1) + 1,
  dilation: 1,
});

/** With zeros between the taps. */
export const dilated = ({ w, group, derive }: Kernel, axes: Plane): Kernel => ({
  group,
  w: derive("dilated", () => {
    const [, , i, o] = w.shape as [number, number, number, number];
    const size = axes.map((axis) => undilated(axis).kernel);
    const spread = new Float32Array(sizeOf(size) * i * o);
    const taps = unstack(tf.reshape(w, [-1, i * o])).map((t) => t.dataSync());
    taps.forEach((tap, at) => {
      const [u, v] = [Math.floor(at / axes[1].kernel) * axes[0].dilation, (at % axes[1].kernel) * axes[1].dilation];
      spread.set(tap, (u * size[1] + v) * i * o);
    });
    return tf.tensor(spread, [...size, i, o]);
  }),
  derive: (key, make) => derive(`dilated ${key}`, make),
});
