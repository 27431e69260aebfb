/** Operators that move values without changing them, and those that make arrays from shapes. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { elementType, integers, sizeOf, type NDArray } from "../graph";
import { choose, spread, unbroadcast } from "./broadcast";
import {
  arrayOf,
  broadcastShapes,
  broadcastTo,
  checkShape,
  concat,
  empty,
  map,
  numbersOf,
  positive,
  strided,
  stridesOf,
  transposed,
  withShape,
} from "./host";
import { channelLayout, type ChannelAttrs } from "./norm";
import { op, type AxisLayout, type Call, type OpDef, type Table } from "./op";
import { tap, untap } from "./phases";
import { gatherAlong, partsOf, reverse, transpose } from "./rearrange";
import { axisLayout } from "./reduce";
import { scatterAlong } from "./scatter";
import { pad, range, type Axis } from "./window";

interface AxisAttrs {
  axis?: number;
}

/** The same values in another shape. */
const reshaping = <A>(
  since: number,
  host: readonly number[],
  shapeOf: (x: readonly number[], attrs: A, host: readonly (NDArray | undefined)[]) => number[],
): OpDef =>
  // prettier-ignore
  op<A>({
    since,
    layout: "plain",
    affine: true,
    host,
    fold: ({ x, attrs }) => {
      const shape = shapeOf(x[0].shape, attrs, x);
      const rest = sizeOf(x[0].shape) / -sizeOf(shape);
      const known = shape.map((d) => (d === -1 ? rest : d));
      if (sizeOf(known) !== sizeOf(x[0].shape))
        throw new Error(`[${x[0].shape.join(", ")}] cannot take the shape [${shape.join(", ")}]`);
      return withShape(x[0], known);
    },
    forward: ({ x: [x], attrs, host: known }) => tf.reshape(x, shapeOf(x.shape, attrs, known)),
    vjp: ([dy], { x: [x] }) => [() => tf.reshape(dy, x.shape)],
  });

const RESHAPING: Table = {
  Reshape: [
    reshaping<{ allowzero?: number }>(13, [1], (x, { allowzero = 0 }, [, shape]) =>
      integers(shape!).map((d, i) => (d === 0 && !allowzero ? x[i] : d)),
    ),
  ],
  Flatten: [
    reshaping<AxisAttrs>(13, [], (x, { axis = 1 }) => {
      const at = axis < 0 ? axis + x.length : axis;
      return [sizeOf(x.slice(0, at)), sizeOf(x.slice(at))];
    }),
  ],
  Squeeze: [
    reshaping(13, [1], (x, _, [, given]) => {
      const axes = given && integers(given).map((a) => positive(a, x.length));
      return x.filter((d, i) => (axes ? !axes.includes(i) : d !== 1));
    }),
  ],
  Unsqueeze: [
    reshaping(13, [1], (x, _, [, given]) => {
      const rank = x.length + sizeOf(given!.shape);
      const axes = integers(given!).map((a) => positive(a, rank));
      const rest = [...x];
      return range(rank).map((i) => (axes.includes(i) ? 1 : rest.shift()!));
    }),
  ],
};

const inverse = (perm: readonly number[]): number[] => perm.map((_, i) => perm.indexOf(i));
const reversed = (rank: number): number[] => range(rank).reverse();

/** The result is in ONNX's order, whatever the input's. */
const transposeLayout: AxisLayout = {
  adapt: (node, { rank, map: mapped }) => {
    const perm = (node.attrs.perm as number[] | undefined) ?? reversed(rank);
    return { node: { ...node, attrs: { ...node.attrs, perm: perm.map(mapped) } }, image: false };
  },
};

/** Where a slice starts, how far it steps and how many it takes, for each dimension. */
interface Steps {
  begin: number;
  step: number;
  count: number;
}

function stepsOf(shape: readonly number[], [, starts, ends, axes, steps]: readonly (NDArray | undefined)[]): Steps[] {
  const [from, to] = [integers(starts!), integers(ends!)];
  const along = axes ? integers(axes).map((a) => positive(a, shape.length)) : range(from.length);
  const by = steps ? integers(steps) : from.map(() => 1);
  return shape.map((length, d) => {
    const i = along.indexOf(d);
    if (i < 0) return { begin: 0, step: 1, count: length };
    const step = by[i];
    if (step === 0) throw new Error("a step of 0 leads nowhere");
    const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
    const clamp = (v: number) => Math.min(Math.max(v < 0 ? v + length : v, low), high);
    // An end before the beginning of the axis is -1 for a negative step, which a negative index cannot say.
    const begin = clamp(from[i]);
    return { begin, step, count: Math.max(0, Math.ceil((clamp(to[i]) - begin) / step)) };
  });
}

