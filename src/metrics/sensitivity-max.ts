/**
 * Sensitivity-max (Yeh et al. 2019): the most that an explanation changes, relative to itself, when the input moves a little.
 * captum.metrics.sensitivity_max with the L2 norm.
 */
import { attribute } from "../methods";
import { rowsOf } from "../methods/steps";
import { Generator } from "../random";
import type { Metric } from "./metric";

export const sensitivityMax: Metric = {
  name: "Sensitivity-max",
  summary: "The most that the explanation changes, relative to itself, when the input moves a little",
  source: "Yeh et al. 2019; captum.metrics.sensitivity_max",
  over: "any",
  better: { sensitivity: "lower" },
  params: [
    { name: "n_perturb_samples", kind: "int", default: 10, min: 1, max: 1000, help: "Random changes per sample" },
    { name: "perturb_radius", kind: "float", default: 0.02, min: 0, help: "Most that a value moves" },
    { name: "seed", kind: "int", default: 0, min: 0, help: "Of torch.manual_seed" },
  ],
  measure: async (call) => {
    const { model, request, inputs, additional, baselines, attribution, target } = call;
    const { n_perturb_samples, perturb_radius, seed } = call.arguments as Record<string, number>;
    const names = Object.keys(inputs);
    const count = target.length;
    const generator = new Generator(seed);
    const noise = Object.fromEntries(
      names.map((name) => {
        const drawn = generator.rand(n_perturb_samples * inputs[name].data.length);
        return [name, drawn.map((u) => u * Math.fround(2 * perturb_radius) - perturb_radius)];
      }),
    );
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const same = Array<number>(n_perturb_samples).fill(i);
      const moved = rowsOf(inputs, same);
      for (const name of names) {
        const { data } = moved[name];
        const from = i * data.length;
        data.forEach((x, k) => (data[k] = x + noise[name][from + k]));
      }
      const chosen = request.target;
      const target = Array.isArray(chosen) ? (chosen as number[])[i] : (chosen as number | null | undefined);
      const { attributions } = await attribute(model, {
        ...request,
        inputs: { ...moved, ...rowsOf(additional, same) },
        baselines: request.baselines && { ...request.baselines, ...rowsOf(baselines, same) },
        target: target === null || target === undefined ? target : same.map(() => target),
        onProgress: undefined,
        onPreview: undefined,
      });
      let norm = 0;
      const distances = new Float64Array(n_perturb_samples);
      for (const name of Object.keys(attributions)) {
        const { data } = attribution.attributions[name];
        const size = data.length / count;
        for (let k = 0; k < size; k++) norm += data[i * size + k] ** 2;
        attributions[name].data.forEach((v, k) => {
          distances[Math.floor(k / size)] += (data[i * size + (k % size)] - v) ** 2;
        });
      }
      values[i] = Math.sqrt(Math.max(...distances)) / (Math.sqrt(norm) || 1);
      await call.step((i + 1) / count);
    }
    return { values: { sensitivity: values } };
  },
};
