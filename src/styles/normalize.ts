/** Attribution values -> a map between -1 and 1, by Captum's rule (`captum.attr._utils.visualization._normalize_attr`, 0.9.0). */
import type { Sign } from "./style";

export interface NormalizedMap {
  /** [height * width]; -1..1 where signed, else 0..1 (as in Captum, negative values are given by their magnitude). */
  values: Float32Array;
  /** What the values were divided by, > 0; 0 where nothing is left to scale, and then all values are 0. */
  scale: number;
}

/** Magnitudes in ascending order, and their running sums. */
interface Cumulative {
  magnitudes: Float32Array;
  sums: Float32Array;
}

/**
 * One map, to be normalised again and again while its display changes: sorts only once.
 * Values that are no finite number count as 0.
 */
export class Normalizer {
  readonly #map: Float32Array;
  readonly #sorted = new Map<string, Cumulative>();

  /** @param map [height * width], already summed over the channels */
  constructor(map: Float32Array) {
    this.#map = map.slice();
    for (let i = 0; i < map.length; i++) if (!Number.isFinite(map[i])) this.#map[i] = 0;
  }

  /**
   * Divides by the magnitude below which (100 - clip) per cent of the cumulative magnitude lie, and clips.
   * Where Captum refuses to divide by 0, the map stays blank.
   * @param clip 0..100, Captum's `outlier_perc`
   * @param given is what to divide by instead
   */
  normalize(sign: Sign, clip: number, given: number | null = null): NormalizedMap {
    const scale = given ?? threshold(this.#cumulative(sign), 100 - clip);
    const values = new Float32Array(this.#map.length);
    if (scale === 0) return { values, scale };
    const low = sign === "signed" ? -1 : 0;
    const mirror = sign === "absolute";
    const divisor = sign === "negative" ? -scale : scale;
    for (let i = 0; i < values.length; i++) {
      const value = (mirror ? Math.abs(this.#map[i]) : this.#map[i]) / divisor;
      // Adding 0 only removes the sign of a negative zero.
      values[i] = (value < low ? low : value > 1 ? 1 : value) + 0;
    }
    return { values, scale };
  }

  #cumulative(sign: Sign): Cumulative {
    const key = sign === "signed" ? "absolute" : sign;
    const known = this.#sorted.get(key);
    if (known) return known;
    const kept = new Float32Array(this.#map.length);
    for (let i = 0; i < kept.length; i++) {
      const value = this.#map[i];
      if (key === "absolute" || (key === "positive" ? value > 0 : value < 0)) kept[i] = Math.abs(value);
    }
    const magnitudes = ascending(kept);
    const sums = new Float32Array(magnitudes.length);
    // In float32 like numpy, to stop at the same pixel.
    for (let i = 0, sum = 0; i < sums.length; i++) sums[i] = sum = Math.fround(sum + magnitudes[i]);
    const made = { magnitudes, sums };
    this.#sorted.set(key, made);
    return made;
  }
}

export const normalize = (map: Float32Array, sign: Sign, clip: number): NormalizedMap =>
  new Normalizer(map).normalize(sign, clip);

/** The smallest magnitude at which the running sum reaches `percentile`. */
function threshold({ magnitudes, sums }: Cumulative, percentile: number): number {
  const limit = Math.fround(Math.fround((sums.at(-1) ?? 0) * Math.fround(0.01)) * Math.fround(percentile));
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] >= limit) high = middle;
    else low = middle + 1;
  }
  return magnitudes[low] ?? 0;
}

const DIGIT = 11;

/** Non-negative floats sort like their bits: a radix sort, six times as fast as the built-in one for a map of 224 x 224. */
export function ascending(values: Float32Array): Float32Array {
  let from = new Uint32Array(values.slice().buffer);
  let to = new Uint32Array(values.length);
  for (let shift = 0; shift < 32; shift += DIGIT) {
    const starts = new Uint32Array((1 << DIGIT) + 1);
    const mask = (1 << DIGIT) - 1;
    for (let i = 0; i < from.length; i++) starts[((from[i] >>> shift) & mask) + 1] += 1;
    for (let digit = 0; digit < mask; digit++) starts[digit + 1] += starts[digit];
    for (let i = 0; i < from.length; i++) to[starts[(from[i] >>> shift) & mask]++] = from[i];
    [from, to] = [to, from];
  }
  return new Float32Array(from.buffer);
}
