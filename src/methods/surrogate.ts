/** What Lime and Kernel Shap share: a linear model of the features' presence is fitted to the outputs of perturbed copies. */
import { Generator } from "../random";
import { EngineError } from "../support";
import type { Arguments, Call, Maps, ParamSpec, Plan, Shapes } from "./method";
import {
  featureCount,
  featuresOf,
  perturb,
  perturbationsPerEval,
  sampleAt,
  seed,
  segmentation,
  spread,
  type Copies,
  type Sample,
} from "./perturbation";

/** Samples x features that a fit takes at most. */
const MOST_VALUES = 2e7;
/** And for a preview, so that these do not hold up the rest. */
const QUICK_VALUES = 5e4;

export interface Surrogate {
  /** For each copy of one sample, which of `count` features it keeps. */
  draw(generator: Generator, n: number, count: number): Uint8Array[];
  /** How much a copy counts. */
  weigh(kept: Uint8Array, x: Sample, copy: Sample): number;
  /** Coefficients that explain y by the features' columns; all are centred and scaled by the roots of the weights. */
  fit(columns: Float64Array[], y: Float64Array): ArrayLike<number>;
}

export const surrogateParams: readonly ParamSpec[] = [
  ...segmentation("superpixels", 50),
  {
    name: "n_samples",
    kind: "int",
    default: 25,
    start: 200,
    min: 2,
    max: 100000,
    slider: [10, 1000],
    help: "Perturbed copies of a sample",
  },
  seed,
  perturbationsPerEval,
];

export function planSurrogate(args: Arguments, shapes: Shapes, mask: Call["feature_mask"]): Plan {
  const [n, count] = [Number(args.n_samples), featureCount(args, shapes, mask)];
  if (n * count <= MOST_VALUES) return { errors: {}, workload: `${n} forward passes` };
  const advice = "take fewer samples, or segments";
  return { errors: { n_samples: `${n} samples of ${count} features are too many to fit; ${advice}` }, workload: null };
}

export async function explainBy(call: Call, surrogate: Surrogate): Promise<Maps> {
  const n = Number(call.arguments.n_samples);
  const features = featuresOf(call, true);
  const generator = new Generator(Number(call.arguments.seed));
  const fits = features.map(({ count }) => {
    const kept = surrogate.draw(generator, n, count);
    // What Captum's fit draws in passing: the first weights and bias of an nn.Linear, and a DataLoader's 64-bit seed.
    generator.skip(count + 3);
    return { kept, weights: [] as number[], outputs: [] as number[], coefficients: new Float64Array(count) as ArrayLike<number> }; // prettier-ignore
  });
  const fit = (sample: number): void => {
    const { kept, weights, outputs } = fits[sample];
    const known = weights.slice(0, outputs.length);
    if (outputs.length < 2 || !known.some((weight) => weight > 0)) return;
    const [columns, y] = standardized(kept.slice(0, outputs.length), outputs, known);
    fits[sample].coefficients = surrogate.fit(columns, y);
  };
  const all = features.map((own, sample): Copies => {
    const [x, baseline] = [sampleAt(call.inputs, sample), sampleAt(call.baselines, sample)];
    const { kept, weights, outputs } = fits[sample];
    return {
      sample,
      count: kept.length,
      apply: (i, copy) => {
        kept[i].forEach((keep, feature) => {
          if (!keep) own.replace(feature, copy, baseline);
        });
        weights.push(surrogate.weigh(kept[i], x, copy));
      },
      credit: (_, score) => {
        outputs.push(score);
        if (outputs.length < kept.length) return;
        if (!weights.some((weight) => weight > 0))
          throw new EngineError("all perturbed copies are so far from the sample that they weigh 0; take a larger kernel_width"); // prettier-ignore
        fit(sample);
      },
    };
  });
  return perturb(call, all, () => {
    fits.forEach(({ kept, outputs }, sample) => {
      if (outputs.length < kept.length && kept.length * features[sample].count <= QUICK_VALUES) fit(sample);
    });
    return spread(call, features, fits.map(({ coefficients }) => coefficients)); // prettier-ignore
  });
}

/** The features' columns and y, without their weighted means, times the roots of the weights, which are scaled to a mean of 1. */
function standardized(rows: Uint8Array[], y: number[], weights: number[]): [Float64Array[], Float64Array] {
  const total = weights.reduce((a, b) => a + b, 0);
  const standardize = (values: (row: number) => number): Float64Array => {
    const mean = weights.reduce((sum, w, i) => sum + w * values(i), 0) / total;
    return Float64Array.from(weights, (w, i) => (values(i) - mean) * Math.sqrt((w * weights.length) / total));
  };
  const columns = Array.from(rows[0], (_, feature) => standardize((i) => rows[i][feature]));
  return [columns, standardize((i) => y[i])];
}

export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
};
