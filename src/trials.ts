/** What the selected sample becomes when a part of it is hidden or changed, and how that looks. */
import type { Edit, Inspect } from "./choice";
import { averaged, blurred, mixed, picturing, placesOf, ranked } from "./pixels";
import type { Result } from "./state";
import { imageOf } from "./items";
import type { NDArray, Sample } from "./wire";

/** The sample with a part of it hidden or changed. */
export interface Variant {
  /** By feature, as the model sees it. */
  inputs: NDArray[];
  /** Of the feature in view, [C, H, W], C = 1 or 3, 0..1; null where that is no image. */
  picture: NDArray | null;
  /** Places of the feature in view that are not those of the sample, [height * width], 1 where hidden or changed. */
  hidden: Uint8Array;
}

export interface Variants {
  /** Null where nothing is painted or edited. */
  after: Variant | null;
  /** Null without a finished map that says something about every place. */
  deleted: Variant | null;
  inserted: Variant | null;
}

/** Height and width of what can be hidden in a feature. */
export function rasterOf({ inputs }: Sample, feature: number): { width: number; height: number } {
  const { shape } = inputs[feature];
  return { width: shape.at(-1) ?? 1, height: placesOf(shape).places / (shape.at(-1) ?? 1) };
}

/** How many places of all features the scrubber hides. */
export const hiddenAt = (at: number, places: number): number => Math.round(at * places);

/** What the variants at the scrubber were made of: while that is the same, so are they. */
const origins = new WeakMap<Variant, readonly unknown[]>();

/**
 * @param painted [H * W] of the feature in view, 1 where hidden
 * @param edits of any feature; they go before what is painted
 * @param before what was tried last: of the same scrubber nothing is made again
 */
export function variantsOf(
  sample: Sample,
  result: Result | null,
  { feature, fill, at }: Inspect,
  painted: Uint8Array,
  edits: readonly Edit[],
  baseline: number,
  before: Variants | null = null,
): Variants {
  const values = sample.inputs.map(({ data }) => data as Float32Array<ArrayBuffer>);
  const shapes = sample.inputs.map(({ shape }) => shape);
  const draw = drawingOf(sample, feature);
  const variant = (changed: Float32Array<ArrayBuffer>[], hidden: Uint8Array): Variant => ({
    inputs: changed.map((data, i) => ({ dtype: "float32", shape: shapes[i], data })),
    picture: draw && { dtype: "float32", ...draw(changed[feature]) },
    hidden,
  });

  const isImage = (i: number): boolean => imageOf(sample, i) !== null;
  const replacement = (): Float32Array => {
    if (isImage(feature) && fill === "blur") return blurredOf(sample, feature);
    if (isImage(feature) && fill === "mean") return averagedOf(sample, feature);
    return baselineOf(sample, feature, baseline);
  };
  const withPaint = (): Variant => {
    const changed = values.map((x, i) => (i === feature ? mixed(x, replacement(), shapes[i], painted) : x.slice()));
    const hidden = painted.slice();
    for (const [i, place, value] of edits) {
      changed[i][place] = value;
      if (i === feature) hidden[place] = 1;
    }
    return variant(changed, hidden);
  };
  const after = edits.length > 0 || painted.includes(1) ? withPaint() : null;

  const order = result && orderOf(result, shapes);
  if (!order) return { after, deleted: null, inserted: null };
  const origin = [sample, order, feature, at, baseline];
  if (before?.deleted && isSame(origins.get(before.deleted), origin)) return { ...before, after };
  const taken = new Uint8Array(order.length);
  for (const place of order.subarray(0, hiddenAt(at, order.length))) taken[place] = 1;
  let start = 0;
  const byFeature = shapes.map((shape) => taken.slice(start, (start += placesOf(shape).places)));
  const swapped = (from: (i: number) => Float32Array, to: (i: number) => Float32Array) =>
    values.map((_, i) => mixed(from(i), to(i), shapes[i], byFeature[i]));
  const base = (i: number): Float32Array => baselineOf(sample, i, baseline);
  const faint = (i: number): Float32Array => (shapes[i].length === 3 ? blurredOf(sample, i) : base(i));
  const own = (i: number): Float32Array => values[i];
  const deleted = variant(swapped(own, base), byFeature[feature]);
  origins.set(deleted, origin);
  return { after, deleted, inserted: variant(swapped(faint, own), byFeature[feature].map((v) => 1 - v)) }; // prettier-ignore
}

const isSame = (a: readonly unknown[] | undefined, b: readonly unknown[]): boolean =>
  a !== undefined && b.every((value, i) => value === a[i]);

function baselineOf({ baselines }: Sample, feature: number, choice: number): Float32Array {
  const all = baselines[feature];
  return all[Math.min(choice, all.length - 1)].data as Float32Array;
}

const drawings = new WeakMap<NDArray, ReturnType<typeof picturing>>();
function drawingOf(sample: Sample, feature: number): ReturnType<typeof picturing> | null {
  const image = imageOf(sample, feature);
  const input = sample.inputs[feature];
  return image && once(drawings, input, () => picturing(plainOf(input), plainOf(image)));
}

const blurs = new WeakMap<NDArray, Float32Array>();
const blurredOf = ({ inputs }: Sample, feature: number): Float32Array =>
  once(blurs, inputs[feature], () => blurred(inputs[feature].data as Float32Array, inputs[feature].shape));

const averages = new WeakMap<NDArray, Float32Array>();
const averagedOf = ({ inputs }: Sample, feature: number): Float32Array =>
  once(averages, inputs[feature], () => averaged(inputs[feature].data as Float32Array, inputs[feature].shape));

const orders = new WeakMap<Result["attributions"], Int32Array | null>();

/** Places of all features, the most important first; null where the result does not speak of every place. */
const orderOf = ({ attributions }: Result, shapes: readonly (readonly number[])[]): Int32Array | null =>
  once(orders, attributions, () => {
    const maps = attributions.map(
      (attribution) => attribution && { data: attribution.values, shape: attribution.shape },
    );
    const fits = maps.every((map, i) => map && placesOf(map.shape).places === placesOf(shapes[i]).places);
    return fits ? ranked(maps.filter((map) => map !== null)) : null;
  });

const plainOf = ({ data, ...array }: NDArray) => ({ ...array, data: data as Exclude<typeof data, BigInt64Array> });

/** What takes time is made once for each array. */
function once<Key extends object, Value>(known: WeakMap<Key, Value>, key: Key, make: () => Value): Value {
  if (!known.has(key)) known.set(key, make());
  return known.get(key)!;
}
