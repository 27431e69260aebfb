/** What the perturbation methods share: copies of a sample, each with a part of one input replaced, and what that costs. */
import { sizeOf } from "../graph";
import type { Call, Maps, ParamSpec } from "./method";
import { inChunks, rowsOf, sampleOf, scores } from "./steps";

export const perturbationsPerEval: ParamSpec = {
  name: "perturbations_per_eval",
  kind: "int",
  default: null,
  auto: "auto",
  min: 1,
  max: 10000,
  help: "Most perturbed copies in one forward pass; auto fits them to the memory. The result is the same",
};

export interface Perturbation {
  /** How many copies of a sample there are. */
  count: number;
  /** Replaces the `index`-th part of `x` by the baseline, in place. */
  apply(index: number, x: Float32Array, baseline: Float32Array): void;
  /** Takes f(x) - f(copy). */
  credit(index: number, change: number): void;
}

/** Runs the perturbations of every sample and input; `make` gets the array that takes the attributions of one sample. */
export async function perturb(
  call: Call,
  make: (shape: readonly number[], attributions: Float32Array) => Perturbation,
): Promise<Maps> {
  const { model, inputs, target } = call;
  const maps: Maps = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [name, { data: new Float32Array(data.length), shape }]),
  );
  const most = (call.arguments.perturbations_per_eval as number | null) ?? Infinity;
  const reference = await scores(model, { ...inputs, ...call.additional }, target);
  const jobs = target.flatMap((_, sample) =>
    Object.entries(inputs).map(([name, { shape }]) => {
      const size = sizeOf(shape.slice(1));
      return {
        sample,
        name,
        perturbation: make(shape.slice(1), maps[name].data.subarray(sample * size, (sample + 1) * size)),
      };
    }),
  );
  const all = jobs.reduce((sum, { perturbation }) => sum + perturbation.count, 0);
  let before = 0;
  for (const { sample, name, perturbation } of jobs) {
    const baseline = sampleOf(call.baselines[name], sample);
    await inChunks(
      call,
      perturbation.count,
      async (start, end) => {
        const n = end - start;
        const copies = rowsOf({ ...inputs, ...call.additional }, Array<number>(n).fill(sample));
        const { data } = copies[name];
        const size = data.length / n;
        for (let i = 0; i < n; i++) perturbation.apply(start + i, data.subarray(i * size, (i + 1) * size), baseline);
        const changed = await scores(model, copies, [target[sample]]);
        for (let i = 0; i < n; i++) perturbation.credit(start + i, reference[sample] - changed[i]);
      },
      before,
      all,
      most,
    );
    before += perturbation.count;
  }
  return maps;
}