/** As the taps of a window of size 1 on the axis, turned round where the step is negative. */
const axisOf = (length: number, { begin, step, count }: Steps): Axis => ({
  ...{ kernel: 1, dilation: 1, after: 0, declaredAfter: 0, length, out: count },
  stride: Math.abs(step),
  before: -(step > 0 ? begin : length - 1 - begin),
});

const isPlain = (steps: readonly Steps[]): boolean => steps.every(({ step }) => step === 1);

function slice(x: Tensor, steps: readonly Steps[]): Tensor {
  if (isPlain(steps)) return tf.slice(x, steps.map(({ begin }) => begin), steps.map(({ count }) => count)); // prettier-ignore
  return steps.reduce((t, s, d) => {
    if (s.step === 1 && s.count === t.shape[d]) return t;
    const turned = s.step < 0 ? reverse(t, d) : t;
    return tap(turned, d, axisOf(x.shape[d], s), 0);
  }, x);
}

function throughSlice(dy: Tensor, x: Tensor, steps: readonly Steps[]): Tensor {
  if (isPlain(steps))
    return tf.pad(dy, steps.map(({ begin, count }, d) => [begin, x.shape[d] - begin - count] as [number, number])); // prettier-ignore
  return steps.reduceRight((t, s, d) => {
    if (s.step === 1 && s.count === x.shape[d]) return t;
    const placed = untap(t, d, axisOf(x.shape[d], s), 0);
    return s.step < 0 ? reverse(placed, d) : placed;
  }, dy);
}

const sliceLayout: AxisLayout = {
  adapt: (node, { map: mapped, ints, constant }) => {
    const [x, starts, ends, axes, steps = ""] = node.inputs;
    const along = axes ? ints(axes) : ints(starts)?.map((_, i) => i);
    if (!along) return null;
    return { node: { ...node, inputs: [x, starts, ends, constant(along.map(mapped)), steps] }, image: true };
  },
};

interface SplitAttrs extends AxisAttrs {
  num_outputs?: number;
}

function splitSizes(length: number, sizes: NDArray | undefined, outputs: number): number[] {
  if (sizes) return integers(sizes);
  const most = Math.ceil(length / outputs);
  return range(outputs).map((i) => Math.max(0, Math.min(most, length - i * most)));
}

interface PadAttrs {
  mode?: "constant" | "reflect" | "edge" | "wrap";
}

/** Before and after, for each dimension. */
function padsOf(rank: number, [, pads, , axes]: readonly (NDArray | undefined)[]): [number, number][] {
  const all = range(rank).map((): [number, number] => [0, 0]);
  const given = integers(pads!);
  const along = axes ? integers(axes).map((a) => positive(a, rank)) : range(rank);
  along.forEach((a, i) => (all[a] = [given[i], given[i + along.length]]));
  return all;
}

/** Where each place of a padded axis takes its value from. */
function mirrored(mode: "reflect" | "edge" | "wrap", length: number, [before, after]: [number, number]): number[] {
  return range(length + before + after).map((i) => {
    const at = i - before;
    const modulo = (v: number, n: number) => ((v % n) + n) % n;
    if (mode === "edge") return Math.min(Math.max(at, 0), length - 1);
    if (mode === "wrap") return modulo(at, length);
    const period = Math.max(1, 2 * (length - 1));
    return Math.min(modulo(at, period), period - modulo(at, period)) % length;
  });
}

function padHost(
  x: NDArray,
  at: number,
  pads: [number, number],
  mode: NonNullable<PadAttrs["mode"]>,
  value: number,
): NDArray {
  const length = x.shape[at];
  const from = mode === "constant" ? range(length + pads[0] + pads[1]).map((i) => i - pads[0]) : mirrored(mode, length, pads); // prettier-ignore
  const [inner, source] = [sizeOf(x.shape.slice(at + 1)), numbersOf(x)];
  const result = empty(x.dtype, x.shape.map((d, i) => (i === at ? from.length : d))); // prettier-ignore
  for (let i = 0; i < result.data.length; i++) {
    const [row, k] = [Math.floor(i / inner), i % inner];
    const place = from[row % from.length];
    const inside = place >= 0 && place < length;
    result.data[i] = inside ? source[(Math.floor(row / from.length) * length + place) * inner + k] : value;
  }
  return result;
}

