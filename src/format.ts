/** Numbers as the explorer writes them. */

const MINUS = "\u2212";

const exponential = (value: number, digits: number): string => value.toExponential(digits).replace("e+", "e");

const plain = (value: number, digits: number): string =>
  Math.abs(value) >= 1e6 ? exponential(value, 1) : value.toFixed(digits);

/** With an explicit sign; `exact` keeps small values from being rounded to nothing. */
export function signed(value: number, digits: number, exact = false): string {
  if (!Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  const vanishes = exact && value !== 0 && magnitude < 0.5 * 10 ** -digits;
  const text = vanishes ? exponential(magnitude, 1) : plain(magnitude, digits);
  return (value < 0 ? MINUS : "+") + text.replace("-", MINUS);
}

/** The same for readers who do not see a sign: "minus 0.527". */
export const spoken = (value: number, digits: number): string =>
  signed(value, digits, true).replace(/^[+−]/, (sign) => (sign === "+" ? "plus " : "minus "));

/** A probability, or another model output, with three decimals. */
export const score = (value: number): string =>
  Number.isFinite(value) ? plain(value, 3).replaceAll("-", MINUS) : String(value);

/** One significant digit: 2e−7. */
export const magnitude = (value: number): string => value.toExponential(0).replace("e+", "e").replace("-", MINUS);

export const duration = (ms: number): string =>
  ms < 1 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** At an axis: two digits that count. */
export const tick = (value: number): string => String(Number(value.toPrecision(2))).replace("-", MINUS);
