import * as tf from "@tensorflow/tfjs-core";
import type { Call, Maps, Method } from "./method";
import { planSteps } from "./path";
import { download, gradients, sampleSize } from "./steps";

interface Arguments {
  n_steps: number;
  fraction: number;
  max_dist: number;
}

/** Two distances that differ by less, relatively and absolutely, are the same. */
const EPSILON = 1e-9;

const isClose = (a: number, b: number) => Math.abs(a - b) <= EPSILON * Math.max(1, Math.abs(a), Math.abs(b));

/** The way of one sample, all of whose inputs are one list of features. */
class Walk {
  readonly input: Float64Array;
  readonly baseline: Float64Array;
  readonly x: Float64Array;
  readonly attribution: Float64Array;
  readonly #total: number;

  constructor(input: Float64Array, baseline: Float64Array) {
    this.input = input;
    this.baseline = baseline;
    this.x = baseline.slice();
    this.attribution = new Float64Array(input.length);
    this.#total = this.#distance();
  }

  /** Moves those features first whose gradient is smallest, until the sample is `alpha` of the way nearer to the input. */
  step(gradient: Float32Array, alpha: number, fraction: number, maxDist: number): void {
    if (!this.#total) return;
    const { x, input, baseline } = this;
    const [from, to] = [Math.max(alpha - maxDist, 0), Math.min(alpha + maxDist, 1)];
    const at = (a: number, i: number) => baseline[i] + (input[i] - baseline[i]) * a;
    const wanted = this.#total * (1 - alpha);
    /** Infinite for features that have gone as far as they may. */
    const steepness = Float64Array.from(gradient, Math.abs);
    const move = (i: number, value: number) => {
      this.attribution[i] += (value - x[i]) * gradient[i];
      x[i] = value;
    };
    for (;;) {
      // Nobody falls too far behind.
      x.forEach((v, i) => {
        const way = input[i] - baseline[i];
        if (way && (v - baseline[i]) / way < from) move(i, at(from, i));
      });
      const distance = this.#distance();
      if (isClose(distance, wanted)) return;
      x.forEach((v, i) => {
        if (v === at(to, i)) steepness[i] = Infinity;
      });
      const threshold = quantile(steepness, fraction);
      const chosen = Array.from(steepness.keys()).filter((i) => steepness[i] <= threshold && steepness[i] < Infinity);
      const reach = chosen.reduce((sum, i) => sum + Math.abs(x[i] - at(to, i)), 0);
      const share = reach ? (distance - wanted) / reach : Infinity;
      if (!chosen.length || share <= 0) return;
      for (const i of chosen) move(i, share > 1 ? at(to, i) : x[i] + (at(to, i) - x[i]) * share);
      if (share <= 1) return;
    }
  }

  #distance(): number {
    return this.x.reduce((sum, v, i) => sum + Math.abs(v - this.input[i]), 0);
  }
}

/** The value at or below the place that `fraction` of the sorted list ends at. */
const quantile = (values: Float64Array, fraction: number): number =>
  values.slice().sort()[Math.floor(fraction * (values.length - 1))];

/** The gradients of a step are those of all samples; where each goes from there is its own affair. */
async function explain(call: Call): Promise<Maps> {
  const { model, target, additional } = call;
  const { n_steps, fraction, max_dist } = call.arguments as unknown as Arguments;
  const names = Object.keys(call.inputs);
  /** One sample's inputs in a row, and back. */
  const joined = (arrays: Call["inputs"], sample: number) =>
    Float64Array.from(
      names.flatMap((name) => {
        const size = sampleSize(arrays[name]);
        return Array.from(arrays[name].data.subarray(sample * size, (sample + 1) * size));
      }),
    );
  const parted = (samples: readonly Float64Array[]): Maps => {
    let offset = 0;
    return Object.fromEntries(
      names.map((name) => {
        const { shape, data } = call.inputs[name];
        const size = sampleSize(call.inputs[name]);
        const part = new Float32Array(data.length);
        samples.forEach((sample, i) => part.set(sample.subarray(offset, offset + size), i * size));
        offset += size;
        return [name, { data: part, shape }];
      }),
    );
  };
  const walks = target.map((_, i) => new Walk(joined(call.inputs, i), joined(call.baselines, i)));
  const maps = () => parted(walks.map(({ attribution }) => attribution));
  for (let step = 1; step <= n_steps; step++) {
    const found = await download(
      tf.tidy(() =>
        gradients(model, model.upload({ ...parted(walks.map(({ x }) => x)), ...additional }), target, names),
      ),
    );
    walks.forEach((walk, i) => walk.step(Float32Array.from(joined(found, i)), step / n_steps, fraction, max_dist));
    await call.step(step / n_steps);
    if (step < n_steps) await call.preview(maps);
  }
  return maps();
}

export const guidedIntegratedGradients: Method = {
  name: "Guided Integrated Gradients",
  group: "Path",
  cost: "n passes",
  summary: "Integrated Gradients on a way around steep places: what the output does not care about goes first",
  source: "Kapishnikov et al. 2021",
  params: [
    {
      name: "n_steps",
      kind: "int",
      default: 200,
      start: 50,
      min: 1,
      max: 2000,
      slider: [10, 200],
      help: "Steps of the way, one after the other",
    },
    {
      name: "fraction",
      kind: "float",
      default: 0.25,
      min: 0.001,
      max: 1,
      slider: [0.05, 1],
      help: "Part of the values, those with the smallest gradients, that is moved at a time",
    },
    {
      name: "max_dist",
      kind: "float",
      default: 0.02,
      min: 0,
      max: 1,
      slider: [0, 1],
      help: "How far from the straight way a value may be, as a part of the whole way; 0 is Integrated Gradients",
    },
  ],
  baselines: "one",
  embeds: true,
  complete: true,
  signed: () => true,
  plan: planSteps,
  attribute: explain,
};
