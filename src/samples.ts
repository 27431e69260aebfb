/** Arrays of the payload -> what goes into the engine, and what comes out of it -> what is shown. */
import type { ArrayLike, FloatArray, ResultArray } from "./engine";
import { itemsOf, perItem } from "./items";
import { rankCorrelation } from "./ranks";
import { channelSum, resample } from "./styles/raster";
import type { Attribution, Result } from "./state";
import type { FeatureSpec, NDArray, Sample } from "./wire";
import type { AttributeRequest } from "./worker";

export function argmax({ data }: NDArray): number {
  let best = 0;
  for (let i = 1; i < data.length; i++) if (data[i] > data[best]) best = i;
  return best;
}

/** Flat index -> index tuple in an output without the batch; one number for a plain class. */
export function unflatten(index: number, shape: readonly number[]): number | number[] {
  if (shape.length < 2) return index;
  return shape.map((length, d) => Math.floor(index / shape.slice(d + 1).reduce((n, s) => n * s, 1)) % length);
}

export function batchOf(arrays: readonly NDArray[]): FloatArray {
  const [{ shape }] = arrays;
  const other = arrays.find((array) => array.shape.join() !== shape.join());
  if (other)
    throw new Error(`samples of the shapes [${shape.join(", ")}] and [${other.shape.join(", ")}] make no batch`);
  const size = arrays[0].data.length;
  const data = new Float32Array(size * arrays.length);
  arrays.forEach(({ data: own }, i) =>
    data.set(own instanceof BigInt64Array ? Float32Array.from(own as Iterable<unknown>, Number) : own, i * size),
  );
  return { data, shape: [arrays.length, ...shape] };
}

export const byInput = <T>(features: readonly FeatureSpec[], value: (i: number) => T): Record<string, T> =>
  Object.fromEntries(features.map(({ input }, i) => [input, value(i)]));

export function inputsOf(samples: readonly Sample[], features: readonly FeatureSpec[]): Record<string, FloatArray> {
  const additional = Object.keys(samples[0].additional).map(
    (name) => [name, batchOf(samples.map((sample) => sample.additional[name]))] as const,
  );
  return {
    ...byInput(features, (i) => batchOf(samples.map(({ inputs }) => inputs[i]))),
    ...Object.fromEntries(additional),
  };
}

/** Samples that make one batch, batch by batch: texts may differ in length. */
export function alike(samples: readonly Sample[]): (readonly Sample[])[] {
  const batches = new Map<string, Sample[]>();
  for (const sample of samples) {
    const shapes = [...sample.inputs, ...Object.values(sample.additional)].map(({ shape }) => shape);
    const key = JSON.stringify(shapes);
    batches.set(key, [...(batches.get(key) ?? []), sample]);
  }
  return [...batches.values()];
}

export const rowOf = ({ data }: ResultArray, i: number, n: number): Float32Array =>
  new Float32Array(data.subarray((i * data.length) / n, ((i + 1) * data.length) / n));

const joined = (arrays: readonly ArrayLike[]): ArrayLike => ({
  data: Float32Array.from(arrays.flatMap(({ data }) => Array.from(data))),
  shape: [arrays.length, ...arrays[0].shape.slice(1)],
});

/** Requests for one sample each -> one for all of them. */
export function together(requests: readonly AttributeRequest[]): AttributeRequest {
  const [first] = requests;
  const all = (arrays: (request: AttributeRequest) => Record<string, ArrayLike> | undefined) =>
    arrays(first) &&
    Object.fromEntries(
      Object.keys(arrays(first)!).map((name) => [name, joined(requests.map((request) => arrays(request)![name]))]),
    );
  return {
    ...first,
    inputs: all(({ inputs }) => inputs)!,
    baselines: all(({ baselines }) => baselines),
    feature_mask: all(({ feature_mask }) => feature_mask),
    target: first.target && requests.flatMap(({ target }) => target as number[]),
  };
}

/** What a request for several samples has come to, sample by sample. */
export const apart = (maps: Record<string, FloatArray>, samples: number): Record<string, FloatArray>[] =>
  Array.from({ length: samples }, (_, i) =>
    Object.fromEntries(
      Object.entries(maps).map(([name, map]) => [
        name,
        { data: rowOf(map, i, samples), shape: [1, ...map.shape.slice(1)] },
      ]),
    ),
  );

/** By a first map and then a second one: rank correlation of their pixels, tokens or values. */
const agreements = new WeakMap<Result["attributions"], WeakMap<Result["attributions"], number | null>>();

/**
 * Spearman's rank correlation of two explanations of a sample over the pixels, tokens and values of all features, as they are
 * shown: the coarser one of two maps is enlarged, an embedding summed. Null without both.
 */
export function agreementOf(sample: Sample, a: Result | null, b: Result | null): number | null {
  if (!a || !b) return null;
  const known = agreements.get(a.attributions) ?? new WeakMap<Result["attributions"], number | null>();
  agreements.set(a.attributions, known);
  if (!known.has(b.attributions)) known.set(b.attributions, correlated(sample, a.attributions, b.attributions));
  return known.get(b.attributions)!;
}

function correlated(sample: Sample, a: Result["attributions"], b: Result["attributions"]): number | null {
  const pairs = a.flatMap((one, i) => {
    const other = b[i];
    if (!one || !other) return [];
    if (itemsOf(sample, i)) {
      const scores = [one, other].flatMap((map) => perItem(map, sample.inputs[i].shape)?.values ?? []);
      return scores.length === 2 ? [scores] : [];
    }
    const [p, q] = [one, other].map(({ values, shape }) => channelSum(values, shape));
    const [width, height] = [Math.max(p.width, q.width), Math.max(p.height, q.height)];
    return [[resample(p, width, height).data, resample(q, width, height).data]];
  });
  if (!pairs.length) return null;
  const joined = (side: number) => Float32Array.from(pairs.flatMap((pair) => Array.from(pair[side])));
  return rankCorrelation(joined(0), joined(1));
}

export function relativeDifference(ours: Float32Array, theirs: Float32Array): number {
  let [most, scale] = [0, 0];
  theirs.forEach((value, i) => {
    const d = Math.abs(value - ours[i]);
    most = Number.isFinite(d) ? Math.max(most, d) : Infinity;
    scale = Math.max(scale, Math.abs(value));
  });
  return scale ? most / scale : most;
}

export function summed(
  values: Float32Array,
): Omit<Attribution, "shape" | "share" | "contribution"> & { share: number; contribution: number } {
  let [positive, negative] = [0, 0];
  for (const v of values) {
    if (v > 0) positive += v;
    else negative += v;
  }
  return { values, sum: positive + negative, positive, negative, share: 0, contribution: 0 };
}

/** Shares over all features: signed sum by all magnitudes, and Captum Insights' by the sums' magnitudes. */
export function setShares(attributions: Attribution[]): void {
  const magnitude = attributions.reduce((sum, { positive, negative }) => sum + positive - negative, 0);
  const net = attributions.reduce((n, a) => n + Math.abs(a.sum), 0);
  for (const a of attributions) {
    a.share = magnitude ? a.sum / magnitude : 0;
    a.contribution = net ? a.sum / net : 0;
  }
}
