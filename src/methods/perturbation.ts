/**
 * What the perturbation methods share: changed copies of samples, scored in chunks, and the features that are changed, which
 * are groups of values.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { FloatArray } from "../engine";
import { sizeOf } from "../graph";
import type { Pair, Patches } from "../patches";
import { EngineError } from "../support";
import type { Arguments, Call, Maps, ParamSpec, Shapes } from "./method";
import { grid, superpixels } from "./segments";
import { inChunks, picked, rowsOf, sampleOf, scores } from "./steps";

export const perturbationsPerEval: ParamSpec = {
  name: "perturbations_per_eval",
  kind: "int",
  default: null,
  auto: "auto",
  min: 1,
  max: 10000,
  help: "Most perturbed copies in one forward pass; auto fits them to the memory. The result is the same",
};

export const seed: ParamSpec = {
  name: "seed",
  kind: "int",
  default: 0,
  min: 0,
  max: 2 ** 32 - 1,
  help: "Start of the random numbers: those of torch.manual_seed",
};

// -- copies ----------------------------------------------------------------------------------------------------------------

/** The values of one sample by input name. */
export type Sample<T = Float32Array> = Record<string, T>;

export const sampleAt = (arrays: Readonly<Record<string, FloatArray>>, i: number): Sample =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, sampleOf(array, i)]));

/** The changed copies of one sample. */
export interface Copies {
  sample: number;
  count: number;
  /** Changes the `index`-th copy in place. */
  apply(index: number, copy: Sample): void;
  /** Where the copies differ from the sample, if that is inside windows of one size, [h, w], of an image [C, H, W]. */
  window?: { input: string; size: Pair; at(index: number): Pair };
  /** Takes the copy's score, and the sample's own; called in order. */
  credit(index: number, score: number, reference: number): void;
}

/** Scores all copies, several in one forward pass; `sofar` tells what is known, for previews and in the end. */
export async function perturb(call: Call, all: readonly Copies[], sofar: () => Maps): Promise<Maps> {
  const { model, target } = call;
  const inputs = { ...call.inputs, ...call.additional };
  const reference = await scores(model, inputs, target);
  const most = (call.arguments.perturbations_per_eval as number | null | undefined) ?? Infinity;
  const countOf = (some: readonly Copies[]) => some.reduce((sum, { count }) => sum + count, 0);
  const total = countOf(all);
  let done = 0;
  const score = async (some: readonly Copies[], patches?: Patches) => {
    let [current, first] = [0, 0];
    await inChunks(
      call,
      countOf(some),
      async (start, end) => {
        const parts = Array.from({ length: end - start }, (_, k) => {
          while (start + k >= first + some[current].count) first += some[current++].count;
          return { copies: some[current], index: start + k - first };
        });
        const samples = parts.map(({ copies }) => copies.sample);
        const changed = rowsOf(inputs, samples);
        parts.forEach(({ copies, index }, k) => copies.apply(index, sampleAt(changed, k)));
        const targets = samples.map((sample) => target[sample]);
        const corners = parts.flatMap(({ copies, index }) => (copies.window ? [copies.window.at(index)] : []));
        const found = patches
          ? await picked(
              tf.tidy(() => patches.forward(changed, corners, (some) => model.upload(some))),
              targets,
            )
          : await scores(model, changed, targets);
        const bad = found.find((score) => !Number.isFinite(score));
        if (bad !== undefined)
          throw new EngineError(`the model gives ${bad} for a perturbed copy of the input; expected a finite number`);
        parts.forEach(({ copies, index }, k) => copies.credit(index, found[k], reference[copies.sample]));
        await call.preview(sofar);
      },
      done,
      total,
      most,
    );
    done += countOf(some);
  };
  const whole: Copies[] = [];
  for (const copies of all) {
    const { sample, window } = copies;
    const patches = window && model.patches(rowsOf(inputs, [sample]), window.input, window.size);
    if (patches) await score([copies], patches);
    else whole.push(copies);
  }
  await score(whole);
  return sofar();
}

// -- features --------------------------------------------------------------------------------------------------------------

/** Groups of values of one sample, across its inputs, numbered from 0 on; a number may have no values. */
export class Features {
  readonly count: number;
  readonly #groups: Sample<Int32Array>;
  /** By input: the positions of feature 0's values, then feature 1's ..., and where each feature's start. */
  readonly #members: Record<string, { positions: Int32Array; starts: Int32Array }>;

