/** What follows from a state for whoever draws it, on the page or as a figure. */
import { plural } from "./format";
import { countOf, inView, itemsOf, maskOfItems, perItem, UNITS } from "./items";
import type { Attribution, Card, Compare, CompareCell, Inspection, Prediction, Result, State } from "./state";
import { heatMap } from "./styles/heat-map";
import { styleNamed } from "./styles/index";
import { ascending } from "./styles/normalize";
import { original } from "./styles/original";
import { channelSum } from "./styles/raster";
import type { Sign, Style } from "./styles/style";

/** The pictures beside the original: the map itself, and the chosen style where that is another one; none where it is the original. */
export function picturesOf(style: string): Style[] {
  const chosen = styleNamed(style);
  return chosen === original ? [] : chosen === heatMap ? [heatMap] : [heatMap, chosen];
}

/** What the ends of a ramp mean, and its ticks. */
export const RAMP_ENDS: Record<Sign, { words: [string, string]; ticks: string[] }> = {
  signed: { words: ["against target", "for target"], ticks: ["−1", "0", "+1"] },
  positive: { words: ["", "for target"], ticks: ["0", "+1"] },
  negative: { words: ["", "against target"], ticks: ["0", "−1"] },
  absolute: { words: ["", "magnitude"], ticks: ["0", "1"] },
};

/** A class's name, or its number where it has none. */
export function nameOf(card: Card, classes: readonly string[], index: number | null): string | null {
  if (index === null) return null;
  return card.predictions.find((prediction) => prediction.index === index)?.label ?? classes[index] ?? String(index);
}

/** The first `max`, the last of them giving way to the true class where that is not among them. */
export function shownPredictions(predictions: readonly Prediction[], truth: number | null, max: number): Prediction[] {
  const shown = predictions.slice(0, max);
  const truly = predictions.find(({ index }) => index === truth);
  if (truly && !shown.includes(truly)) shown[max - 1] = truly;
  return shown;
}

/** The scores that bars or axes span: those of probabilities, or what there is. */
export function spanOf(scores: readonly number[]): [number, number] {
  const finite = scores.filter(Number.isFinite);
  if (finite.every((value) => value >= 0 && value <= 1)) return [0, 1];
  return [Math.min(0, ...finite), Math.max(0, ...finite)];
}

/** Where a value lies in a span, 0..1; 0 for one that is no number, and in a span of nothing. */
export function shareOf([low, high]: readonly [number, number], value: number): number {
  return Number.isFinite(value) && high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0;
}

/** A delta beyond this share of f(x) - f(baseline) means that the attributions do not add up. */
const DELTA_TOLERANCE = 0.05;

export const isDeltaHigh = ({ delta, change }: Result): boolean =>
  delta !== null && change !== null && Math.abs(delta) > DELTA_TOLERANCE * Math.abs(change);

/**
 * Which values are the best, as far as three decimals tell: several where they are equal, none where all are.
 * What is null takes no part.
 */
export function bestOf(values: readonly (number | null)[], better: "lowest" | "highest"): boolean[] {
  const shown = values.map((value) => (value === null || !Number.isFinite(value) ? null : Math.round(value * 1000)));
  const known = shown.filter((value) => value !== null);
  const best = better === "lowest" ? Math.min(...known) : Math.max(...known);
  const differ = known.some((value) => value !== best);
  return shown.map((value) => differ && value === best);
}

/** What the maps of each row are divided by: the largest of their own scales in the row, or of all; null: each by its own. */
export function rowScales(
  rows: readonly (readonly CompareCell[])[],
  scale: Compare["scale"],
  feature: number,
  scaleOf: (attribution: Attribution, row: number) => number,
): (number | null)[] {
  if (scale === "map") return rows.map(() => null);
  const largest = (cells: readonly CompareCell[], row: number): number =>
    cells.reduce((most, { result }) => {
      const attribution = result?.attributions[feature];
      return attribution ? Math.max(most, scaleOf(attribution, row)) : most;
    }, 0);
  const each = rows.map(largest);
  return scale === "row" ? each : each.map(() => Math.max(...each));
}

/** "Integrated Gradients" → "IG": for a second mention; a single word stays. */
export function initialsOf(title: string): string {
  const words = title.split(/[\s-]+/).filter(Boolean);
  return words.length > 1 ? words.map((word) => [...word][0].toUpperCase()).join("") : title;
}

export interface Grid {
  width: number;
  height: number;
}

/** What pixels, tokens and categories are ranked by: the magnitude of what the sign shows; what it does not show comes last. */
export function strengthOf(value: number, sign: Sign): number {
  if (!Number.isFinite(value)) return 0;
  return sign === "positive" ? Math.max(value, 0) : sign === "negative" ? Math.max(-value, 0) : Math.abs(value);
}

/** The pixels of a map, or tokens or categories, by their strength. */
export class Ranking {
  /** The attribution of every place, summed over its channels. */
  readonly values: Float32Array;
  readonly #strengths: Float32Array;
  #ascending: Float32Array | null = null;

  /** A map of another size is laid over the grid. */
  constructor({ values, shape }: Attribution, { width, height }: Grid, sign: Sign) {
    const map = channelSum(values, shape);
    const fits = map.width === width && map.height === height;
    this.values = fits
      ? map.data
      : Float32Array.from({ length: width * height }, (_, i) => {
          const x = Math.floor(((i % width) * map.width) / width);
          const y = Math.floor((Math.floor(i / width) * map.height) / height);
          return map.data[y * map.width + x];
        });
    this.#strengths = new Float32Array(this.values.length);
    for (let i = 0; i < this.values.length; i++) this.#strengths[i] = strengthOf(this.values[i], sign);
  }

