/** Adding values up at places, and what Gather and Scatter make of it. Indices are the host's. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { integers, sizeOf, type NDArray } from "../graph";
import { choose } from "./broadcast";
import { broadcastTo, empty, numbersOf, positions, positive, stridesOf } from "./host";
import { op, type Call, type HostCall, type OpDef, type Table } from "./op";
import { gatherAlong, readsBack } from "./rearrange";
import { onLastAxis } from "./reduce";
import { range } from "./window";

/** Zeros of a shape, plus each value at its flat place. */
export function scatterAdd(values: Tensor, places: ArrayLike<number>, shape: readonly number[]): Tensor {
  const size = sizeOf(shape);
  if (!readsBack()) {
    const ids = tf.tensor1d(Int32Array.from(places), "int32");
    return tf.reshape(tf.unsortedSegmentSum(tf.reshape(values, [-1]), ids, size), [...shape]);
  }
  const source = values.dataSync();
  const result = new Float32Array(size);
  for (let i = 0; i < source.length; i++) result[places[i]] += source[i];
  return tf.tensor(result, [...shape]);
}

/** Each value at its flat place. */
const gatherFlat = (x: Tensor, places: ArrayLike<number>, shape: readonly number[]): Tensor =>
  tf.reshape(tf.gather(tf.reshape(x, [-1]), tf.tensor1d(Int32Array.from(places), "int32")), [...shape]);

/** Inverse of gathering `indices` along an axis of the given length: what was taken several times adds up. */
export function scatterAlong(dy: Tensor, at: number, indices: readonly number[], length: number): Tensor {
  const [outer, inner] = [sizeOf(dy.shape.slice(0, at)), sizeOf(dy.shape.slice(at + 1))];
  const shape = dy.shape.map((d, i) => (i === at ? length : d));
  // tfjs' oneHot wants two places at least.
  if (length === 1) return tf.sum(dy, at, true);
  if (!readsBack()) {
    const hot = tf.oneHot(tf.tensor1d([...indices], "int32"), length, 1, 0, "float32");
    const rows = tf.reshape(dy, [outer, indices.length, inner]);
    return tf.reshape(tf.matMul(tf.expandDims(hot, 0), rows, true), shape);
  }
  const source = dy.dataSync();
  const result = new Float32Array(outer * length * inner);
  for (let o = 0, from = 0; o < outer; o++) {
    for (const index of indices) {
      const to = (o * length + index) * inner;
      for (let k = 0; k < inner; k++) result[to + k] += source[from++];
    }
  }
  return tf.tensor(result, shape);
}

/** Indices as they count from the front; throws where one does not exist. */
function checked(indices: ArrayLike<number>, length: number): number[] {
  return Array.from(indices, (index) => {
    const at = index < 0 ? index + length : index;
    if (!(at >= 0 && at < length)) throw new Error(`index ${index} does not exist: there are ${length}`);
    return at;
  });
}

interface AxisAttrs {
  axis?: number;
}

interface MovingDef<A> {
  since: number;
  host: readonly number[];
  fold: (call: HostCall<A>) => NDArray;
}

/** Where an operator that only moves values takes each of them from: what it makes of the positions. */
const origins = <A>(fold: (call: HostCall<A>) => NDArray, { x: [x], host, attrs, outputs }: Call<A>): NDArray =>
  fold({ x: [positions(x.shape), ...(host.slice(1) as NDArray[])], attrs, outputs });

const moving = <A>({ since, host, fold }: MovingDef<A>): OpDef =>
  op<A>({
    since,
    layout: "plain",
    affine: true,
    host,
    fold,
    forward: (call) => {
      const { data, shape } = origins(fold, call);
      return gatherFlat(call.x[0], data as Int32Array, shape);
    },
    vjp: ([dy], call) => [() => scatterAdd(dy, origins(fold, call).data as Int32Array, call.x[0].shape)],
  });

