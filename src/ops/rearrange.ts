/** Values put in another order, by what is fast on WASM. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";

type Numbers = Float32Array | Int32Array | Uint8Array;

const read = (x: Tensor): Numbers => x.dataSync<"float32" | "int32" | "bool">();
const empty = (like: Numbers, size: number): Numbers => new (like.constructor as Float32ArrayConstructor)(size);
const replaced = (shape: readonly number[], at: number, size: number) => shape.map((d, i) => (i === at ? size : d));

/** Where tensors lie in main memory one loop over them beats tfjs' kernels, or stands in for those that WASM lacks. */
export const readsBack = (): boolean => tf.getBackend() !== "webgl";

/** Runs of this many values are copied faster one by one than tfjs' kernel moves each value. */
const RUN = 16;

/** numpy.transpose; `perm` reverses the axes if not given. */
export function transpose(x: Tensor, perm: readonly number[] = x.shape.map((_, i) => x.rank - 1 - i)): Tensor {
  const to = perm.map((axis) => x.shape[axis]);
  // Axes that stay neighbours move as one: the kernel is fast for few of them only.
  const groups = grouped(x.shape, perm);
  if (groups.length < 2) return tf.reshape(x, to);
  const order = [...groups].sort((a, b) => a.first - b.first);
  const merged = tf.reshape(
    x,
    order.map(({ size }) => size),
  );
  const mergedPerm = groups.map((group) => order.indexOf(group));
  return tf.reshape(tf.getBackend() === "wasm" ? transposeFast(merged, mergedPerm) : tf.transpose(merged, mergedPerm), to); // prettier-ignore
}

/** tfjs' WASM kernel takes ten times as long for more than four axes: there in two steps, of which one moves runs. */
function transposeFast(x: Tensor, perm: readonly number[]): Tensor {
  const end = x.rank - 1;
  const last = perm[end];
  if (last === end && x.shape[end]! >= RUN) return transposeRuns(x, perm);
  if (x.rank <= 4) return tf.transpose(x, [...perm]);
  const first =
    x.shape[last]! >= RUN
      ? [...perm.filter((axis) => axis !== last).sort((a, b) => a - b), last]
      : [...perm.filter((axis) => axis !== end), end];
  if (x.shape[last]! < RUN && x.shape[end]! < RUN) return tf.transpose(x, [...perm]);
  return transpose(
    transpose(x, first),
    perm.map((axis) => first.indexOf(axis)),
  );
}

interface AxisGroup {
  first: number;
  size: number;
}

/** Axes in the order of `perm`, those of length 1 left out, neighbours that stay neighbours as one. */
function grouped(shape: readonly number[], perm: readonly number[]): AxisGroup[] {
  const groups: (AxisGroup & { next: number })[] = [];
  const after = (axis: number): number => (shape[axis] === 1 && axis < shape.length ? after(axis + 1) : axis);
  for (const axis of perm) {
    if (shape[axis] === 1) continue;
    const group = groups[groups.length - 1];
    const next = after(axis + 1);
    if (group?.next === axis) Object.assign(group, { size: group.size * shape[axis], next });
    else groups.push({ first: axis, size: shape[axis], next });
  }
  return groups;
}

/** A transposition that leaves the last axis in its place. */
function transposeRuns(x: Tensor, perm: readonly number[]): Tensor {
  const from = read(x);
  const run = x.shape[x.rank - 1]!;
  const shape = perm.map((axis) => x.shape[axis]);
  const strides = x.shape.map((_, i) => sizeOf(x.shape.slice(i + 1)));
  const y = empty(from, x.size);
  const outer = perm.slice(0, -1);
  const walk = (level: number, at: number, to: number): number => {
    const stride = strides[outer[level]];
    for (let i = 0; i < shape[level]; i++, at += stride) {
      if (level < outer.length - 1) to = walk(level + 1, at, to);
      else {
        y.set(from.subarray(at, at + run), to);
        to += run;
      }
    }
    return to;
  };
  walk(0, 0, 0);
  return tf.tensor(y, shape, x.dtype);
}

/** Turns one axis round. As a middle one of three: WebGL knows four at most. */
export const reverse = (x: Tensor, axis: number): Tensor =>
  tf.reshape(tf.reverse(tf.reshape(x, [sizeOf(x.shape.slice(0, axis)), x.shape[axis], sizeOf(x.shape.slice(axis + 1))]), 1), x.shape); // prettier-ignore

/**
 * The parts of these sizes along dimension `at`, each when it is asked for. On WASM a slice first copies all of what it is
 * sliced from: hence one read for all parts.
 */
export function partsOf(x: Tensor, at: number, sizes: readonly number[]): (i: number) => Tensor {
  const begin = (i: number) => sizes.slice(0, i).reduce((a, b) => a + b, 0);
  if (!readsBack()) {
    const zeros = x.shape.map(() => 0);
    return (i) => tf.slice(x, replaced(zeros, at, begin(i)), replaced(x.shape, at, sizes[i]));
  }
  const [outer, inner] = [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at + 1))];
  const row = x.shape[at] * inner;
  let data: Numbers | undefined;
  return (i) => {
    data ??= read(x);
    const [from, length] = [begin(i) * inner, sizes[i] * inner];
    const part = empty(data, outer * length);
    for (let r = 0; r < outer; r++) part.set(data.subarray(r * row + from, r * row + from + length), r * length);
    return tf.tensor(part, replaced(x.shape, at, sizes[i]), x.dtype);
  };
}

/** The tensors along the first axis, with one read as well. */
export function unstack(x: Tensor): Tensor[] {
  if (!readsBack()) return tf.unstack(x);
  const shape = x.shape.slice(1);
  const size = sizeOf(shape);
  const data = read(x);
  return Array.from({ length: x.shape[0] }, (_, i) =>
    tf.tensor(data.subarray(i * size, (i + 1) * size), shape, x.dtype),
  );
}

/** The values at `indices` along dimension `at`. */
export function gatherAlong(x: Tensor, at: number, indices: readonly number[]): Tensor {
  if (!readsBack()) return tf.gather(x, tf.tensor1d([...indices], "int32"), at);
  const [outer, inner] = [sizeOf(x.shape.slice(0, at)), sizeOf(x.shape.slice(at + 1))];
  const source = read(x);
  const result = empty(source, outer * indices.length * inner);
  for (let o = 0, to = 0; o < outer; o++) {
    for (const index of indices) {
      const from = (o * x.shape[at] + index) * inner;
      result.set(source.subarray(from, from + inner), to);
      to += inner;
    }
  }
  return tf.tensor(result, replaced(x.shape, at, indices.length), x.dtype);
}
