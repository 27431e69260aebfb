/**
 * Model parameter randomisation (Adebayo et al. 2018): the layers' weights are shuffled one after the other from the output
 * down; an explanation that stays the same says nothing about what the model has learnt.
 */
import type { Model } from "../engine";
import type { NDArray } from "../graph";
import { attribute } from "../methods";
import { sampleOf } from "../methods/steps";
import { Generator } from "../random";
import { rankCorrelation } from "../ranks";
import type { Curve, Metric } from "./metric";

/** Modules with weights, the nearest to the output first. */
function weightedModules(model: Model): string[] {
  const modules = new Set<string>();
  const same = model.variant((weights, module) => {
    modules.add(module);
    return weights;
  });
  same.dispose();
  return [...modules].reverse();
}

export const modelRandomisation: Metric = {
  name: "Model randomisation",
  summary: "Rank correlation with the explanation of the same model whose layers have been shuffled from the top",
  source: "Adebayo et al. 2018",
  over: "any",
  better: { correlation: "lower" },
  params: [
    { name: "n_stages", kind: "int", default: 8, min: 1, max: 100, help: "Explanations on the way down" },
    { name: "seed", kind: "int", default: 0, min: 0, help: "Of the shuffling" },
  ],
  measure: async ({ model, request, attribution, target, arguments: args, step }) => {
    const { n_stages, seed } = args as Record<string, number>;
    const modules = weightedModules(model);
    const stages = Math.min(n_stages, modules.length);
    const shuffled = (weights: NDArray, name: string): NDArray => {
      // Of the module and its array, so that the next stage shuffles them alike.
      const order = new Generator(seed + modules.indexOf(name)).randperm(weights.data.length);
      return { ...weights, data: Float32Array.from(order, (k) => weights.data[k] as number) };
    };
    const curve: Curve = { name: "rank correlation", at: [0], labels: [""], values: [] };
    const rows = target.map(() => [1]);
    for (let stage = 1; stage <= stages; stage++) {
      const count = Math.round((stage / stages) * modules.length);
      const random = new Set(modules.slice(0, count));
      const other = model.variant((weights, name) => (random.has(name) ? shuffled(weights, name) : weights));
      try {
        const { attributions } = await attribute(other, { ...request, onProgress: undefined, onPreview: undefined });
        rows.forEach((row, i) => {
          const names = Object.keys(attributions);
          const joined = (maps: typeof attributions) =>
            Float32Array.from(names.flatMap((name) => Array.from(sampleOf(maps[name], i))));
          row.push(rankCorrelation(joined(attribution.attributions), joined(attributions)));
        });
      } finally {
        other.dispose();
      }
      (curve.at as number[]).push(count / modules.length);
      (curve.labels as string[]).push(modules[count - 1]);
      await step(stage / stages);
    }
    curve.values.push(...rows.map((row) => Float32Array.from(row)));
    return { values: { correlation: Float32Array.from(rows, (row) => row.at(-1)!) }, curves: [curve] };
  },
};
