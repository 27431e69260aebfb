/** Gaussian noise as captum.attr.NoiseTunnel adds it, and the arguments that go with it. */
import type { FloatArray } from "../engine";
import type { Generator } from "../random";
import type { Call, ParamSpec } from "./method";
import { rowsOf } from "./steps";

/** Every sample `times` times in a row with noise of its own; input by input, the whole batch at once. */
export function noisy(
  inputs: Call["inputs"],
  times: number,
  stdev: number,
  generator: Generator,
): Record<string, FloatArray> {
  const count = Object.values(inputs)[0].shape[0];
  const sample = Array.from({ length: count * times }, (_, row) => Math.floor(row / times));
  return Object.fromEntries(
    Object.entries(rowsOf(inputs, sample)).map(([name, { data, shape }]) => {
      const noise = generator.normal(0, stdev, data.length);
      return [name, { data: data.map((v, k) => v + noise[k]), shape }];
    }),
  );
}

export const stdevsParam = (standard: number): ParamSpec => ({
  name: "stdevs",
  kind: "float",
  default: standard,
  min: 0,
  slider: [0, 2],
  help: "Standard deviation of the noise, in units of the inputs",
});
