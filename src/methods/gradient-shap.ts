import * as tf from "@tensorflow/tfjs-core";
import { Generator, NumpyGenerator } from "../random";
import { Means } from "./means";
import type { Call, Maps, Method } from "./method";
import { multiplied, multiplyByInputs } from "./multiplied";
import { noisy, stdevsParam } from "./noise";
import { seed } from "./perturbation";
import { download, gradients, inChunks, rowsOf } from "./steps";

/**
 * Expected gradients at random points between random baselines and the input with noise, times the way there. Captum draws
 * the baselines (for each input its own) and the points from numpy, the noise from torch.
 */
async function explain(call: Call): Promise<Maps> {
  const { n_samples, stdevs, seed: start } = call.arguments as { n_samples: number; stdevs: number; seed: number };
  const { model } = call;
  const names = Object.keys(call.inputs);
  const total = call.target.length * n_samples;
  const numpy = new NumpyGenerator(start);
  const from = names.map((name) => numpy.choice(call.baselines[name].shape[0], total));
  const x = noisy(call.inputs, n_samples, stdevs, new Generator(start));
  const at = Float32Array.from(numpy.uniform(total));
  const means = new Means(call.inputs, n_samples);
  await inChunks(call, total, async (start, end) => {
    const rows = Array.from({ length: end - start }, (_, k) => start + k);
    const sample = rows.map((row) => Math.floor(row / n_samples));
    const drawn = names.map((name, i) => rowsOf({ [name]: call.baselines[name] }, rows.map((row) => from[i][row]))); // prettier-ignore
    const maps = tf.tidy(() => {
      const ends = model.upload(rowsOf(x, rows)) as Record<string, tf.Tensor>;
      const starts = model.upload(Object.assign({}, ...drawn) as typeof x) as Record<string, tf.Tensor>;
      const share = (name: string) => tf.reshape(at.subarray(start, end), [end - start, ...Array<number>(ends[name].rank - 1).fill(1)]); // prettier-ignore
      const point = (name: string) =>
        tf.add(tf.mul(ends[name], share(name)), tf.mul(starts[name], tf.sub(1, share(name))));
      const inputs = {
        ...Object.fromEntries(names.map((name) => [name, point(name)])),
        ...model.upload(rowsOf(call.additional, sample)),
      };
      const found = gradients(model, inputs, sample.map((s) => call.target[s]), names); // prettier-ignore
      return Object.fromEntries(names.map((name) => [name, multiplied(call.arguments, found[name], ends[name], starts[name])])); // prettier-ignore
    });
    means.add(start, await download(maps));
    await call.preview(() => means.maps());
  });
  return means.maps();
}

export const gradientShap: Method = {
  name: "Gradient Shap",
  group: "Path",
  cost: "n passes",
  summary: "The gradient at random points between random baselines and the input, times their distance",
  source: "Lundberg and Lee 2017; Erion et al. 2021; captum.attr.GradientShap",
  params: [
    { name: "n_samples", kind: "int", default: 5, start: 20, min: 1, max: 1000, slider: [5, 100], help: "Random points for each sample; more make the delta smaller" },
    stdevsParam(0),
    seed,
    multiplyByInputs,
  ], // prettier-ignore
  baselines: "all",
  embeds: true,
  complete: true,
  signed: () => true,
  plan: ({ n_samples }) => ({ errors: {}, workload: `${String(n_samples)} passes` }),
  attribute: explain,
};
