/** Array arithmetic on the host, NumPy's way: what folds shapes, indices and constants. Integers are exact to 2^53. */
import { sizeOf, type DType, type NDArray } from "../graph";

/** Elements of the largest array that may be made: a graph's numbers are untrusted. */
export const MOST_ELEMENTS = 2 ** 28;

type Data = Exclude<NDArray["data"], string[]>;

/** A shape that can be allocated; throws where it cannot. */
export function checkShape(shape: readonly number[]): number[] {
  if (!shape.every((d) => Number.isInteger(d) && d >= 0))
    throw new Error(`a result of shape [${shape.join(", ")}] does not exist`);
  if (sizeOf(shape) > MOST_ELEMENTS)
    throw new Error(`a result of shape [${shape.join(", ")}] is too large (at most ${MOST_ELEMENTS} values)`);
  return [...shape];
}

/** Zeros. */
export function empty(dtype: DType, shape: readonly number[]): NDArray & { data: Data } {
  const size = sizeOf(checkShape(shape));
  return { dtype, shape, data: allocate(dtype, size) };
}

function allocate(dtype: DType, size: number): Data {
  switch (dtype) {
    case "float32":
      return new Float32Array(size);
    case "int32":
      return new Int32Array(size);
    case "int64":
      return new Float64Array(size);
    case "bool":
      return new Uint8Array(size);
    case "string":
      throw new Error("strings cannot be computed with");
  }
}

/** An array of `values`, by default a vector. */
export function arrayOf(dtype: DType, values: ArrayLike<number>, shape: readonly number[] = [values.length]): NDArray {
  const result = empty(dtype, shape);
  result.data.set(values);
  return result;
}

export const numbersOf = ({ data, dtype }: NDArray): Data => {
  if (dtype === "string") throw new Error("strings cannot be computed with");
  return data as Data;
};

export const withShape = (x: NDArray, shape: readonly number[]): NDArray => ({ ...x, shape });

/** A possibly negative axis. */
export function positive(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= Math.max(rank, 1)) throw new Error(`axis ${axis} does not exist in ${rank} dimensions`);
  return at;
}

/** Elements to step over for one step along each axis. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/** The elements at offset + index · strides, in the order of `shape`: slices, transpositions and broadcasts alike. */
export function strided(x: NDArray, shape: readonly number[], strides: readonly number[], offset = 0): NDArray {
  const result = empty(x.dtype, shape);
  const source = numbersOf(x);
  const index = Array<number>(shape.length).fill(0);
  let at = offset;
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] = source[at];
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < shape[d]) break;
      at -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return result;
}

export function broadcastShapes(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((s) => s[i - rank + s.length] ?? 1);
    const size = sizes.find((d) => d !== 1) ?? 1;
    if (sizes.some((d) => d !== 1 && d !== size))
      throw new Error(`shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")} cannot be broadcast together`);
    return size;
  });
}

export function broadcastTo(x: NDArray, shape: readonly number[]): NDArray {
  const lead = shape.length - x.shape.length;
  const strides = stridesOf(x.shape).map((stride, i) => (x.shape[i] === 1 ? 0 : stride));
  return strided(x, shape, [...Array<number>(lead).fill(0), ...strides]);
}

export const transposed = (x: NDArray, perm: readonly number[]): NDArray => {
  const strides = stridesOf(x.shape);
  return strided(
    x,
    perm.map((p) => x.shape[p]),
    perm.map((p) => strides[p]),
  );
};

export function map(x: NDArray, f: (value: number) => number, dtype: DType = x.dtype): NDArray {
  const result = empty(dtype, x.shape);
  const source = numbersOf(x);
  for (let i = 0; i < source.length; i++) result.data[i] = f(source[i]);
  return result;
}

/** f over arrays that are broadcast against each other. */
export function zip(xs: readonly NDArray[], f: (...values: number[]) => number, dtype: DType = xs[0].dtype): NDArray {
  const shape = broadcastShapes(...xs.map((x) => x.shape));
  const sources = xs.map((x) => numbersOf(sizeOf(x.shape) === sizeOf(shape) ? x : broadcastTo(x, shape)));
  const result = empty(dtype, shape);
  for (let i = 0; i < result.data.length; i++) result.data[i] = f(...sources.map((source) => source[i]));
  return result;
}

/** The result's size along an axis is the sum of the parts'. */
export function concat(xs: readonly NDArray[], axis: number): NDArray {
  const at = positive(axis, xs[0].shape.length);
  const shape = xs[0].shape.map((d, i) => (i === at ? xs.reduce((sum, x) => sum + x.shape[at], 0) : d));
  const result = empty(xs[0].dtype, shape);
  const outer = sizeOf(shape.slice(0, at));
  let to = 0;
  for (let o = 0; o < outer; o++) {
    for (const x of xs) {
      const run = sizeOf(x.shape.slice(at));
      result.data.set(numbersOf(x).subarray(o * run, (o + 1) * run), to);
      to += run;
    }
  }
  return result;
}

/** 0, 1, 2 ... in a shape: put through an operator that only moves values it tells where each came from. */
export function positions(shape: readonly number[]): NDArray {
  const result = empty("int32", shape);
  for (let i = 0; i < result.data.length; i++) result.data[i] = i;
  return result;
}