const padLayout: AxisLayout = {
  inputs: [0],
  adapt: (node, { rank, map: mapped, ints, constant }) => {
    const pads = ints(node.inputs[1]);
    const axes = node.inputs[3] ? ints(node.inputs[3]) : range(rank);
    if (!pads || !axes) return null;
    const [x, , value = ""] = node.inputs;
    return { node: { ...node, inputs: [x, constant(pads), value, constant(axes.map(mapped))] }, image: true };
  },
};

/** Blocks of depth become blocks of pixels. */
interface BlockAttrs extends ChannelAttrs {
  blocksize: number;
  mode?: "DCR" | "CRD";
}

/** [N, C·b·b, H, W] split, and how its parts come to lie as an image b times as large. */
function blocks(shape: readonly number[], { blocksize: b, mode = "DCR", channel = 1 }: BlockAttrs) {
  const spatial = shape.filter((_, i) => i > 0 && i !== channel);
  const depth = mode === "DCR" ? [b, b, shape[channel] / (b * b)] : [shape[channel] / (b * b), b, b];
  const last = channel !== 1;
  const split = [shape[0], ...(last ? [...spatial, ...depth] : [...depth, ...spatial])];
  const [d, s] = last ? [3, 1] : [1, 4];
  const [row, column, c] = mode === "DCR" ? [d, d + 1, d + 2] : [d + 1, d + 2, d];
  const image = [s, row, s + 1, column];
  const perm = last ? [0, ...image, c] : [0, c, ...image];
  const size = spatial.map((n) => n * b);
  const whole = last ? [shape[0], ...size, depth[mode === "DCR" ? 2 : 0]] : [shape[0], depth[mode === "DCR" ? 2 : 0], ...size]; // prettier-ignore
  return { split, perm, whole };
}

const toSpace = (x: Tensor, attrs: BlockAttrs): Tensor => {
  const { split, perm, whole } = blocks(x.shape, attrs);
  return tf.reshape(transpose(tf.reshape(x, split), perm), whole);
};

const toDepth = (y: Tensor, attrs: BlockAttrs): Tensor => {
  const { blocksize: b, channel = 1 } = attrs;
  const shape = y.shape.map((d, i) => (i === 0 ? d : i === channel ? d * b * b : d / b));
  const { split, perm } = blocks(shape, attrs);
  return tf.reshape(transpose(tf.reshape(y, perm.map((p) => split[p])), inverse(perm)), shape); // prettier-ignore
};

const expanded = (x: readonly number[], shape: NDArray): number[] => checkShape(broadcastShapes(x, integers(shape)));

/** Sums the copies. */
function throughTile(dy: Tensor, shape: readonly number[], repeats: readonly number[]): Tensor {
  return repeats.reduce((t, n, d) => {
    if (n === 1) return t;
    const parts = tf.reshape(t, [sizeOf(t.shape.slice(0, d)), n, shape[d], sizeOf(t.shape.slice(d + 1))]);
    return tf.reshape(tf.sum(parts, 1), [...t.shape.slice(0, d), shape[d], ...t.shape.slice(d + 1)]);
  }, dy);
}

interface TriluAttrs {
  upper?: number;
}

/** Whether an element of the last two dimensions is kept. */
function triangle(shape: readonly number[], k: NDArray | undefined, { upper = 1 }: TriluAttrs): NDArray {
  const [rows, columns] = shape.slice(-2);
  const shift = k ? integers(k)[0] : 0;
  const kept = range(rows).flatMap((i) => range(columns).map((j) => Number(upper ? j - i >= shift : j - i <= shift)));
  return arrayOf("bool", kept, [rows, columns]);
}

const keepTriangle = (x: Tensor, shape: readonly number[], { host: [, k], attrs }: Call<TriluAttrs>): Tensor => {
  const { data, shape: kept } = triangle(shape, k, attrs);
  return choose(tf.tensor(data as Uint8Array, [...kept], "bool"), x, tf.zerosLike(x));
};