  get #sorted(): Float32Array {
    return (this.#ascending ??= ascending(this.#strengths));
  }

  /** From 1; equals share the best of their ranks. */
  rank(i: number): number {
    return this.#sorted.length - this.#upTo(this.#strengths[i]) + 1;
  }

  /** The first `count` as a mask: of equals those that come first in reading order; none where all are equal. */
  top(count: number): Uint8Array {
    const [sorted, size] = [this.#sorted, this.#sorted.length];
    const mask = new Uint8Array(size);
    if (count <= 0 || sorted[0] === sorted[size - 1]) return mask;
    const least = sorted[Math.max(size - count, 0)];
    let equals = count - (size - this.#upTo(least));
    for (let i = 0; i < size; i++) {
      const value = this.#strengths[i];
      if (value > least || (value === least && equals-- > 0)) mask[i] = 1;
    }
    return mask;
  }

  /** The first `count`, in order. */
  first(count: number): number[] {
    const order: number[] = [];
    const top = this.top(count);
    for (let i = top.indexOf(1); i >= 0; i = top.indexOf(1, i + 1)) order.push(i);
    return order.sort((a, b) => this.#strengths[b] - this.#strengths[a] || a - b);
  }

  /** How many are not stronger than that. */
  #upTo(strength: number): number {
    const sorted = this.#sorted;
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] <= strength) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const itemRankings = new WeakMap<Attribution, Map<Sign, Ranking>>();

/** The tokens or categories of an input of that shape by their strength; null without scores that lie over them. */
export function itemRanking(
  attribution: Attribution | null | undefined,
  shape: readonly number[],
  sign: Sign,
): Ranking | null {
  const own = attribution ? perItem(attribution, shape) : null;
  if (!own) return null;
  const known = itemRankings.get(own) ?? new Map<Sign, Ranking>();
  itemRankings.set(own, known);
  const ranking = known.get(sign) ?? new Ranking(own, { width: shape[0], height: 1 }, sign);
  known.set(sign, ranking);
  return ranking;
}

/** A curve's value between its points, at a share of its way. */
export function valueAt(curve: Float32Array, share: number): number {
  const place = Math.max(0, Math.min(1, share)) * (curve.length - 1);
  const before = Math.floor(place);
  const after = Math.min(before + 1, curve.length - 1);
  return curve[before] + (curve[after] - curve[before]) * (place - before);
}

/** What the model says of one class, or output where there are no classes, before and after something is hidden or changed. */
export interface Said {
  index: number;
  label: string;
  before: number;
  after: number | null;
}

/** What is explained and predicted, and the highest before or after; in the order of before: they keep their places. */
export function said(
  { predictions, sample, target }: Card,
  model: number,
  after: Float32Array | null,
  most: number,
): Said[] {
  const outputs = Array.from((sample.outputs[model]?.scores.data ?? []) as ArrayLike<number>, Number);
  const before = predictions.length
    ? predictions
    : outputs.map((score, index) => ({ index, label: `output${outputs.length > 1 ? ` ${index}` : ""}`, score }));
  const all = before.map(({ index, label, score }): Said => {
    return { index, label, before: score, after: after && index < after.length ? after[index] : null };
  });
  const always = [target, before[0]?.index, after && indexOfMost(after)];
  const weight = (one: Said): number =>
    always.includes(one.index) ? Infinity : Math.max(one.before, one.after ?? -Infinity);
  const shown = new Set([...all].sort((a, b) => weight(b) - weight(a)).slice(0, most));
  return all.filter((one) => shown.has(one));
}

const indexOfMost = (scores: Float32Array): number =>
  scores.indexOf(scores.reduce((a, b) => Math.max(a, b), -Infinity));

/** The class with the highest score; null without classes. */
export const predictedBy = ({ predictions }: Card, scores: Float32Array): Prediction | null =>
  predictions.find(({ index }) => index === indexOfMost(scores)) ?? null;

export const channelNames = (count: number): string[] =>
  count === 3 ? ["R", "G", "B"] : Array.from({ length: count }, (_, i) => String(i + 1));

/** What of the selected sample is hidden in the feature in view, or changed in any; "" where nothing is. */
export function triedInWords(state: State, { card, painted, edited }: Inspection): string {
  const { choice, features } = state;
  const feature = inView(features, choice.inspect.feature);
  const isHidden = feature >= 0 && painted.includes(1);
  const others = (choice.edited[card.sample.id] ?? []).filter(([of]) => of !== feature);
  const changed = edited.size + others.length;
  return [
    isHidden ? hiddenInWords(state, feature, itemsOf(card.sample, feature)?.length ?? null, painted) : "",
    changed > 0 ? `${plural(changed, "value")} changed` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/** @param items of the feature; null: it is a picture */
function hiddenInWords(state: State, feature: number, items: number | null, painted: Uint8Array): string {
  const count = countOf(items === null ? painted : maskOfItems(painted, items));
  const baseline = baselineNameOf(state, feature);
  const how = { blur: "blurred", mean: "painted in the mean", baseline: `painted ${baseline}` };
  const words = items === null ? how[state.choice.inspect.fill] : `replaced by ${baseline}`;
  return `${plural(count, UNITS[state.features[feature].kind])} ${words}`;
}

/** What the chosen baseline is called in one feature; each has as many as it has transforms. */
export function baselineNameOf({ features, baseline }: State, feature: number): string {
  const names = features[feature].baselines;
  return names[Math.min(baseline, names.length - 1)] ?? "the baseline";
}
