/** Convolutions on images [N, ...S, C]. Kernels come as [...k, I/group, O]; 1-D and 3-D are done by 2-D convolutions. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { op, type Call, type Table } from "./op";
import { interleave, tap, tapsOf, untap } from "./phases";
import { axesOf, padImage, range, type Axis, type WindowAttrs } from "./window";

interface ConvAttrs extends WindowAttrs {
  group?: number;
  /** Set by the fusion of a following activation. */
  activation?: "relu" | "relu6";
}

interface ConvTransposeAttrs extends ConvAttrs {
  output_padding?: number[];
  output_shape?: number[];
}

type Plane = readonly [Axis, Axis];

/** Keeps what is made from a kernel, under a name. */
type Derive = (key: string, make: () => Tensor) => Tensor;

const TRIVIAL: Axis = { kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, declaredAfter: 0, length: 1, out: 1 };

/** Two spatial axes; one gets another of length 1 before it. */
const planeOf = (axes: readonly Axis[]): Plane => (axes.length === 1 ? [TRIVIAL, axes[0]] : [axes[0], axes[1]]);
const asPlane = (x: Tensor): Tensor4D => (x.rank === 3 ? tf.expandDims(x, 1) : x) as Tensor4D;
const pairs = (axes: readonly Axis[], f: (axis: Axis) => number) => axes.map(f) as [number, number];

export interface Kernel {
  w: Tensor;
  group: number;
  derive: Derive;
}

/** Each channel has filters of its own. */
const isDepthwise = ({ w, group }: Kernel): boolean => group > 1 && w.shape[w.rank - 2] === 1;

export function convolve(
  x: Tensor,
  kernel: Kernel,
  axes: readonly Axis[],
  bias?: Tensor1D,
  activation?: "relu" | "relu6",
): Tensor {
  if (axes.length !== 3) {
    const flat = { ...kernel, w: kernel.w.rank === 3 ? tf.expandDims(kernel.w, 0) : kernel.w };
    const y = convolvePlane(asPlane(x), flat, planeOf(axes), bias, activation);
    return axes.length === 1 ? tf.squeeze(y, [1]) : y;
  }
  const [depth, ...plane] = axes;
  const slices = range(depth.kernel).map((k) =>
    convolvePlane(planes(tap(x, 1, depth, k)), planeKernel(kernel, k), planeOf(plane), k ? undefined : bias),
  );
  const y = slices.reduce((sum, slice) => tf.add(sum, slice) as Tensor4D);
  const shaped = tf.reshape(y, [x.shape[0], depth.out, ...y.shape.slice(1)]);
  return activation ? tf[activation](shaped) : shaped;
}

/** [N, D, H, W, C] -> [N·D, H, W, C] */
const planes = (x: Tensor): Tensor4D => tf.reshape(x, [-1, ...x.shape.slice(2)] as [number, number, number, number]);

const planeKernel = ({ w, group, derive }: Kernel, k: number): Kernel => ({
  group,
  w: derive(`depth ${k}`, () => tf.squeeze(tf.slice(w, [k], [1]), [0])),
  derive: (key, make) => derive(`depth ${k} ${key}`, make),
});

