import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { EngineError } from "../support";
import { imagesOf, noImage } from "./cam";
import { alongAxis } from "./interpolate";
import type { Call, Maps, Method } from "./method";
import { integrate, planSteps } from "./path";
import { gradients, rowsOf } from "./steps";

/** Of sigma, to see how a blurred image changes with it: the paper's authors' own step. */
const STEP = 0.01;
/** In sigmas, where a kernel ends; scipy's. */
const TRUNCATE = 4;

/** Gaussian kernel of 2 r + 1 weights that sum to 1. */
function kernel(sigma: number): Float64Array {
  const radius = sigma ? Math.floor(TRUNCATE * sigma + 0.5) : 0;
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    radius ? Math.exp(-0.5 * ((i - radius) / sigma) ** 2) : 1,
  );
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / sum);
}

/** Convolution of `size` values with a kernel, zeros around them, as a matrix. */
function blurring(size: number, weights: Float64Array): Float64Array {
  const radius = (weights.length - 1) / 2;
  const data = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = Math.max(0, i - radius); j <= Math.min(size - 1, i + radius); j++)
      data[i * size + j] = weights[j - i + radius];
  return data;
}

/** G(sigma) x, and how it changes with sigma: (G(sigma + STEP) x - G(sigma) x) / STEP, axis by axis. Call inside tf.tidy. */
function blurred(x: Tensor, sigma: number): { image: Tensor; change: Tensor } {
  const [now, then] = [kernel(sigma), kernel(sigma + STEP)];
  let image = x;
  let change: Tensor | null = null;
  for (let axis = 2; axis < x.rank; axis++) {
    const size = x.shape[axis];
    const [a, b] = [blurring(size, now), blurring(size, then)];
    const along = (value: Tensor, matrix: Float64Array) =>
      alongAxis(value, axis, { data: Float32Array.from(matrix), size });
    // The difference of the matrices is taken here, in double precision; that of two images would be their rounding.
    const difference = along(image, b.map((v, i) => (v - a[i]) / STEP)); // prettier-ignore
    change = change ? tf.add(along(change, b), difference) : difference;
    image = along(image, a);
  }
  return { image, change: change! };
}

async function explain(call: Call): Promise<Maps> {
  const { model, target } = call;
  const { n_steps, max_sigma } = call.arguments as { n_steps: number; max_sigma: number };
  const names = imagesOf(call).map(([name]) => name);
  if (!names.length) throw new EngineError("no attributed input is an image [N, C, H, W]");
  const arrays = { ...call.inputs, ...call.additional };
  const sigmas = Array.from({ length: n_steps }, (_, i) => (i * max_sigma) / n_steps);
  return integrate(
    call,
    { alphas: sigmas, weights: sigmas.map(() => max_sigma / n_steps) },
    (points) => {
      const samples = points.map(({ sample }) => sample);
      const given = model.upload(rowsOf(arrays, samples));
      const both = names.map((name) => {
        const each = points.map(({ alpha }, k) => blurred(tf.slice(given[name] as Tensor, k, 1), alpha));
        return {
          image: tf.concat(each.map(({ image }) => image)),
          change: tf.concat(each.map(({ change }) => change)),
        };
      });
      const inputs = { ...given, ...Object.fromEntries(names.map((name, i) => [name, both[i].image])) };
      const targets = samples.map((sample) => target[sample]);
      const found = gradients(model, inputs, targets, names);
      // From sharp to blurred, the change is what is lost.
      return names.map((name, i) => tf.neg(tf.mul(both[i].change, found[name])));
    },
    (sums) => Object.fromEntries(names.map((name, i) => [name, tf.reshape(sums[i], call.inputs[name].shape)])),
  );
}

export const blurIntegratedGradients: Method = {
  name: "Blur Integrated Gradients",
  group: "Path",
  cost: "n passes",
  summary:
    "The gradient, summed up on the way from the blurred to the sharp image: a baseline without a colour of its own",
  source: "Xu et al. 2020",
  params: [
    {
      name: "n_steps",
      kind: "int",
      default: 100,
      start: 25,
      min: 1,
      max: 1000,
      slider: [5, 100],
      help: "Steps of blur",
    },
    {
      name: "max_sigma",
      kind: "float",
      default: 50,
      min: 0.1,
      max: 1000,
      slider: [1, 100],
      unit: "px",
      help: "Of the strongest blur",
    },
  ],
  baselines: "none",
  embeds: false,
  complete: false,
  signed: () => true,
  whyNot: noImage,
  plan: planSteps,
  attribute: explain,
};
