/** Shapley values by sampling (Castro et al. 2009): each permutation adds the features one by one to the baseline. */
import { Generator } from "../random";
import type { Call, Maps, Method } from "./method";
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
} from "./perturbation";

async function explain(call: Call): Promise<Maps> {
  const { n_samples: n, seed: start } = call.arguments as { n_samples: number; seed: number };
  const features = featuresOf(call);
  const means = features.map(({ count }) => new Float64Array(count));

  const all = features.map((own, sample): Copies => {
    const { count } = own;
    const baseline = sampleAt(call.baselines, sample);
    // Its own for each sample: where the counts are the same, so are the permutations, as in Captum.
    const generator = new Generator(start);
    const orders: Int32Array[] = [];
    let [empty, before] = [0, 0];
    return {
      sample,
      /** First the baseline, then for each permutation 1, 2, ... of its features. */
      count: 1 + n * count,
      apply: (i, copy) => {
        const [p, kept] = i ? [Math.floor((i - 1) / count), ((i - 1) % count) + 1] : [0, 0];
        if (p === orders.length) orders.push(generator.randperm(count));
        for (const feature of orders[p].subarray(kept)) own.replace(feature, copy, baseline);
      },
      credit: (i, score) => {
        if (i === 0) {
          empty = score;
          return;
        }
        const [p, step] = [Math.floor((i - 1) / count), (i - 1) % count];
        const feature = orders[p][step];
        const change = score - (step ? before : empty);
        means[sample][feature] += (change - means[sample][feature]) / (p + 1);
        before = score;
      },
    };
  });
  return perturb(call, all, () => spread(call, features, means));
}

export const shapleyValueSampling: Method = {
  name: "Shapley Value Sampling",
  group: "Perturbation",
  cost: "n passes",
  summary: "What a feature adds to those that are there already, averaged over random orders",
  source: "Castro et al. 2009, Strumbelj and Kononenko 2010; captum.attr.ShapleyValueSampling",
  params: [
    ...segmentation("superpixels", 50),
    {
      name: "n_samples",
      kind: "int",
      default: 25,
      start: 10,
      min: 1,
      max: 10000,
      slider: [1, 100],
      help: "Random orders; each takes as many forward passes as there are features",
    },
    seed,
    perturbationsPerEval,
  ],
  baselines: "one",
  embeds: false,
  complete: true,
  signed: () => true,
  plan: (args, shapes, mask) => ({
    errors: {},
    workload: `${1 + Number(args.n_samples) * featureCount(args, shapes, mask)} forward passes`,
  }),
  attribute: explain,
};