function convolvePlane(
  x: Tensor4D,
  kernel: Kernel,
  axes: Plane,
  bias?: Tensor1D,
  activation?: "relu" | "relu6",
): Tensor4D {
  if (axes.some(({ before, after }) => before < 0 || after < 0)) {
    const cropped = padImage(x, axes.map(({ before, after }) => [Math.min(before, 0), Math.min(after, 0)])); // prettier-ignore
    const rest = axes.map((axis) => ({ ...axis, before: Math.max(axis.before, 0), after: Math.max(axis.after, 0) }));
    return convolvePlane(cropped as Tensor4D, kernel, rest as unknown as Plane, bias, activation);
  }
  // tfjs takes a stride or a dilation, not both.
  if (axes.some(({ dilation }) => dilation > 1) && axes.some(({ stride }) => stride > 1))
    return convolvePlane(x, dilated(kernel, axes), axes.map(undilated) as unknown as Plane, bias, activation);
  const pad = [[0, 0], ...axes.map(({ before, after }) => [before, after]), [0, 0]] as [number, number][];
  const common = {
    strides: pairs(axes, ({ stride }) => stride),
    dilations: pairs(axes, ({ dilation }) => dilation),
    pad: pad as [[number, number], [number, number], [number, number], [number, number]],
    dataFormat: "NHWC" as const,
  };
  const { w, group, derive } = kernel;
  if (isDepthwise(kernel)) {
    const [kh, kw, , o] = w.shape;
    const filter = tf.reshape(w, [kh, kw, group, o / group]) as Tensor4D;
    // Its declared type of `pad` is narrower than what it takes.
    return tf.fused.depthwiseConv2d({ x, filter, bias, activation, ...common, pad: common.pad as unknown as number });
  }
  if (group === 1) return tf.fused.conv2d({ x, filter: w as Tensor4D, bias, activation, ...common });
  // No backend has grouped convolution.
  const filters = range(group).map((i) => derive(`group ${i}`, () => groupOf(w, i, group)) as Tensor4D);
  const parts = tf.split(x, group, 3) as Tensor4D[];
  const y = tf.concat(
    parts.map((part, i) => tf.fused.conv2d({ x: part, filter: filters[i], ...common })),
    3,
  );
  const biased = bias ? tf.add(y, bias) : y;
  return (activation ? tf[activation](biased) : biased) as Tensor4D;
}

/** Filters of the i-th group: the last axis counts outputs. */
function groupOf(w: Tensor, i: number, group: number): Tensor {
  const size = w.shape[3]! / group;
  return tf.slice(w, [0, 0, 0, i * size], [-1, -1, -1, size]);
}

const undilated = (axis: Axis): Axis => ({ ...axis, kernel: axis.dilation * (axis.kernel - 1) + 1, dilation: 1 });

const dilated = ({ w, group, derive }: Kernel, axes: Plane): Kernel => ({
  group,
  w: derive("dilated", () => {
    const [kh, kw, i, o] = w.shape;
    const spread = spreadZeros(
      tf.reshape(w, [1, kh, kw, i * o]),
      pairs(axes, ({ dilation }) => dilation),
    );
    const size = axes.map((axis) => undilated(axis).kernel);
    return tf.reshape(tf.slice(spread, [0, 0, 0, 0], [1, ...size, i * o]), [...size, i, o]);
  }),
  derive: (key, make) => derive(`dilated ${key}`, make),
});

/** The kernel that carries the gradient back: mirrored, with input and output channels exchanged within each group. */
function mirrored(kernel: Kernel): Kernel {
  const { w, group, derive } = kernel;
  const [kh, kw, i, o] = w.shape;
  const turned = derive("mirrored", () => {
    const back = tf.reverse(tf.reshape(w, [kh, kw, i, group, o / group]), [0, 1]);
    return tf.reshape(tf.transpose(back, [0, 1, 4, 3, 2]), [kh, kw, o / group, group * i]);
  });
  return { w: turned, group, derive: (key, make) => derive(`mirrored ${key}`, make) };
}

/**
 * d(convolve)/dx as forward convolutions of `dy`: tfjs' own kernel is ten times slower on WASM, lacks dilation everywhere
 * and depthwise on WASM.
 */
export function inputGradient(dy: Tensor, kernel: Kernel, axes: readonly Axis[]): Tensor {
  if (axes.length !== 3) {
    const flat = { ...kernel, w: kernel.w.rank === 3 ? tf.expandDims(kernel.w, 0) : kernel.w };
    const dx = planeGradient(asPlane(dy), flat, planeOf(axes));
    return axes.length === 1 ? tf.squeeze(dx, [1]) : dx;
  }
  const [depth, ...plane] = axes;
  const slices = range(depth.kernel).map((k) => {
    const dx = planeGradient(planes(dy), planeKernel(kernel, k), planeOf(plane));
    return untap(tf.reshape(dx, [dy.shape[0], depth.out, ...dx.shape.slice(1)]), 1, depth, k);
  });
  return slices.reduce((a, b) => tf.add(a, b));
}