const GATHER: Table = {
  Gather: [
    op<AxisAttrs>({
      since: 13,
      layout: "plain",
      affine: true,
      host: [1],
      fold: ({ x: [x, at], attrs: { axis = 0 } }) => {
        const along = positive(axis, x.shape.length);
        const [outer, inner] = [sizeOf(x.shape.slice(0, along)), sizeOf(x.shape.slice(along + 1))];
        const indices = checked(numbersOf(at), x.shape[along]);
        const result = empty(x.dtype, [...x.shape.slice(0, along), ...at.shape, ...x.shape.slice(along + 1)]);
        const source = numbersOf(x);
        let to = 0;
        for (let o = 0; o < outer; o++) {
          for (const index of indices) {
            const from = (o * x.shape[along] + index) * inner;
            result.data.set(source.subarray(from, from + inner), to);
            to += inner;
          }
        }
        return result;
      },
      forward: ({ x: [x], host: [, indices], attrs: { axis = 0 } }) => {
        const at = positive(axis, x.rank);
        const taken = gatherAlong(x, at, checked(numbersOf(indices!), x.shape[at]));
        return tf.reshape(taken, [...x.shape.slice(0, at), ...indices!.shape, ...x.shape.slice(at + 1)]);
      },
      vjp: ([dy], { x: [x], host: [, indices], attrs: { axis = 0 } }) => [
        () => {
          const at = positive(axis, x.rank);
          const list = checked(numbersOf(indices!), x.shape[at]);
          const rows = tf.reshape(dy, [...x.shape.slice(0, at), list.length, ...x.shape.slice(at + 1)]);
          return scatterAlong(rows, at, list, x.shape[at]);
        },
      ],
    }),
  ],
  GatherElements: [
    moving<AxisAttrs>({
      since: 13,
      host: [1],
      fold: ({ x: [x, indices], attrs: { axis = 0 } }) => {
        const places = elementPlaces(x.shape, indices, axis);
        const result = empty(x.dtype, indices.shape);
        const source = numbersOf(x);
        places.forEach((place, i) => (result.data[i] = source[place]));
        return result;
      },
    }),
  ],
  GatherND: [
    moving<{ batch_dims?: number }>({
      since: 12,
      host: [1],
      fold: ({ x: [x, indices], attrs: { batch_dims = 0 } }) => {
        const depth = indices.shape.at(-1)!;
        const [places, inner] = slicePlaces(x.shape, indices, batch_dims);
        const result = empty(x.dtype, [...indices.shape.slice(0, -1), ...x.shape.slice(batch_dims + depth)]);
        const source = numbersOf(x);
        places.forEach((place, i) => result.data.set(source.subarray(place, place + inner), i * inner));
        return result;
      },
    }),
  ],
};

/** Flat places that GatherElements and ScatterElements mean: the index replaces the coordinate along the axis. */
function elementPlaces(shape: readonly number[], indices: NDArray, axis: number): number[] {
  const at = positive(axis, shape.length);
  const strides = stridesOf(shape);
  const list = checked(numbersOf(indices), shape[at]);
  const own = stridesOf(indices.shape);
  return list.map((index, i) =>
    own.reduce(
      (place, stride, d) => place + (d === at ? index : Math.floor(i / stride) % indices.shape[d]) * strides[d],
      0,
    ),
  );
}

/** Flat starts of the slices that GatherND and ScatterND mean, and their size. */
function slicePlaces(shape: readonly number[], indices: NDArray, batchDims = 0): [number[], number] {
  const depth = indices.shape.at(-1)!;
  const strides = stridesOf(shape);
  const tuples = numbersOf(indices);
  const [count, batch] = [sizeOf(indices.shape.slice(0, -1)), sizeOf(shape.slice(0, batchDims))];
  const batchSize = sizeOf(shape.slice(batchDims));
  const starts = range(count).map((i) => {
    const within = range(depth).reduce(
      (place, d) => place + checked([tuples[i * depth + d]], shape[batchDims + d])[0] * strides[batchDims + d],
      0,
    );
    return Math.floor(i / (count / batch)) * batchSize + within;
  });
  return [starts, sizeOf(shape.slice(batchDims + depth))];
}

interface ScatterAttrs extends AxisAttrs {
  reduction?: "none" | "add" | "mul" | "max" | "min";
}

const REDUCTIONS: Record<"mul" | "max" | "min", (a: number, b: number) => number> = {
  mul: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
};

