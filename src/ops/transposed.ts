/** Transposed convolution: the gradient of a convolution by its image, and what ConvTranspose computes. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { asPlane, convolvePlane, dilated, flat, isDepthwise, pairs, planeKernel, planar, planeOf, planes, undilated, type Kernel, type Plane } from "./convolution"; // prettier-ignore
import { padImage, range, type Axis } from "./window";
import { tap, tapsOf, untap } from "./phases";
import { transpose } from "./rearrange";

/**
 * d(convolve)/dx as forward convolutions of `dy` [N, ...S, O]: tfjs' own kernel is ten times slower on WASM, lacks dilation
 * everywhere and depthwise on WASM. With stride s the pixels of each phase (position modulo s) see a kernel of their own,
 * every s-th tap, so no work is spent on inserted zeros.
 */
export function inputGradient(dy: Tensor, kernel: Kernel, axes: readonly Axis[]): Tensor {
  if (axes.length !== 3) {
    const dx = planeGradient(asPlane(dy), flat(kernel), planeOf(axes));
    return axes.length === 1 ? tf.squeeze(dx, [1]) : dx;
  }
  const [depth, ...plane] = axes;
  return range(depth.kernel)
    .map((k) => {
      const dx = planeGradient(planes(dy), planeKernel(kernel, k), planeOf(plane));
      return untap(tf.reshape(dx, [dy.shape[0], depth.out, ...dx.shape.slice(1)]), 1, depth, k);
    })
    .reduce((a, b) => tf.add(a, b));
}

/** Phases of one axis that are computed together, and the outputs that their pixels see: dy[m + first + dilation·v]. */
interface Reach {
  phases: readonly number[];
  first: number;
  taps: number;
}

function reachOf({ kernel, stride, dilation, before }: Axis, phases: readonly number[]): Reach {
  const first = Math.ceil((Math.min(...phases) + before - dilation * (kernel - 1)) / stride);
  const last = Math.floor((Math.max(...phases) + before) / stride);
  return { phases, first, taps: Math.max(0, Math.floor((last - first) / dilation) + 1) };
}

/** The kernel's tap between the pixel stride·m + phase and dy[m + first + dilation·v]; none if outside of the kernel. */
const tapOf = ({ before, stride, dilation }: Axis, { first }: Reach, phase: number, v: number): number =>
  (phase + before - stride * (first + dilation * v)) / dilation;

/** Few channels fill the processor's lanes better when the phases of a row are channels of one convolution. */
const FEW = 96;
/** With strides like those of patches a convolution per phase would be a tiny one. */
const LONG = 3;

/** Which phases of rows and of columns are computed together. */
function together(kernel: Kernel, axes: Plane): [number[][], number[][]] {
  const { w, group } = kernel;
  const [rows, columns] = axes.map(({ stride }) => range(stride));
  const apart = (phases: number[]) => phases.map((phase) => [phase]);
  const single = axes.every(({ kernel: k }) => k === 1);
  if (single || (group > 1 && !isDepthwise(kernel))) return [apart(rows), apart(columns)];
  if (axes.some(({ stride }) => stride >= LONG)) return [[rows], [columns]];
  return [apart(rows), isDepthwise(kernel) || w.shape[2]! < FEW ? [columns] : apart(columns)];
}

function planeGradient(dy: Tensor4D, kernel: Kernel, axes: Plane): Tensor4D {
  if (axes.some(({ dilation }) => dilation > 1) && axes.some(({ stride }) => stride > 1))
    return planeGradient(dy, dilated(kernel, axes), planar(axes, undilated));
  if (axes.every(({ stride }) => stride === 1)) {
    const reaches = axes.map((axis) => reachOf(axis, [0]));
    return phasesOf(dy, kernel, axes, reaches, pairs(axes, ({ length }) => length)) as Tensor4D; // prettier-ignore
  }
  const [rows, columns] = together(kernel, axes);
  const [n] = dy.shape;
  const [h, v] = pairs(axes, ({ length, stride }) => Math.ceil(length / stride));
  const channels = kernel.w.shape[2]! * kernel.group;
  const copies = new Map<number, Tensor4D>();
  /** A depthwise kernel finds the gradient once for each phase that it computes. */
  const dyOf = (phases: number): Tensor4D => {
    if (phases === 1 || !isDepthwise(kernel)) return dy;
    if (!copies.has(phases)) copies.set(phases, repeated(dy, phases));
    return copies.get(phases)!;
  };
  const parts = rows.map((rowPhases) =>
    columns.map((columnPhases) => {
      const reaches = [reachOf(axes[0], rowPhases), reachOf(axes[1], columnPhases)];
      return reaches.some(({ taps }) => !taps)
        ? null
        : phasesOf(dyOf(rowPhases.length * columnPhases.length), kernel, axes, reaches, [h, v]);
    }),
  );
  const none = (phases: number) => tf.zeros([n * h * v, phases * channels]);
  const bands = parts.map((row, i) => {
    const size = rows[i].length;
    // With several rows of phases in the channels they come out of each pixel.
    const outward = (t: Tensor) => (size === 1 ? t : transpose(tf.reshape(t, [n * h, v, size, -1]), [0, 2, 1, 3]));
    const pieces = row.map((part, j) => (part ? tf.reshape(part, [n * h * v, -1]) : none(size * columns[j].length)));
    return tf.reshape(outward(pieces.length > 1 ? tf.concat(pieces, 1) : pieces[0]), [n * h, -1]);
  });
  const whole = tf.reshape(bands.length > 1 ? tf.concat(bands, 1) : bands[0], [n, h * axes[0].stride, v * axes[1].stride, channels]); // prettier-ignore
  return padImage(whole, axes.map(({ length, stride }) => [0, length - Math.ceil(length / stride) * stride])) as Tensor4D; // prettier-ignore
}

