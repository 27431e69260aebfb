import type { Method } from "./method";
import {
  featureCount,
  featuresOf,
  perturb,
  perturbationsPerEval,
  sampleAt,
  segmentation,
  spread,
  type Sample,
} from "./perturbation";

export const featureAblation: Method = {
  name: "Feature Ablation",
  group: "Perturbation",
  cost: "n passes",
  summary: "How much the output falls when one feature is replaced by the baseline",
  source: "captum.attr.FeatureAblation",
  params: [...segmentation("values", 50), perturbationsPerEval],
  baselines: "one",
  embeds: false,
  complete: false,
  signed: () => true,
  plan: (args, shapes, mask) => ({ errors: {}, workload: `${featureCount(args, shapes, mask)} forward passes` }),
  attribute: (call) => {
    const features = featuresOf(call);
    const changes = features.map(({ count }) => new Float32Array(count));
    const all = features.map((own, sample) => {
      const { present } = own;
      const baseline = sampleAt(call.baselines, sample);
      return {
        sample,
        count: present.length,
        apply: (i: number, copy: Sample) => own.replace(present[i], copy, baseline),
        credit: (i: number, score: number, reference: number) => {
          changes[sample][present[i]] = reference - score;
        },
      };
    });
    return perturb(call, all, () => spread(call, features, changes));
  },
};