/** Values of `data` that an update replaces. */
function replacedBy(places: readonly number[], shape: readonly number[]): Tensor {
  const replaced = new Uint8Array(sizeOf(shape));
  for (const place of places) replaced[place] = 1;
  return tf.tensor(replaced, [...shape], "bool");
}

function scatterInto(
  data: Tensor,
  updates: Tensor,
  places: readonly number[],
  { reduction = "none" }: ScatterAttrs,
): Tensor {
  if (reduction === "add") return tf.add(data, scatterAdd(updates, places, data.shape));
  if (reduction === "none") return choose(replacedBy(places, data.shape), lastOf(updates, places, data.shape), data);
  const result = Float32Array.from(data.dataSync());
  const values = updates.dataSync();
  places.forEach((place, i) => (result[place] = REDUCTIONS[reduction](result[place], values[i])));
  return tf.tensor(result, data.shape);
}

/** Each value at its flat place, the last one where several have the same. */
function lastOf(values: Tensor, places: readonly number[], shape: readonly number[]): Tensor {
  const last = new Map(places.map((place, i) => [place, i]));
  if (last.size === places.length) return scatterAdd(values, places, shape);
  const kept = [...last.values()];
  return scatterAdd(gatherFlat(values, kept, [kept.length]), [...last.keys()], shape);
}

/** Gradients by data and updates. Equal extremes share (torch.scatter_reduce). */
function throughScatter(
  dy: Tensor,
  { x: [data, , updates], y: [y], attrs: { reduction = "none" } }: Call<ScatterAttrs>,
  places: readonly number[],
): [() => Tensor, undefined, () => Tensor] {
  const taken = () => gatherFlat(dy, places, updates.shape);
  if (reduction === "add") return [() => dy.clone(), undefined, taken];
  if (reduction === "none")
    return [() => choose(replacedBy(places, data.shape), tf.zerosLike(dy), dy), undefined, taken];
  const weights = () => {
    const [d, u, result] = [data.dataSync(), updates.dataSync(), y.dataSync()];
    if (reduction === "mul") return factors(d, u, places);
    const same = { d: Float32Array.from(d, (v, i) => Number(v === result[i])), u: Float32Array.from(u, (v, i) => Number(v === result[places[i]])) }; // prettier-ignore
    const total = same.d.slice();
    places.forEach((place, i) => (total[place] += same.u[i]));
    return { d: same.d.map((v, i) => v / total[i]), u: same.u.map((v, i) => v / total[places[i]]) };
  };
  return [
    () => tf.mul(dy, tf.tensor(weights().d, data.shape)),
    undefined,
    () => tf.mul(taken(), tf.tensor(weights().u, updates.shape)),
  ];
}

/** For each factor of the products the product of the others. */
function factors(d: ArrayLike<number>, u: ArrayLike<number>, places: readonly number[]) {
  const members = new Map<number, number[]>();
  places.forEach((place, i) => members.set(place, [...(members.get(place) ?? []), i]));
  const product = (list: readonly number[], but?: number) => list.reduce((p, i) => (i === but ? p : p * u[i]), 1);
  return {
    d: Float32Array.from(d, (_, place) => product(members.get(place) ?? [])),
    u: Float32Array.from(u, (_, i) => d[places[i]] * product(members.get(places[i])!, i)),
  };
}

const scattering = (since: number, placesOf: (call: Call<ScatterAttrs>) => number[]): OpDef =>
  op<ScatterAttrs>({
    since,
    layout: "plain",
    host: [1],
    forward: (call) => scatterInto(call.x[0], call.x[2], placesOf(call), call.attrs),
    vjp: ([dy], call) => throughScatter(dy, call, placesOf(call)),
    fold: ({ x: [data, indices, updates], attrs }) => {
      const { reduction = "none" } = attrs;
      const places = placesOf({ x: [data], host: [undefined, indices], attrs } as unknown as Call<ScatterAttrs>);
      const result = empty(data.dtype, data.shape);
      result.data.set(numbersOf(data));
      const combine = { none: (_: number, b: number) => b, add: (a: number, b: number) => a + b, ...REDUCTIONS }[reduction]; // prettier-ignore
      places.forEach((place, i) => (result.data[place] = combine(result.data[place], numbersOf(updates)[i])));
      return result;
    },
  });