function planeGradient(dy: Tensor4D, kernel: Kernel, axes: Plane): Tensor4D {
  const strided = axes.some(({ stride }) => stride > 1);
  if (!strided) return correlate(dy, mirrored(kernel), axes);
  if (axes.some(({ dilation }) => dilation > 1))
    return planeGradient(dy, dilated(kernel, axes), axes.map(undilated) as unknown as Plane);
  return stridedGradient(dy, kernel, axes);
}

/** The stride-1 case: one convolution with the mirrored kernel. */
function correlate(dy: Tensor4D, back: Kernel, axes: Plane): Tensor4D {
  const turned = axes.map((axis) => {
    const before = axis.dilation * (axis.kernel - 1) - axis.before;
    return { ...axis, stride: 1, before, after: axis.length - axis.out + axis.before };
  });
  return convolvePlane(dy, back, turned as unknown as Plane);
}

/**
 * With stride s the pixels of each phase (position modulo s) see a kernel of their own, every s-th tap: one small
 * convolution per phase, none of it spent on inserted zeros.
 */
function stridedGradient(dy: Tensor4D, kernel: Kernel, axes: Plane): Tensor4D {
  const lengths = axes.map(({ length, before, stride }) => Math.ceil((length + before) / stride));
  const [sh, sw] = pairs(axes, ({ stride }) => stride);
  const phases = range(sh).map((r) =>
    range(sw).map((q) => {
      const taps = axes.map(({ kernel: k, stride }, i) => Math.ceil((k - [r, q][i]) / stride));
      if (taps.some((n) => n < 1)) return null;
      const part = mirrored(phaseOf(kernel, [r, q], [sh, sw], taps));
      const plane = axes.map((axis, i) => ({
        ...axis,
        kernel: taps[i],
        stride: 1,
        before: taps[i] - 1,
        after: lengths[i] - axis.out,
      }));
      return convolvePlane(dy, part, plane as unknown as Plane);
    }),
  );
  const [n] = dy.shape;
  const channels = kernel.w.shape[2]! * kernel.group;
  return interleave(phases, [n, lengths[0], lengths[1], channels], axes);
}

/** Every stride-th tap from `start` on. */
function phaseOf(kernel: Kernel, start: number[], strides: number[], taps: number[]): Kernel {
  const { w, group, derive } = kernel;
  const name = `phase ${start}`;
  const part = derive(name, () => {
    const [kh, kw, i, o] = w.shape;
    const size = taps.map((n, d) => n * strides[d]);
    const padded = tf.pad(w, [[0, Math.max(0, start[0] + size[0] - kh)], [0, Math.max(0, start[1] + size[1] - kw)], [0, 0], [0, 0]]); // prettier-ignore
    const cut = tf.slice(padded, [start[0], start[1], 0, 0], [size[0], size[1], i, o]);
    const split = tf.reshape(cut, [taps[0], strides[0], taps[1], strides[1], i * o]);
    const picked = tf.slice(split, [0, 0, 0, 0, 0], [taps[0], 1, taps[1], 1, i * o]);
    return tf.reshape(picked, [taps[0], taps[1], i, o]);
  });
  return { w: part, group, derive: (key, make) => derive(`${name} ${key}`, make) };
}

/** Puts stride - 1 zeros after every row and column. */
function spreadZeros(x: Tensor, [sh, sw]: readonly [number, number]): Tensor {
  const [n, h, w, c] = x.shape;
  const columns = tf.reshape(tf.pad(tf.reshape(x, [n * h * w, c]), [[0, 0], [0, (sw - 1) * c]]), [n * h, w * sw * c]); // prettier-ignore
  return tf.reshape(tf.pad(columns, [[0, 0], [0, (sh - 1) * w * sw * c]]), [n, h * sh, w * sw, c]); // prettier-ignore
}

