import { Generator } from "../random";
import { EngineError } from "../support";
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
  type Features,
  type Sample,
} from "./perturbation";

/**
 * Captum's order of draws: features as they first occur, by input and number, and for each the inputs that have values of it.
 * By feature, then by input: for each sample the one whose values it gets.
 */
function permutations(call: Call, features: readonly Features[]): Map<number, Record<string, Int32Array>> {
  const generator = new Generator(Number(call.arguments.seed));
  const draw = (): Int32Array => {
    for (;;) {
      const order = generator.randperm(features.length);
      if (order.some((from, to) => from !== to)) return order;
    }
  };
  const inputs = new Map<number, Set<string>>();
  const count = Math.max(...features.map((own) => own.count));
  for (const name of Object.keys(call.inputs)) {
    for (let feature = 0; feature < count; feature++) {
      if (!features.some((own) => own.has(feature, name))) continue;
      inputs.set(feature, (inputs.get(feature) ?? new Set()).add(name));
    }
  }
  return new Map(Array.from(inputs, ([feature, names]) => [feature, Object.fromEntries(Array.from(names, (name) => [name, draw()]))])); // prettier-ignore
}

async function explain(call: Call): Promise<Maps> {
  if (call.target.length < 2)
    throw new EngineError(`Feature Permutation swaps values between samples and needs 2 or more in a call, got ${call.target.length}`); // prettier-ignore
  const features = featuresOf(call);
  const orders = permutations(call, features);
  const samples = features.map((_, sample) => sampleAt(call.inputs, sample));
  const changes = features.map(({ count }) => new Float32Array(count));
  const all = features.map((own, sample) => {
    const { present } = own;
    return {
      sample,
      count: present.length,
      apply: (i: number, copy: Sample) => {
        for (const [name, order] of Object.entries(orders.get(present[i])!))
          own.replace(present[i], copy, samples[order[sample]], name);
      },
      credit: (i: number, score: number, reference: number) => {
        changes[sample][present[i]] = reference - score;
      },
    };
  });
  return perturb(call, all, () => spread(call, features, changes));
}

export const featurePermutation: Method = {
  name: "Feature Permutation",
  group: "Perturbation",
  cost: "n passes",
  summary: "How much the output falls when one feature is swapped with that of other samples",
  source: "captum.attr.FeaturePermutation",
  params: [...segmentation("values", 50), seed, perturbationsPerEval],
  baselines: "none",
  together: true,
  embeds: false,
  complete: false,
  signed: () => true,
  plan: (args, shapes, mask) => ({ errors: {}, workload: `${featureCount(args, shapes, mask)} forward passes` }),
  attribute: explain,
};
