/**
 * Resize. Along each axis it is a product with a matrix [out, in] that the host makes from the specification
 * (https://onnx.ai/onnx/operators/onnx__Resize.html), and its gradient one with the transposed matrix.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf, type NDArray } from "../graph";
import { checkShape, numbersOf, positive } from "./host";
import { op, type Call, type Table } from "./op";
import { product } from "./matmul";
import { transpose } from "./rearrange";

interface Attrs {
  antialias?: number;
  axes?: number[];
  coordinate_transformation_mode?: string;
  cubic_coeff_a?: number;
  exclude_outside?: number;
  extrapolation_value?: number;
  keep_aspect_ratio_policy?: string;
  mode?: string;
  nearest_mode?: string;
  /** Where ONNX's axes lie; set by `adapt`, not by ONNX. */
  laid?: number[];
}

/** One axis to be resized. `scale` need not be out / in, and [from, to] is the region of interest. */
interface Axis {
  at: number;
  in: number;
  out: number;
  scale: number;
  roi: readonly [number, number];
}

/** The matrix [out, in], row by row: where it is not zero, and what stands there. */
type Row = readonly (readonly [index: number, weight: number])[];

interface Weights {
  rows: readonly Row[];
  /** Of each row of the matrix, what the result gets besides. */
  added?: Float32Array;
}

/** Where on the input's axis an element of the output lies. */
const COORDINATES: Readonly<Record<string, (y: number, axis: Axis) => number>> = {
  half_pixel: (y, { scale }) => (y + 0.5) / scale - 0.5,
  // The centre stays in place, though `out` is rounded.
  half_pixel_symmetric: (y, { in: n, out, scale }) => (n / 2) * (1 - out / (scale * n)) + (y + 0.5) / scale - 0.5,
  pytorch_half_pixel: (y, { in: n, scale }) => (scale * n === 1 ? -0.5 : (y + 0.5) / scale - 0.5),
  // The reference takes scale · n for `out`, unlike the specification's text and torch.
  align_corners: (y, { in: n, out }) => (out === 1 ? 0 : (y * (n - 1)) / (out - 1)),
  asymmetric: (y, { scale }) => y / scale,
  tf_half_pixel_for_nn: (y, { scale }) => (y + 0.5) / scale,
  tf_crop_and_resize: (y, { in: n, scale, roi: [from, to] }) =>
    (scale * n === 1 ? ((to - from) * (n - 1)) / 2 : (y * (to - from) * (n - 1)) / (scale * n - 1)) + from * (n - 1),
};

/** Whether an element between two others, at `ratio` in (0, 1) of the way, takes the right one. */
const NEAREST: Readonly<Record<string, (ratio: number) => boolean>> = {
  round_prefer_floor: (ratio) => ratio > 0.5,
  round_prefer_ceil: (ratio) => ratio >= 0.5,
  floor: () => false,
  ceil: () => true,
};

const cubic = (a: number, distance: number): number => {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
};

/** Weights of the neighbours of an element at `ratio` in (0, 1] after its left neighbour, in order of position. */
function taps(attrs: Attrs, scale: number): (ratio: number) => number[] {
  const { mode = "nearest", nearest_mode = "round_prefer_floor", cubic_coeff_a = -0.75, antialias = 0 } = attrs;
  if (mode === "nearest") return (ratio) => (ratio === 1 || NEAREST[nearest_mode](ratio) ? [0, 1] : [1, 0]);
  const [reach, kernel] =
    mode === "cubic"
      ? [2, (d: number) => cubic(cubic_coeff_a, d)]
      : [1, (d: number) => Math.min(Math.max(1 - Math.abs(d), 0), 1)];
  const shrink = antialias ? Math.min(scale, 1) : 1;
  const start = Math.floor(-reach / shrink) + 1;
  return (ratio) => {
    const weights = Array.from({ length: 2 - 2 * start }, (_, i) => kernel(shrink * (start + i - ratio)));
    const sum = antialias ? weights.reduce((a, b) => a + b) : 1;
    return weights.map((w) => w / sum);
  };
}

