/** What the user has chosen, as against what follows from it: plain JSON of a few kilobytes, kept, undone and redone. */
import type { Arguments } from "./methods/method";
import type { Filter } from "./wire";

export const VIEWS = ["samples", "compare", "inspect"] as const;
export type View = (typeof VIEWS)[number];

export interface Sort {
  /** Score of the prediction; -log of the true class's; entropy of all. */
  by: "dataset" | "confidence" | "loss" | "entropy";
  ascending: boolean;
}

export interface Display {
  sign: "signed" | "positive" | "negative" | "absolute";
  /** Name in the styles' index. */
  style: string;
  /** 0..1 */
  opacity: number;
  /** Per cent of the cumulative magnitude that is clipped; Captum's `outlier_perc`. */
  clip: number;
  cmap: string;
  /** How small pictures are enlarged. */
  interpolation: "nearest" | "smooth";
}

/** A method with its arguments: a column of Compare. */
export interface Pin {
  method: string;
  arguments: Arguments;
}

export interface Compare {
  columns: "methods" | "models";
  /** What the colours of a map are scaled by: itself, its row, or all. */
  scale: "map" | "row" | "shared";
  pins: readonly Pin[];
}

export interface Inspect {
  /** Index of the feature in view. */
  feature: number;
  /** What hidden pixels are replaced by; tokens and values always by the baseline's. */
  fill: "baseline" | "blur" | "mean";
  /** How many of the strongest pixels, tokens or values are marked. */
  top: number;
  /** Share of the places of all features that the scrubber hides, the most important first, 0..1. */
  at: number;
  channels: "sum" | "apart";
}

/** A value of an input, changed by hand: index of the feature, place in its array, and what stands there now. */
export type Edit = readonly [feature: number, place: number, value: number];

export interface Choice {
  view: View;
  model: number;
  method: string;
  /** As entered, by method; a method that is not here has its own. */
  arguments: Readonly<Record<string, Arguments>>;
  baseline: number;
  /** Class to explain, by sample; all others have `target`, or what is predicted where that is null. */
  targets: Readonly<Record<string, number>>;
  target: number | null;
  filter: Filter;
  sort: Sort;
  first: number;
  show: number;
  /** The sample that was worked on last: Inspect shows it. */
  selected: number | null;
  display: Display;
  compare: Compare;
  inspect: Inspect;
  /** Hidden places of the feature in view, by sample: see {@link runsOf}. */
  painted: Readonly<Record<string, readonly number[]>>;
  /** Changed values, by sample. */
  edited: Readonly<Record<string, readonly Edit[]>>;
}

export const EVERYTHING: Filter = { classes: [], labels: [], prediction: "all" };

export const START: Choice = {
  view: "samples",
  model: 0,
  method: "Integrated Gradients",
  arguments: {},
  baseline: 0,
  targets: {},
  target: null,
  filter: EVERYTHING,
  sort: { by: "dataset", ascending: true },
  first: 0,
  show: 4,
  selected: null,
  display: { sign: "signed", style: "Overlay", opacity: 0.85, clip: 2, cmap: "PuOr", interpolation: "nearest" },
  compare: { columns: "methods", scale: "map", pins: [] },
  inspect: { feature: 0, fill: "baseline", top: 0, at: 0, channels: "sum" },
  painted: {},
  edited: {},
};

/** Lengths of runs in reading order, shown (0) and hidden places (1) in turn, beginning with shown ones. */
export function runsOf(pixels: Uint8Array): number[] {
  const runs: number[] = [];
  let [from, value] = [0, 0];
  for (let to; (to = pixels.indexOf(1 - value, from)) >= 0; [from, value] = [to, 1 - value]) runs.push(to - from);
  return value ? [...runs, pixels.length - from] : runs;
}