const SCATTER: Table = {
  ScatterElements: [
    scattering(11, ({ x: [data], host: [, indices], attrs: { axis = 0 } }) =>
      elementPlaces(data.shape, indices!, axis),
    ),
  ],
  ScatterND: [
    scattering(11, ({ x: [data], host: [, indices] }) => {
      const [starts, inner] = slicePlaces(data.shape, indices!);
      return starts.flatMap((start) => range(inner).map((k) => start + k));
    }),
  ],
};

interface TopKAttrs extends AxisAttrs {
  largest?: number;
  sorted?: number;
}

/** Values and indices along the last axis; tfjs knows the largest only. */
function topK(x: Tensor, { host: [, k], attrs: { largest = 1 } }: Call<TopKAttrs>): [Tensor, Tensor] {
  const { values, indices } = tf.topk(largest ? x : tf.neg(x), integers(k!)[0], true);
  return [largest ? values : tf.neg(values), indices];
}

export const SCATTERING: Table = {
  ...GATHER,
  ...SCATTER,
  TopK: [
    op<TopKAttrs>({
      since: 11,
      layout: "plain",
      host: [1],
      fold: ({ x: [x, k], attrs: { axis = -1, largest = 1 } }) => {
        const at = positive(axis, x.shape.length);
        const [length, inner, count] = [x.shape[at], sizeOf(x.shape.slice(at + 1)), integers(k)[0]];
        const shape = x.shape.map((d, i) => (i === at ? count : d));
        const [values, indices, source] = [empty(x.dtype, shape), empty("int64", shape), numbersOf(x)];
        for (let row = 0; row < source.length / length; row++) {
          const [outer, at] = [Math.floor(row / inner), row % inner];
          const place = (i: number) => (outer * length + i) * inner + at;
          const order = range(length).sort(
            (a, b) => (largest ? -1 : 1) * (source[place(a)] - source[place(b)]) || a - b,
          );
          order.slice(0, count).forEach((i, n) => {
            const to = (outer * count + n) * inner + at;
            values.data[to] = source[place(i)];
            indices.data[to] = i;
          });
        }
        return [values, indices];
      },
      forward: (call) => {
        const { axis = -1 } = call.attrs;
        return [0, 1].map((i) => onLastAxis(call.x[0], axis, (t) => topK(t, call)[i]));
      },
      vjp: ([dy], { x: [x], y: [, indices], attrs: { axis = -1 } }) => [
        () => {
          const at = positive(axis, x.rank);
          const list = { dtype: "int32" as const, shape: indices.shape, data: indices.dataSync() as Int32Array };
          return scatterAdd(dy, elementPlaces(x.shape, list, at), x.shape);
        },
      ],
    }),
  ],
  NonZero: [
    op({
      since: 13,
      layout: "plain",
      fold: ({ x: [x] }) => {
        const hits = range(sizeOf(x.shape)).filter((i) => numbersOf(x)[i] !== 0);
        const result = empty("int64", [x.shape.length, hits.length]);
        stridesOf(x.shape).forEach((stride, d) =>
          hits.forEach((hit, i) => (result.data[d * hits.length + i] = Math.floor(hit / stride) % x.shape[d])),
        );
        return result;
      },
    }),
  ],
  OneHot: [
    op<AxisAttrs>({
      since: 11,
      layout: "plain",
      fold: ({ x: [indices, depth, values], attrs: { axis = -1 } }) => {
        const length = numbersOf(depth)[0];
        const at = positive(axis, indices.shape.length + 1);
        const shape = [...indices.shape.slice(0, at), length, ...indices.shape.slice(at)];
        const [off, on] = numbersOf(values);
        const result = empty(values.dtype, shape);
        const where = numbersOf(broadcastTo({ ...indices, shape: shape.map((d, i) => (i === at ? 1 : d)) }, shape));
        const inner = sizeOf(shape.slice(at + 1));
        for (let i = 0; i < result.data.length; i++) {
          const wanted = where[i] < 0 ? where[i] + length : where[i];
          result.data[i] = Math.floor(i / inner) % length === wanted ? on : off;
        }
        return result;
      },
    }),
  ],
};