const MOVING: Table = {
  Transpose: [
    op<{ perm?: number[] }>({
      since: 13,
      layout: transposeLayout,
      affine: true,
      fold: ({ x: [x], attrs: { perm } }) => transposed(x, perm ?? reversed(x.shape.length)),
      forward: ({ x: [x], attrs: { perm } }) => transpose(x, perm ?? reversed(x.rank)),
      vjp: ([dy], { attrs: { perm } }) => [() => transpose(dy, inverse(perm ?? reversed(dy.rank)))],
    }),
  ],
  Concat: [
    op<{ axis: number }>({
      since: 13,
      layout: axisLayout(0),
      fold: ({ x, attrs: { axis } }) => concat(x, axis),
      forward: ({ x, attrs: { axis } }) => (x.length > 1 ? tf.concat([...x], positive(axis, x[0].rank)) : x[0].clone()),
      vjp: ([dy], { x, attrs: { axis } }) => {
        const at = positive(axis, dy.rank);
        const part = partsOf(dy, at, x.map(({ shape }) => shape[at])); // prettier-ignore
        return x.map((_, i) => () => part(i));
      },
    }),
  ],
  Split: [
    op<SplitAttrs>({
      since: 13,
      layout: { ...axisLayout(0), inputs: [0] },
      host: [1],
      fold: ({ x: [x, sizes], attrs: { axis = 0 }, outputs }) => {
        const at = positive(axis, x.shape.length);
        const strides = stridesOf(x.shape);
        let start = 0;
        return splitSizes(x.shape[at], sizes, outputs).map((size) => {
          const part = strided(x, x.shape.map((d, i) => (i === at ? size : d)), strides, start * strides[at]); // prettier-ignore
          start += size;
          return part;
        });
      },
      forward: ({ x: [x], host: [, sizes], attrs: { axis = 0 }, outputs }) => {
        const at = positive(axis, x.rank);
        const parts = splitSizes(x.shape[at], sizes, outputs);
        return parts.map((_, i) => i).map(partsOf(x, at, parts));
      },
      vjp: (dys, { x: [x], host: [, sizes], attrs: { axis = 0 }, outputs }) => {
        const at = positive(axis, x.rank);
        const parts = splitSizes(x.shape[at], sizes, outputs);
        const none = (size: number) => tf.zeros(x.shape.map((d, i) => (i === at ? size : d)));
        return [
          () =>
            tf.concat(
              parts.map((size, i) => dys[i] ?? none(size)),
              at,
            ),
        ];
      },
    }),
  ],
  Slice: [
    op({
      since: 13,
      layout: { ...sliceLayout, inputs: [0] },
      affine: true,
      host: [1, 2, 3, 4],
      fold: ({ x }) => {
        const steps = stepsOf(x[0].shape, x);
        const strides = stridesOf(x[0].shape);
        const offset = steps.reduce((sum, { begin }, d) => sum + begin * strides[d], 0);
        return strided(x[0], steps.map(({ count }) => count), steps.map(({ step }, d) => step * strides[d]), offset); // prettier-ignore
      },
      forward: ({ x: [x], host }) => slice(x, stepsOf(x.shape, host)),
      vjp: ([dy], { x: [x], host }) => [() => throughSlice(dy, x, stepsOf(x.shape, host))],
    }),
  ],
  Expand: [
    op({
      since: 13,
      layout: "plain",
      affine: true,
      host: [1],
      fold: ({ x: [x, shape] }) => broadcastTo(x, expanded(x.shape, shape)),
      forward: ({ x: [x], host: [, shape] }) => spread(x, expanded(x.shape, shape!)),
      vjp: ([dy], { x: [x] }) => [() => unbroadcast(dy, x.shape)],
    }),
  ],
  Tile: [
    op({
      since: 13,
      layout: "plain",
      affine: true,
      host: [1],
      fold: ({ x: [x, repeats] }) =>
        integers(repeats).reduce((t, n, d) => (n === 1 ? t : concat(Array<NDArray>(n).fill(t), d)), x),
      forward: ({ x: [x], host: [, repeats] }) => {
        checkShape(x.shape.map((d, i) => d * integers(repeats!)[i]));
        return tf.tile(x, integers(repeats!));
      },
      vjp: ([dy], { x: [x], host: [, repeats] }) => [() => throughTile(dy, x.shape, integers(repeats!))],
    }),
  ],
  Pad: [
    op<PadAttrs>({
      since: 13,
      layout: padLayout,
      host: [1, 2, 3],
      fold: ({ x, attrs: { mode = "constant" } }) =>
        padsOf(x[0].shape.length, x).reduce((t, p, d) => padHost(t, d, p, mode, x[2] ? numbersOf(x[2])[0] : 0), x[0]),
      forward: ({ x: [x], host, attrs: { mode = "constant" } }) => {
        const pads = padsOf(x.rank, host);
        checkShape(x.shape.map((d, i) => d + pads[i][0] + pads[i][1]));
        if (mode === "constant") return pad(x, pads, host[2] ? Number(host[2].data[0] ?? 0) : 0);
        return pads.reduce((t, p, d) => (p[0] || p[1] ? gatherAlong(t, d, mirrored(mode, x.shape[d], p)) : t), x);
      },
      vjp: ([dy], { x: [x], host, attrs: { mode = "constant" } }) => [
        () => {
          const pads = padsOf(x.rank, host);
          if (mode === "constant") return pad(dy, pads.map(([before, after]) => [-before, -after]), 0); // prettier-ignore
          return pads.reduceRight(
            (t, p, d) => (p[0] || p[1] ? scatterAlong(t, d, mirrored(mode, x.shape[d], p), x.shape[d]) : t),
            dy,
          );
        },
      ],
    }),
  ],
  DepthToSpace: [
    op<BlockAttrs>({
      since: 13,
      layout: channelLayout,
      affine: true,
      forward: ({ x: [x], attrs }) => toSpace(x, attrs),
      vjp: ([dy], { attrs }) => [() => toDepth(dy, attrs)],
    }),
  ],
  SpaceToDepth: [
    op<BlockAttrs>({
      since: 13,
      layout: channelLayout,
      affine: true,
      forward: ({ x: [x], attrs }) => toDepth(x, attrs),
      vjp: ([dy], { attrs }) => [() => toSpace(dy, attrs)],
    }),
  ],
  Trilu: [
    op<TriluAttrs>({
      since: 14,
      layout: "plain",
      host: [1],
      fold: ({ x: [x, k], attrs }) => {
        const kept = numbersOf(broadcastTo(triangle(x.shape, k, attrs), x.shape));
        let i = 0;
        return map(x, (v) => (kept[i++] ? v : 0));
      },
      forward: (call) => keepTriangle(call.x[0], call.x[0].shape, call),
      vjp: ([dy], call) => [() => keepTriangle(dy, dy.shape, call)],
    }),
  ],
};