/** The inverse of {@link runsOf}; what does not fit into `size` pixels is left out. */
export function pixelsOf(runs: readonly number[], size: number): Uint8Array {
  const pixels = new Uint8Array(size);
  let at = 0;
  runs.forEach((length, i) => {
    if (i % 2) pixels.fill(1, at, at + length);
    at += length;
  });
  return pixels;
}

/**
 * A choice that was kept somewhere, laid over `start`. It may come from anywhere: what has another type is left out, and
 * whatever does not exist in this explorer is the session's to ignore.
 */
export function restored(kept: unknown, start: Choice): Choice {
  return laidOver(start, kept) as Choice;
}

/** Records whose keys are free, by the type of their values. */
const RECORDS: Record<string, (value: unknown) => boolean> = {
  arguments: isRecord,
  targets: isCount,
  painted: (value) => Array.isArray(value) && value.every(isCount),
  edited: (value) => Array.isArray(value) && value.every(isEdit),
};
/** Values that a null stands for at the start. */
const NULLABLE = ["target", "selected"];
const LISTS: Record<string, (value: unknown) => boolean> = {
  classes: (value) => typeof value === "string",
  labels: (value) => typeof value === "string",
  pins: (value) => isRecord(value) && typeof value.method === "string" && isRecord(value.arguments),
};
const CHOICES: Record<string, readonly unknown[]> = {
  view: VIEWS,
  by: ["dataset", "confidence", "loss", "entropy"],
  prediction: ["all", "correct", "incorrect"],
  sign: ["signed", "positive", "negative", "absolute"],
  interpolation: ["nearest", "smooth"],
  columns: ["methods", "models"],
  scale: ["map", "row", "shared"],
  fill: ["baseline", "blur", "mean"],
  channels: ["sum", "apart"],
};

function laidOver(start: object, kept: unknown): object {
  if (!isRecord(kept)) return start;
  return Object.fromEntries(
    Object.entries(start).map(([name, value]: [string, unknown]) => {
      const other = kept[name];
      if (RECORDS[name])
        return [name, isRecord(other) ? Object.fromEntries(Object.entries(other).filter(([, v]) => RECORDS[name](v))) : value]; // prettier-ignore
      if (Array.isArray(value)) return [name, Array.isArray(other) ? other.filter(LISTS[name]) : value];
      if (NULLABLE.includes(name)) return [name, other === null || isCount(other) ? other : value];
      if (isRecord(value)) return [name, laidOver(value, other)];
      const fits =
        typeof other === typeof value && (typeof other !== "number" || (Number.isFinite(other) && other >= 0));
      return [name, fits && (CHOICES[name]?.includes(other) ?? true) ? other : value];
    }),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEdit(value: unknown): value is Edit {
  return (
    Array.isArray(value) && value.length === 3 && isCount(value[0]) && isCount(value[1]) && Number.isFinite(value[2])
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Steps of one kind within this time are one: what a slider passes on its way, or a brush. */
const SAME_STEP_MS = 800;

/** What was chosen before and, after an undo, later. */
export class History {
  #past: Choice[] = [];
  #future: Choice[] = [];
  #last = { kind: "", time: 0 };

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /**
   * @param kind of the step from `before`; the same one, soon after, is no step of its own
   * @param within milliseconds
   */
  record(before: Choice, kind: string, within = SAME_STEP_MS): void {
    const time = Date.now();
    const goesOn = kind === this.#last.kind && time - this.#last.time < within && this.#past.length > 0;
    if (!goesOn) this.#past.push(before);
    this.#future = [];
    this.#last = { kind, time };
  }

  /** What to go back to from `now`, if anything. */
  undo(now: Choice): Choice | undefined {
    return this.#turn(this.#past, this.#future, now);
  }

  redo(now: Choice): Choice | undefined {
    return this.#turn(this.#future, this.#past, now);
  }

  #turn(from: Choice[], to: Choice[], now: Choice): Choice | undefined {
    const choice = from.pop();
    if (choice) to.push(now);
    this.#last = { kind: "", time: 0 };
    return choice;
  }
}
