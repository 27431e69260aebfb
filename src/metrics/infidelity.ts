/**
 * Infidelity (Yeh et al. 2019): how far the attributions, as a linear model, miss what the output does under small random
 * changes of the input. captum.metrics.infidelity with normal noise.
 */
import { inChunks, rowsOf, sampleOf, scores } from "../methods/steps";
import { Generator } from "../random";
import type { Metric } from "./metric";

export const infidelity: Metric = {
  name: "Infidelity",
  summary: "Mean squared difference between what the attributions foretell of small changes and what the output does",
  source: "Yeh et al. 2019; captum.metrics.infidelity",
  over: "values",
  better: { infidelity: "lower" },
  params: [
    { name: "n_perturb_samples", kind: "int", default: 10, min: 1, max: 1000, help: "Random changes per sample" },
    { name: "stdevs", kind: "float", default: 0.003, min: 0, help: "Of the normal noise, in units of the input" },
    { name: "normalize", kind: "bool", default: false, help: "Scale the attributions so that they fit best" },
    {
      name: "multiply_by_inputs",
      kind: "bool",
      default: true,
      help: "Attributions are of x - baseline (as Integrated Gradients); without it they are slopes (as Saliency)",
    },
    { name: "seed", kind: "int", default: 0, min: 0, help: "Of torch.manual_seed" },
  ],
  measure: async (call) => {
    const { model, inputs, additional, baselines, attribution, target } = call;
    const { n_perturb_samples, stdevs, normalize, multiply_by_inputs, seed } = call.arguments as {
      n_perturb_samples: number;
      stdevs: number;
      normalize: boolean;
      multiply_by_inputs: boolean;
      seed: number;
    };
    const names = Object.keys(inputs);
    const count = target.length;
    const rows = Array.from({ length: count * n_perturb_samples }, (_, k) => Math.floor(k / n_perturb_samples));
    const generator = new Generator(seed);
    const noise = Object.fromEntries(
      names.map((name) => [name, generator.normal(0, stdevs, n_perturb_samples * inputs[name].data.length)]),
    );
    const reference = await scores(model, { ...inputs, ...additional }, target);
    /** Per sample: sums of a², ab and b², where a is foretold and b what the output does. */
    const sums = Array.from({ length: count }, () => [0, 0, 0]);
    await inChunks(call, rows.length, async (start, end) => {
      const part = rows.slice(start, end);
      const changed = rowsOf({ ...inputs, ...additional }, part);
      const foretold = new Float64Array(part.length);
      for (const name of names) {
        const { data } = changed[name];
        const size = data.length / part.length;
        part.forEach((sample, k) => {
          const map = sampleOf(attribution.attributions[name], sample);
          const baseline = sampleOf(baselines[name], sample);
          for (let i = 0; i < size; i++) {
            const [at, x] = [k * size + i, data[k * size + i]];
            const change = noise[name][start * size + at];
            data[at] = x - change;
            // Where input and baseline are the same Captum divides by 1.
            foretold[k] += (map[i] * change) / (multiply_by_inputs ? x - baseline[i] || 1 : 1);
          }
        });
      }
      const after = await scores(
        model,
        changed,
        part.map((sample) => target[sample]),
      );
      part.forEach((sample, k) => {
        const [a, b] = [foretold[k], reference[sample] - after[k]];
        sums[sample][0] += a * a;
        sums[sample][1] += a * b;
        sums[sample][2] += b * b;
      });
    });
    const values = Float32Array.from(sums, ([aa, ab, bb]) => {
      const beta = normalize ? ab / (aa || 1) : 1;
      return (beta * beta * aa - 2 * beta * ab + bb) / n_perturb_samples;
    });
    return { values: { infidelity: values } };
  },
};