const MAKING: Table = {
  Shape: [
    op<{ start?: number; end?: number; perm?: number[] }>({
      since: 13,
      // The image's own shape would be that of the layout.
      layout: {
        adapt: (node, { rank, map: mapped }) => ({
          node: { ...node, attrs: { ...node.attrs, perm: range(rank).map(mapped) } },
          image: false,
        }),
      },
      shapeOnly: true,
      fold: ({ x: [{ shape }], attrs: { start = 0, end, perm = range(shape.length) } }) =>
        arrayOf("int64", perm.map((p) => shape[p]).slice(start, end)),
    }),
  ],
  Size: [
    op({
      since: 13,
      layout: "pointwise",
      shapeOnly: true,
      fold: ({ x: [x] }) => arrayOf("int64", [sizeOf(x.shape)], []),
    }),
  ],
  ConstantOfShape: [
    op<{ value?: NDArray }>({
      since: 9,
      layout: "plain",
      fold: ({ x: [shape], attrs: { value } }) => {
        const result = empty(value?.dtype ?? "float32", integers(shape));
        result.data.fill(value ? numbersOf(value)[0] : 0);
        return result;
      },
    }),
  ],
  Range: [
    op({
      since: 11,
      layout: "plain",
      fold: ({ x }) => {
        const [start, limit, delta] = x.map((v) => numbersOf(v)[0]);
        const result = empty(x[0].dtype, [Math.max(0, Math.ceil((limit - start) / delta))]);
        for (let i = 0; i < result.data.length; i++) result.data[i] = start + i * delta;
        return result;
      },
    }),
  ],
  EyeLike: [
    op<{ dtype?: number; k?: number }>({
      since: 9,
      layout: "plain",
      shapeOnly: true,
      fold: ({ x: [x], attrs: { dtype, k = 0 } }) => {
        const result = empty(dtype === undefined ? x.dtype : (elementType(dtype) ?? "float32"), x.shape);
        const [rows, columns] = x.shape;
        for (let i = Math.max(0, -k); i < rows && i + k < columns; i++) result.data[i * columns + i + k] = 1;
        return result;
      },
    }),
  ],
};

export const SHAPE: Table = { ...RESHAPING, ...MOVING, ...MAKING };
