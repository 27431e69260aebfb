/** Integrated Gradients (Sundararajan et al. 2017): the gradient, averaged on the way from the baseline to the input. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Call, Method } from "./method";
import { download, gradients, inChunks, repeated, sampleOf } from "./steps";

export const QUADRATURES = [
  "riemann_left",
  "riemann_right",
  "riemann_middle",
  "riemann_trapezoid",
  "gausslegendre",
] as const;
type Quadrature = (typeof QUADRATURES)[number];

/** Points in 0..1 and their weights, as captum.attr._utils.approximation_methods has them (trapezoid weights sum to 1 - 1/n). */
export function quadrature(method: Quadrature, n: number): { alphas: number[]; weights: number[] } {
  const points = Array.from({ length: n }, (_, k) => k);
  const even = points.map(() => 1 / n);
  switch (method) {
    case "riemann_left":
      return { alphas: points.map((k) => k / n), weights: even };
    case "riemann_right":
      return { alphas: points.map((k) => (k + 1) / n), weights: even };
    case "riemann_middle":
      return { alphas: points.map((k) => (k + 0.5) / n), weights: even };
    case "riemann_trapezoid":
      return {
        alphas: points.map((k) => k / (n - 1)),
        weights: points.map((k) => (k === 0 || k === n - 1 ? 0.5 : 1) / n),
      };
    case "gausslegendre":
      return gaussLegendre(n);
  }
}

/** Nodes and weights of order n on 0..1: Newton's method on the Legendre polynomial (Press et al., Numerical Recipes, 4.6). */
function gaussLegendre(n: number): { alphas: number[]; weights: number[] } {
  const alphas: number[] = [];
  const weights: number[] = [];
  for (let k = n - 1; k >= 0; k--) {
    let t = Math.cos((Math.PI * (k + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0, change = 1; step < 100 && Math.abs(change) > 1e-15; step++) {
      let [p, before] = [1, 0];
      for (let j = 0; j < n; j++) [p, before] = [((2 * j + 1) * t * p - j * before) / (j + 1), p];
      slope = (n * (t * p - before)) / (t * t - 1);
      change = p / slope;
      t -= change;
    }
    alphas.push((1 + t) / 2);
    weights.push(1 / ((1 - t * t) * slope * slope));
  }
  return { alphas, weights };
}

const column = (values: number[], rank: number): Tensor =>
  tf.tensor(values, [values.length, ...Array<number>(rank - 1).fill(1)]);

/**
 * The path is walked behind each input's affine stem: the stem maps a line to a line, so it is computed for both ends only,
 * and the gradients are carried back through it once, summed.
 */
async function explainOne(call: Call, sample: number): Promise<Record<string, Float32Array>> {
  const { model } = call;
  const { n_steps, method } = call.arguments as { n_steps: number; method: Quadrature };
  const { alphas, weights } = quadrature(method, n_steps);
  const names = Object.keys(call.inputs);
  const one = (arrays: Call["inputs"], name: string) =>
    tf.tensor(sampleOf(arrays[name], sample), [1, ...arrays[name].shape.slice(1)]);
  const behind = (arrays: Call["inputs"], name: string) => {
    const stem = model.affineStem(name);
    return model.forward({ [name]: one(arrays, name) }, [stem])[stem];
  };
  const ends = tf.tidy(() => names.map((name) => ({ x: behind(call.inputs, name), b: behind(call.baselines, name) })));
  const stems = names.map((name) => model.affineStem(name));
  let sums = tf.tidy(() => ends.map(({ x }) => tf.zerosLike(x)));
  try {
    await inChunks(
      call,
      n_steps,
      async (start, end) => {
        const sofar = sums;
        sums = tf.tidy(() => {
          const points = ends.map(({ x, b }) =>
            tf.add(b, tf.mul(column(alphas.slice(start, end), x.rank), tf.sub(x, b))),
          );
          const inputs = {
            ...Object.fromEntries(stems.map((stem, i) => [stem, points[i]])),
            ...model.upload(repeated(call, sample, end - start)),
          };
          const target = Array<number>(end - start).fill(call.target[sample]);
          const found = gradients(model, inputs, target, stems);
          return stems.map((stem, i) => {
            const weighted = tf.mul(found[stem], column(weights.slice(start, end), found[stem].rank));
            return tf.add(sofar[i], tf.sum(weighted, 0, true));
          });
        });
        tf.dispose(sofar);
        // Reading one value back waits for the GPU, so that progress and the size of chunks tell the truth.
        await sums[0].data();
      },
      sample * n_steps,
      call.target.length * n_steps,
    );
    const maps = tf.tidy(() =>
      Object.fromEntries(
        names.map((name, i) => {
          const x = one(call.inputs, name);
          const gradient = model.backward(model.trace({ [name]: x }, stems[i]), sums[i], [name])[name];
          return [name, tf.mul(gradient, tf.sub(x, one(call.baselines, name)))];
        }),
      ),
    );
    return await download(maps);
  } finally {
    tf.dispose([sums, ends.map(({ x, b }) => [x, b])]);
  }
}

export const integratedGradients: Method = {
  name: "Integrated Gradients",
  group: "Path",
  cost: "n passes",
  summary: "The gradient, averaged on the way from the baseline to the input",
  source: "Sundararajan et al. 2017; captum.attr.IntegratedGradients",
  params: [
    {
      name: "n_steps",
      kind: "int",
      default: 50,
      start: 25,
      min: 2,
      max: 1000,
      slider: [2, 100],
      help: "Points on the way; more make the delta smaller",
    },
    {
      name: "method",
      kind: "enum",
      default: "gausslegendre",
      options: QUADRATURES,
      help: "How the points are placed and weighted",
    },
  ],
  usesBaselines: true,
  complete: true,
  signed: () => true,
  plan: ({ n_steps }) => ({ errors: {}, workload: `${String(n_steps)} passes` }),
  attribute: async (call) => {
    const maps = Object.fromEntries(
      Object.entries(call.inputs).map(([name, { data }]) => [name, new Float32Array(data.length)]),
    );
    for (let sample = 0; sample < call.target.length; sample++) {
      for (const [name, values] of Object.entries(await explainOne(call, sample)))
        maps[name].set(values, sample * values.length);
    }
    return maps;
  },
};