/** As in onnx/reference/ops/op_resize.py (1.23). */
function weightsOf(axis: Axis, attrs: Attrs): Weights {
  const { coordinate_transformation_mode: mode = "half_pixel", exclude_outside, extrapolation_value = 0 } = attrs;
  const { in: size, out } = axis;
  const weights = taps(attrs, axis.scale);
  let added: Float32Array | undefined;
  const rows = Array.from({ length: out }, (_, y): Row => {
    const x = COORDINATES[mode](y, axis);
    if (mode === "tf_crop_and_resize" && (x < 0 || x > size - 1)) {
      added ??= new Float32Array(out);
      added[y] = extrapolation_value;
      return [];
    }
    // An element that lies right on another counts as the end of the way to it.
    const left = Math.ceil(x) - 1;
    const all = weights(x - left);
    const first = left - all.length / 2 + 1;
    const inside = (i: number) => first + i >= 0 && first + i < size;
    const used = all.map((w, i) => (exclude_outside && !inside(i) ? 0 : w));
    const sum = exclude_outside ? used.reduce((a, b) => a + b) || 1 : 1;
    const row = used.map((w, i) => [Math.min(Math.max(first + i, 0), size - 1), w / sum] as const);
    return row.filter(([, w]) => w !== 0);
  });
  return { rows, added };
}

const given = (array: NDArray | undefined): number[] | undefined =>
  array && sizeOf(array.shape) ? Array.from(numbersOf(array)) : undefined;

/** The axes that change. */
function axesOf({ x: [x], host: [, rois, factors, lengths], attrs }: Call<Attrs>): Axis[] {
  const { axes, keep_aspect_ratio_policy: policy = "stretch", coordinate_transformation_mode: mode, laid } = attrs;
  const [roi, scales, sizes] = [given(rois), given(factors), given(lengths)];
  const all = (axes ?? x.shape.map((_, i) => i)).map((axis) => positive(axis, x.rank));
  const at = all.map((axis) => laid?.[axis] ?? axis);
  const wanted = sizes ?? scales;
  if (wanted?.length !== all.length) throw new Error(`${wanted?.length ?? 0} sizes or scales for ${all.length} axes`);
  const ratios = at.map((axis, i) => wanted[i] / x.shape[axis]);
  const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const changed = at.flatMap((axis, i): Axis[] => {
    const size = x.shape[axis];
    const scale = !sizes ? wanted[i] : policy === "stretch" ? ratios[i] : common;
    const out = sizes ? (policy === "stretch" ? sizes[i] : Math.floor(common * size + 0.5)) : Math.floor(scale * size);
    const region = [roi?.[i] ?? 0, roi?.[all.length + i] ?? 1] as const;
    const whole = mode !== "tf_crop_and_resize" || (region[0] === 0 && region[1] === 1);
    return out === size && Math.abs(scale - 1) <= 1e-9 && whole
      ? []
      : [{ at: axis, in: size, out, scale, roi: region }];
  });
  checkShape(x.shape.map((size, axis) => changed.find((c) => c.at === axis)?.out ?? size));
  return changed;
}

/** The matrix in full, [out, in]. */
function dense({ in: size, out }: Axis, rows: readonly Row[]): Tensor {
  const data = new Float32Array(sizeOf(checkShape([out, size])));
  rows.forEach((row, y) => row.forEach(([x, w]) => (data[y * size + x] += w)));
  return tf.tensor2d(data, [out, size]);
}

/**
 * Weights of the elements of the longer axis, where each meets only the element of the shorter one whose block it lies in:
 * whole numbers of repeats or of elements to pool, which need no product with a matrix of zeros.
 */