/** [N, H, W, O] -> [N, H, W, times · O] */
function repeated(x: Tensor4D, times: number): Tensor4D {
  const [n, h, w, o] = x.shape;
  return tf.reshape(tf.add(tf.reshape(x, [n * h * w, 1, o]), tf.zeros([1, times, o])), [n, h, w, times * o]);
}

/** `dy` has its channels once for each phase where the kernel is depthwise. [N, H, W, row phases · column phases · C] */
function phasesOf(
  dy: Tensor4D,
  kernel: Kernel,
  axes: Plane,
  reaches: readonly Reach[],
  out: readonly number[],
): Tensor {
  const back = backwards(kernel, axes, reaches);
  const plane = planar(axes, (axis, i) => {
    const { first, taps } = reaches[i];
    const after = out[i] + first + axis.dilation * (taps - 1) - axis.out;
    return { ...axis, kernel: taps, stride: 1, before: -first, after, declaredAfter: after, length: axis.out, out: out[i] }; // prettier-ignore
  });
  if (!isDepthwise(kernel)) return convolvePlane(dy, back, plane);
  const dx = convolvePlane(dy, back, plane);
  const each = kernel.w.shape[3]! / kernel.group;
  return each === 1 ? dx : tf.sum(tf.reshape(dx, [...dx.shape.slice(0, 3), -1, each]), 4);
}

/**
 * The kernel [..., O/group, phases · I] (for depthwise ones [..., 1, phases · O], each output with the inputs of its
 * channel) that carries the gradient back to the given phases.
 */
function backwards({ w, group, derive }: Kernel, axes: Plane, reaches: readonly Reach[]): Kernel {
  const [, kw, inputs, outputs] = w.shape as [number, number, number, number];
  const depthwise = group > 1 && inputs === 1;
  // Padding "SAME" depends on the image.
  const name = `back ${reaches.map(({ phases }, i) => `${phases} ${axes[i].before}`).join(" ")}`;
  const [rows, columns] = reaches.map(({ phases }) => phases);
  const phases = rows.length * columns.length;
  const make = () => {
    const data = w.dataSync();
    const size = reaches.map(({ taps }) => taps);
    const per = outputs / group;
    const filter = new Float32Array(size[0] * size[1] * phases * inputs * outputs);
    const place = (at: number, phase: number, i: number, o: number) => {
      if (depthwise) return (at * phases + phase) * outputs + o;
      const channels = group * inputs;
      const channel = Math.floor(o / per) * inputs + i;
      return ((at * per + (o % per)) * phases + phase) * channels + channel;
    };
    for (let at = 0; at < size[0] * size[1]; at++) {
      const [u, v] = [Math.floor(at / size[1]), at % size[1]];
      rows.forEach((r, a) =>
        columns.forEach((c, b) => {
          const [p, q] = [tapOf(axes[0], reaches[0], r, u), tapOf(axes[1], reaches[1], c, v)];
          if (p < 0 || p >= axes[0].kernel || q < 0 || q >= axes[1].kernel) return;
          const from = (p * kw + q) * inputs * outputs;
          for (let i = 0; i < inputs; i++)
            for (let o = 0; o < outputs; o++)
              filter[place(at, a * columns.length + b, i, o)] = data[from + i * outputs + o];
        }),
      );
    }
    return tf.tensor(filter, depthwise ? [...size, 1, phases * outputs] : [...size, per, phases * group * inputs]);
  };
  return {
    w: derive(name, make),
    group: depthwise ? phases * outputs : group,
    derive: (key, make) => derive(`${name} ${key}`, make),
  };
}

/** d(convolve)/dw, one product per tap. */
export function kernelGradient(x: Tensor, dy: Tensor, { w, group }: Kernel, axes: readonly Axis[]): Tensor {
  const [i, o] = w.shape.slice(-2);
  const rows = (t: Tensor) => transpose(tf.reshape(t, [-1, group, t.shape[t.rank - 1]! / group]), [1, 0, 2]);
  const right = rows(dy);
  const taps = tapsOf(axes).map((ks) => {
    const seen = axes.reduce((t, axis, d) => tap(t, d + 1, axis, ks[d]), x);
    return transpose(tf.matMul(rows(seen), right, true), [1, 0, 2]);
  });
  return tf.reshape(tf.stack(taps), [...w.shape.slice(0, -2), i, o]);
}
