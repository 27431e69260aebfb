/** What a feature is shown as: a picture, or items, which are the tokens of a text or the values of a row. */
import type { Attribution } from "./state";
import { type NormalizedMap, Normalizer } from "./styles/normalize";
import { LUT_HALF, type Ramp, type Sign } from "./styles/style";
import type { FeatureSpec, Items, NDArray, Sample } from "./wire";

type Shown = Sample["display"][number];

export const isItems = (shown: Shown): shown is Items => shown !== null && !("dtype" in shown);

/** The picture of a feature; null where it is shown as something else, or not at all. */
export function imageOf({ display }: Pick<Sample, "display">, feature: number): NDArray | null {
  const shown = display[feature] ?? null;
  return shown && !isItems(shown) ? shown : null;
}

/** The tokens or values of a feature; null where it has none. */
export function itemsOf({ display }: Pick<Sample, "display">, feature: number): Items | null {
  const shown = display[feature] ?? null;
  return shown && isItems(shown) ? shown : null;
}

/** Index of the feature in view: the chosen one, or the first that is shown where that one is not; -1 where none is. */
export function inView(features: readonly FeatureSpec[], chosen: number): number {
  const isShown = (feature: FeatureSpec | undefined): boolean => feature !== undefined && feature.kind !== "empty";
  return isShown(features[chosen]) ? chosen : features.findIndex(isShown);
}

/** Texts and rows take the whole width of a card, and so does nothing that is shown. */
export function isWide(features: readonly FeatureSpec[]): boolean {
  const shown = features.filter(({ kind }) => kind !== "empty");
  return shown.length === 0 || shown.some(({ kind }) => kind !== "image");
}

/** What a feature's attributions are attributions of. */
export const UNITS: Record<FeatureSpec["kind"], string> = {
  image: "pixel",
  text: "token",
  general: "value",
  empty: "value",
};

/** What the attributions of all features together are attributions of, by one word. */
export function unitOf(features: readonly FeatureSpec[]): string {
  const units = new Set(features.map(({ kind }) => UNITS[kind]));
  return units.size === 1 ? [...units][0] : "value";
}

/**
 * What deletion and insertion take one by one, by one word: of an embedding every value is ranked by itself.
 * @param sample any one of those that are explained; without one, there are none
 */
export function takenUnitOf(features: readonly FeatureSpec[], sample: Pick<Sample, "inputs"> | undefined): string {
  const isEmbedded = features.some(({ kind }, i) => kind === "text" && (sample?.inputs[i].shape.length ?? 0) > 1);
  return isEmbedded ? "value" : unitOf(features);
}

const perItems = new WeakMap<Attribution, Attribution | null>();

/**
 * What an explanation says of each token or category: of an embedding the sum, as in Captum Insights.
 * @param shape of the input, [T] or [T, D] of a text, [C] of a row; a layer's map has one axis of the same length, which
 *   is taken for them
 * @returns values [T] or [C]; null where the map does not lie over them
 */
export function perItem(attribution: Attribution, shape: readonly number[]): Attribution | null {
  const { shape: own, values } = attribution;
  const [count] = shape;
  if (own.length === 1) return own[0] === count ? attribution : null;
  const known = perItems.get(attribution);
  if (known !== undefined) return known;
  const axes = own.join() === shape.join() ? [0] : own.flatMap((size, axis) => (size === count ? [axis] : []));
  const stride = own.slice(axes[0] + 1).reduce((a, b) => a * b, 1);
  const sums = new Float32Array(count);
  if (axes.length === 1) values.forEach((value, i) => (sums[Math.floor(i / stride) % count] += value));
  const made = axes.length === 1 ? { ...attribution, values: sums, shape: [count] } : null;
  perItems.set(attribution, made);
  return made;
}

/** What is said where {@link perItem} gives nothing. */
export const misfitInWords = ({ shape }: Attribution, count: number, unit: string): string =>
  `the map has the shape [${shape.join(", ")}]: it does not lie over the ${count} ${unit}s`;

/** As a reader sees it: a line break would tear the line, and blanks alone could not be seen. */
export function shownAs(item: string | number): string {
  if (typeof item === "number") return String(Number(item.toPrecision(6))).replaceAll("-", "−");
  const line = item.replace(/\r\n|[\n\r]/g, "↵");
  return line.trim() === "" ? line.replace(/\s/g, "␣") || "∅" : line;
}

/** Most items that stand for a sample in words. */
const FIRST = 40;

/** How a text begins, or what the values of a row are. */
export function inWords(items: Items, { kind, categories }: FeatureSpec): string {
  const first = items.slice(0, FIRST).map(shownAs);
  return kind === "text" ? first.join(" ") : first.map((item, i) => `${categories[i]} ${item}`).join("\u00a0· ");
}

/** How the scores of a sample become colours and bars, for a line about them; "" where nothing is shown. */
export function scaleInWords(features: readonly FeatureSpec[], clip: number): string {
  const kinds = (["image", "text", "general"] as const).filter((kind) => features.some((spec) => spec.kind === kind));
  if (kinds.length === 0) return "";
  const each = kinds.map((kind) => `per ${{ image: "map", text: "text", general: "row" }[kind]}`).join(", ");
  const clipped = `top ${clip} %${kinds.length > 1 ? " of maps" : ""} clipped`;
  return `scale ${each}, ${kinds[0] === "image" ? clipped : "by the largest magnitude"}`;
}

const counts = new WeakMap<Uint8Array, number>();

/** How many are masked; masks do not change. */
export function countOf(mask: Uint8Array): number {
  let count = counts.get(mask);
  if (count === undefined) {
    count = 0;
    for (let i = 0; i < mask.length; i++) count += mask[i];
    counts.set(mask, count);
  }
  return count;
}

/** By a mask of [count * places], which of `count` tokens or values are masked, [count]: those of which most is. */
export function maskOfItems(mask: Uint8Array, count: number): Uint8Array {
  const size = mask.length / count;
  if (size === 1) return mask;
  return Uint8Array.from({ length: count }, (_, i) =>
    Number(2 * countOf(mask.subarray(i * size, (i + 1) * size)) > size),
  );
}

/** The scores of items as they are painted: divided by the largest magnitude, or by `scale`; none of a few is an outlier. */
export const shadesOf = (
  { values }: Pick<Attribution, "values">,
  sign: Sign,
  scale: number | null = null,
): NormalizedMap => new Normalizer(values).normalize(sign, 0, scale);

/** What the scores of an input's items are divided by where they do not share a scale; 0 where there is nothing to divide. */
export function itemScale(attribution: Attribution, shape: readonly number[], sign: Sign): number {
  const own = perItem(attribution, shape);
  return own ? shadesOf(own, sign).scale : 0;
}

/** What a shade is filled with, and what can be read on it. */
export function inkOf(shade: number, { lut }: Ramp): { fill: string; text: "#000" | "#fff" } {
  const at = Math.round((shade + 1) * LUT_HALF) * 3;
  const colour = Array.from(lut.subarray(at, at + 3));
  // Relative luminance, as in WCAG 2: black and white contrast alike with 0.179.
  const [r, g, b] = colour.map((v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179;
  return { fill: `rgb(${colour.join(" ")})`, text: light ? "#000" : "#fff" };
}