function blocksOf({ in: size, out }: Axis, rows: readonly Row[]): Float32Array | null {
  const [short, long] = [Math.min(out, size), Math.max(out, size)];
  const weights = new Float32Array(long);
  for (const [y, row] of rows.entries()) {
    for (const [x, w] of row) {
      const [onLong, onShort] = out > size ? [y, x] : [x, y];
      if (long % short || Math.floor(onLong / (long / short)) !== onShort) return null;
      weights[onLong] += w;
    }
  }
  return weights;
}

/** Multiplies along an axis with the matrix [out, in], or with the transposed one. */
function multiply(call: Call<Attrs>, x: Tensor, axis: Axis, rows: readonly Row[], back: boolean): Tensor {
  const { at } = axis;
  const [outer, inner] = [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at + 1))];
  const [from, to] = back ? [axis.out, axis.in] : [axis.in, axis.out];
  const shape = x.shape.map((d, i) => (i === at ? to : d));
  const key = `${at} ${axis.in} ${axis.out}`;
  const x3 = tf.reshape(x, [outer, from, inner]);

  const blocks = blocksOf(axis, rows);
  if (blocks) {
    const [short, block] = [Math.min(from, to), Math.max(from, to) / Math.min(from, to)];
    const w = call.derived(key, () => tf.tensor3d(blocks, [short, block, 1]));
    const y = tf.mul(tf.reshape(x3, to > from ? [outer, from, 1, inner] : [outer, to, block, inner]), w);
    return tf.reshape(to > from ? y : tf.sum(y, 2), shape);
  }
  // The matrix stands on the right of a product where it can: WASM packs that side once, and transposes fast.
  const matrix = call.derived(`${key}${back ? " ᵀ" : ""}${outer === 1 ? " left" : ""}`, () => {
    const full = dense(axis, rows);
    return back === (outer === 1) ? transpose(full) : full;
  });
  if (outer === 1) return tf.reshape(product(matrix, tf.reshape(x3, [from, inner])), shape);
  const lines = tf.reshape(transpose(x3, [0, 2, 1]), [outer * inner, from]);
  return tf.reshape(transpose(tf.reshape(product(lines, matrix), [outer, inner, to]), [0, 2, 1]), shape);
}

const MODES = ["nearest", "linear", "cubic"];

export const RESIZE: Table = {
  Resize: [
    op<Attrs>({
      since: 11,
      layout: {
        inputs: [0],
        adapt: (node, { rank, map }) => ({
          node: { ...node, attrs: { ...node.attrs, laid: Array.from({ length: rank }, (_, axis) => map(axis)) } },
          image: true,
        }),
      },
      affine: true,
      host: [1, 2, 3],
      unsupported: ({ mode = "nearest", coordinate_transformation_mode: coordinates, nearest_mode, antialias }) => {
        if (!MODES.includes(mode)) return `mode ${mode} does not exist`;
        if (coordinates !== undefined && !(coordinates in COORDINATES))
          return `coordinates ${coordinates} do not exist`;
        if (nearest_mode !== undefined && !(nearest_mode in NEAREST))
          return `nearest_mode ${nearest_mode} does not exist`;
        return antialias && mode === "nearest" ? "antialias does not go with mode nearest" : undefined;
      },
      forward: (call) => {
        const [x] = call.x;
        const y = axesOf(call).reduce((y, axis) => {
          const { rows, added } = weightsOf(axis, call.attrs);
          const resized = multiply(call, y, axis, rows, false);
          if (!added) return resized;
          const shape = y.shape.map((_, i) => (i === axis.at ? axis.out : 1));
          return tf.add(resized, tf.tensor(added, shape));
        }, x);
        return y === x ? x.clone() : y;
      },
      vjp: ([dy], call) => [
        () => {
          const dx = axesOf(call).reduceRight(
            (d, axis) => multiply(call, d, axis, weightsOf(axis, call.attrs).rows, true),
            dy,
          );
          return dx === dy ? dy.clone() : dx;
        },
      ],
    }),
  ],
};
