/** Shapley values (Shapley 1953), exactly: from the output for every subset of the features. */
import type { Call, Maps, Method } from "./method";
import {
  featureCount,
  featuresOf,
  perturb,
  perturbationsPerEval,
  sampleAt,
  segmentation,
  spread,
  type Copies,
} from "./perturbation";

/** 65,536 forward passes. */
const MOST = 16;

/**
 * @param outputs of each subset; bit i of its index says whether it has player i
 * @returns for each player what it adds to a subset, averaged over the orders in which they all can come
 */
export function shapley(outputs: ArrayLike<number>): number[] {
  const players = Math.log2(outputs.length);
  /** Share of the orders in which just the players of a subset of this size come before a given one: s! (n-1-s)! / n!. */
  const shares = [1 / players];
  for (let s = 1; s < players; s++) shares.push((shares[s - 1] * s) / (players - s));
  return Array.from({ length: players }, (_, i) => {
    let value = 0;
    for (let subset = 0; subset < outputs.length; subset++) {
      if (subset & (1 << i)) continue;
      value += shares[sizeOfSubset(subset)] * (outputs[subset | (1 << i)] - outputs[subset]);
    }
    return value;
  });
}

function sizeOfSubset(subset: number): number {
  let size = 0;
  for (; subset; subset &= subset - 1) size++;
  return size;
}

async function explain(call: Call): Promise<Maps> {
  const features = featuresOf(call);
  const values = features.map(({ count }) => new Float64Array(count));
  const all = features.map((own, sample): Copies => {
    const { present } = own;
    const baseline = sampleAt(call.baselines, sample);
    const outputs = new Float64Array(2 ** present.length);
    return {
      sample,
      count: outputs.length,
      apply: (subset, copy) =>
        present.forEach((feature, i) => {
          if (!(subset & (1 << i))) own.replace(feature, copy, baseline);
        }),
      credit: (subset, score) => {
        outputs[subset] = score;
        if (subset < outputs.length - 1) return;
        shapley(outputs).forEach((value, i) => (values[sample][present[i]] = value));
      },
    };
  });
  return perturb(call, all, () => spread(call, features, values));
}

export const shapleyValues: Method = {
  name: "Shapley Values",
  group: "Perturbation",
  cost: "n passes",
  summary: "What a feature adds to those that are there already, averaged over all orders; for few features",
  source: "Shapley 1953; captum.attr.ShapleyValues",
  params: [...segmentation("superpixels", 10), perturbationsPerEval],
  baselines: "one",
  embeds: false,
  complete: true,
  signed: () => true,
  plan: (args, shapes, mask) => {
    // Numbers that a mask leaves out change nothing.
    const count = mask ? new Set(Object.values(mask).flatMap((all) => Array.from(all))).size : featureCount(args, shapes, mask); // prettier-ignore
    if (count <= MOST) return { errors: {}, workload: `${2 ** count} forward passes` };
    const segmented = args.segments !== "values" && shapes.some((shape) => shape.length === 3);
    const wrong = segmented ? "n_segments" : "segments";
    return {
      errors: { [wrong]: `${count} features would take 2^${count} forward passes; at most ${MOST} features, or Shapley Value Sampling` }, // prettier-ignore
      workload: null,
    };
  },
  attribute: explain,
};