  /** @param groups each value's feature, by input name */
  constructor(groups: Sample<Int32Array>, count: number) {
    this.count = count;
    this.#groups = groups;
    this.#members = Object.fromEntries(
      Object.entries(groups).map(([name, group]) => {
        const starts = new Int32Array(count + 1);
        group.forEach((feature) => starts[feature + 1]++);
        for (let i = 0; i < count; i++) starts[i + 1] += starts[i];
        const positions = new Int32Array(group.length);
        const next = starts.slice();
        group.forEach((feature, i) => (positions[next[feature]++] = i));
        return [name, { positions, starts }];
      }),
    );
  }

  /** Whether a feature has values in an input. */
  has(feature: number, input: string): boolean {
    const { starts } = this.#members[input];
    return starts[feature + 1] > starts[feature];
  }

  /** The features that have values. */
  get present(): number[] {
    const inputs = Object.keys(this.#members);
    return Array.from({ length: this.count }, (_, i) => i).filter((i) => inputs.some((input) => this.has(i, input)));
  }

  /** Writes a feature's values of `source` into `copy`; of all inputs, or of one. */
  replace(feature: number, copy: Sample, source: Sample, input?: string): void {
    for (const name of input === undefined ? Object.keys(this.#members) : [input]) {
      const { positions, starts } = this.#members[name];
      const [to, from] = [copy[name], source[name]];
      for (let k = starts[feature]; k < starts[feature + 1]; k++) to[positions[k]] = from[positions[k]];
    }
  }

  /** One number for each feature -> one for each of its values. */
  spread(values: ArrayLike<number>): Sample {
    return Object.fromEntries(
      Object.entries(this.#groups).map(([name, group]) => [name, Float32Array.from(group, (i) => values[i])]),
    );
  }
}

const SEGMENTS = ["values", "grid", "superpixels"] as const;

/** The arguments that say what is one feature where the user gives no mask. */
export const segmentation = (start: (typeof SEGMENTS)[number], n: number): [ParamSpec, ParamSpec] => [
  {
    name: "segments",
    kind: "enum",
    default: "values",
    start,
    options: SEGMENTS,
    help: "What is one feature of an image: each value, a cell of a grid, or a superpixel (SLIC)",
  },
  {
    name: "n_segments",
    kind: "int",
    default: n,
    min: 2,
    max: 2000,
    slider: [4, 4 * n],
    help: "Most cells or superpixels in an image",
  },
];

const isSegmented = (args: Arguments, shape: readonly number[]): boolean =>
  args.segments !== "values" && shape.length === 3;

/** Whether several values can be one feature: each of them then has the feature's number, and a map's sum means nothing. */
export const isGrouped = (args: Arguments, shapes: Shapes, mask: Call["feature_mask"]): boolean =>
  args.segments !== undefined && (mask !== null || shapes.some((shape) => isSegmented(args, shape)));

/** How many features a sample has at most: of the user's mask, or of the arguments' segmentation. */
export function featureCount(args: Arguments, shapes: Shapes, mask: Call["feature_mask"]): number {
  if (mask) return maskCount(mask);
  return shapes.reduce(
    (sum, shape) => sum + (isSegmented(args, shape) ? Math.min(Number(args.n_segments), shape[1] * shape[2]) : sizeOf(shape)), // prettier-ignore
    0,
  );
}

const maskCount = (mask: NonNullable<Call["feature_mask"]>): number =>
  1 + Object.values(mask).reduce((most, groups) => groups.reduce((m, v) => Math.max(m, v), most), 0);

/** Above this a mask's numbers are taken for a mistake: each one is a feature, whether it occurs or not. */
const MOST_FEATURES = 2 ** 20;

/**
 * The features of each sample. Those of a user's mask keep its numbers, which one batch shares, as in Captum; `shifted` has
 * the smallest one become 0.
 */
export function featuresOf(call: Call, shifted = false): Features[] {
  const { inputs, feature_mask: mask, target } = call;
  const args = call.arguments;
  const values = Object.values(inputs).reduce((sum, { data }) => sum + data.length / target.length, 0);
  if (mask) {
    const count = maskCount(mask);
    if (count > Math.max(values, MOST_FEATURES))
      throw new EngineError(`feature_mask holds ${count - 1}; expected numbers below ${MOST_FEATURES}, without large gaps`); // prettier-ignore
    const least = shifted ? Math.min(...Object.values(mask).map((all) => all.reduce((a, b) => Math.min(a, b)))) : 0;
    return target.map((_, sample) => {
      const groups = Object.entries(mask).map(([name, all]) => {
        const size = all.length / target.length;
        return [name, all.slice(sample * size, (sample + 1) * size).map((i) => i - least)] as const;
      });
      return new Features(Object.fromEntries(groups), count - least);
    });
  }
  const make = (sample: number): Features => {
    let count = 0;
    const groups = Object.entries(inputs).map(([name, array]) => {
      const own = groupsOf(args, sampleOf(array, sample), array.shape.slice(1)).map((i) => i + count);
      count = own.reduce((most, i) => Math.max(most, i + 1), count);
      return [name, own] as const;
    });
    return new Features(Object.fromEntries(groups), count);
  };
  if (args.segments === "superpixels") return target.map((_, sample) => make(sample));
  const shared = make(0);
  return target.map(() => shared);
}

function groupsOf(args: Arguments, values: Float32Array, shape: readonly number[]): Int32Array {
  if (!isSegmented(args, shape)) return Int32Array.from(values, (_, i) => i);
  const n = Number(args.n_segments);
  const labels = args.segments === "grid" ? grid(shape[1], shape[2], n) : superpixels(values, shape, n);
  return Int32Array.from(values, (_, i) => labels[i % labels.length]);
}

/** Maps of all samples from one number for each feature of each sample. */
export function spread(call: Call, features: readonly Features[], values: readonly ArrayLike<number>[]): Maps {
  const rows = features.map((own, sample) => own.spread(values[sample]));
  return Object.fromEntries(
    Object.entries(call.inputs).map(([name, { data, shape }]) => {
      const map = new Float32Array(data.length);
      rows.forEach((row, sample) => map.set(row[name], (sample * map.length) / rows.length));
      return [name, { data: map, shape }];
    }),
  );
}
