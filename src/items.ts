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

/** What a feature's attributions are attributions of. */
export const UNITS: Record<FeatureSpec["kind"], string> = {
  image: "pixel",
  text: "token",
  general: "value",
  empty: "value",
};

const perItems = new WeakMap<Attribution, Attribution | null>();

/**
 * What an explanation says of each of `count` tokens or categories, [count]; of an embedding it is the sum, as in Captum
 * Insights. Null where it speaks of something else, as a layer's map may.
 */
export function perItem(attribution: Attribution, count: number): Attribution | null {
  const { shape, values } = attribution;
  if (shape.length === 1) return shape[0] === count ? attribution : null;
  const known = perItems.get(attribution);
  if (known !== undefined) return known;
  const size = values.length / count;
  const sums = Float32Array.from({ length: count }, (_, i) =>
    values.subarray(i * size, (i + 1) * size).reduce((sum, value) => sum + value, 0),
  );
  const made = shape[0] === count ? { ...attribution, values: sums, shape: [count] } : null;
  perItems.set(attribution, made);
  return made;
}

/** As a reader sees it: a line break would tear the line. */
export const shownAs = (item: string | number): string =>
  typeof item === "string" ? item.replace(/\r\n|[\n\r]/g, "↵") : String(Number(item.toPrecision(6))).replace("-", "−");

/** The scores of items as they are painted: divided by the largest magnitude, or by `scale`; none of a few is an outlier. */
export const shadesOf = ({ values }: Attribution, sign: Sign, scale: number | null = null): NormalizedMap =>
  new Normalizer(values).normalize(sign, 0, scale);

/** What a shade is filled with, and what can be read on it. */
export function inkOf(shade: number, { lut }: Ramp): { fill: string; text: "#000" | "#fff" } {
  const at = Math.round((shade + 1) * LUT_HALF) * 3;
  const colour = Array.from(lut.subarray(at, at + 3));
  // Relative luminance, as in WCAG 2: black and white contrast alike with 0.179.
  const [r, g, b] = colour.map((v) => (v <= 10 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179;
  return { fill: `rgb(${colour.join(" ")})`, text: light ? "#000" : "#fff" };
}
