import { sizeOf } from "../graph";
import type { Method } from "./method";
import { perturb, perturbationsPerEval } from "./perturbation";

export const featureAblation: Method = {
  name: "Feature Ablation",
  group: "Perturbation",
  cost: "n passes",
  summary: "How much the output falls when one value is replaced by the baseline",
  source: "captum.attr.FeatureAblation",
  params: [perturbationsPerEval],
  baselines: "one",
  embeds: false,
  complete: false,
  signed: () => true,
  plan: (_, shapes) => ({
    errors: {},
    workload: `${shapes.reduce((sum, shape) => sum + sizeOf(shape), 0)} forward passes`,
  }),
  attribute: (call) =>
    perturb(call, (shape, attributions) => ({
      count: sizeOf(shape),
      apply: (i, x, baseline) => {
        x[i] = baseline[i];
      },
      credit: (i, change) => {
        attributions[i] = change;
      },
    })),
};