/** d(convolve)/dw, one product per tap. */
function kernelGradient(x: Tensor, dy: Tensor, { w, group }: Kernel, axes: readonly Axis[]): Tensor {
  const [i, o] = w.shape.slice(-2);
  const rows = (t: Tensor) => tf.transpose(tf.reshape(t, [-1, group, t.shape[t.rank - 1]! / group]), [1, 0, 2]);
  const right = rows(dy);
  const taps = tapsOf(axes).map((ks) => {
    const seen = axes.reduce((t, axis, d) => tap(t, d + 1, axis, ks[d]), x);
    return tf.transpose(tf.matMul(rows(seen), right, true), [1, 0, 2]);
  });
  return tf.reshape(tf.stack(taps), [...w.shape.slice(0, -2), i, o]);
}

/** Sum over all but the channels. */
const biasGradient = (dy: Tensor): Tensor => tf.sum(tf.reshape(dy, [-1, dy.shape[dy.rank - 1] as number]), 0);

const kernelOf = ({ x: [, w], attrs: { group = 1 }, derived }: Call<ConvAttrs>): Kernel => ({ w, group, derive: derived }); // prettier-ignore
const convAxes = ({ x: [x, w], attrs }: Call<ConvAttrs>): Axis[] => axesOf(attrs, x.shape, w.shape.slice(0, -2));

/** What a fused activation lets through. */
function throughActivation(dy: Tensor, y: Tensor, activation: ConvAttrs["activation"]): Tensor {
  if (!activation) return dy;
  const open = tf.mul(dy, tf.step(y));
  return activation === "relu" ? open : tf.mul(open, tf.step(tf.sub(6, y)));
}

/** As a convolution from the output back to the input. */
function transposedAxes({ x: [x, w], attrs }: Call<ConvTransposeAttrs>): Axis[] {
  const { strides, dilations, pads, output_padding, output_shape, auto_pad = "NOTSET" } = attrs;
  const rank = x.rank - 2;
  return w.shape.slice(0, -2).map((kernel, i) => {
    const [stride, dilation, extra] = [strides?.[i] ?? 1, dilations?.[i] ?? 1, output_padding?.[i] ?? 0];
    const out = x.shape[i + 1];
    const full = stride * (out - 1) + extra + dilation * (kernel - 1) + 1;
    const wanted = output_shape?.slice(-rank)[i] ?? (auto_pad.startsWith("SAME") ? out * stride : undefined);
    let [before, after] = auto_pad === "NOTSET" ? [pads?.[i] ?? 0, pads?.[i + rank] ?? 0] : [0, 0];
    if (wanted !== undefined) {
      const total = full - wanted;
      before = auto_pad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
      after = total - before;
    }
    const length = full - before - after;
    return { kernel, stride, dilation, before, after, declaredAfter: after, length, out };
  });
}

export const CONV: Table = {
  Conv: [
    op<ConvAttrs>({
      since: 11,
      layout: "image",
      kernel: 1,
      affine: true,
      unsupported: (_, [, w]) => unsupportedRank(w),
      forward: (call) =>
        convolve(call.x[0], kernelOf(call), convAxes(call), call.x[2] as Tensor1D | undefined, call.attrs.activation),
      vjp: ([dy], call) => {
        const d = throughActivation(dy, call.y[0], call.attrs.activation);
        return [
          () => inputGradient(d, kernelOf(call), convAxes(call)),
          () => kernelGradient(call.x[0], d, kernelOf(call), convAxes(call)),
          () => biasGradient(d),
        ];
      },
    }),
  ],
  ConvTranspose: [
    op<ConvTransposeAttrs>({
      since: 11,
      layout: "image",
      kernel: 1,
      affine: true,
      unsupported: (_, [, w]) => unsupportedRank(w),
      forward: (call) => {
        const y = inputGradient(call.x[0], kernelOf(call), transposedAxes(call));
        return call.x[2] ? tf.add(y, call.x[2]) : y;
      },
      vjp: ([dy], call) => [
        () => convolve(dy, kernelOf(call), transposedAxes(call)),
        () => kernelGradient(dy, call.x[0], kernelOf(call), transposedAxes(call)),
        () => biasGradient(dy),
      ],
    }),
  ],
};

const unsupportedRank = (w: readonly unknown[] | undefined): string | undefined =>
  w && (w.length < 3 || w.length > 5) ? `${w.length - 2}-D windows are not supported, only 1-D to 3-D` : undefined;
