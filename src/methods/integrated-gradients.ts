/** Integrated Gradients (Sundararajan et al. 2017): the gradient, averaged on the way from the baseline to the input. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Call, Maps, Method, ParamSpec } from "./method";
import { multiplied, multiplyByInputs } from "./multiplied";
import { between, integrate, planSteps, type Point, type Quadrature } from "./path";
import { gradients, rowsOf } from "./steps";

export const QUADRATURES = [
  "riemann_left",
  "riemann_right",
  "riemann_middle",
  "riemann_trapezoid",
  "gausslegendre",
] as const;
export type Rule = (typeof QUADRATURES)[number];

/** Points in 0..1 and their weights, as captum.attr._utils.approximation_methods has them (trapezoid weights sum to 1 - 1/n). */
export function quadrature(method: Rule, n: number): Quadrature {
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
function gaussLegendre(n: number): Quadrature {
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

/** Of all methods that walk from the baseline to the input. */
export const pathParams: readonly ParamSpec[] = [
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
];

/**
 * The path is walked behind each input's affine stem: the stem maps a line to a line, so it is computed for the ends only,
 * and the gradients are carried back through it once, summed.
 */
async function explain(call: Call): Promise<Maps> {
  const { model, target, additional } = call;
  const { n_steps, method } = call.arguments as { n_steps: number; method: Rule };
  const behind = (arrays: Call["inputs"], { name, value }: { name: string; value: string }) =>
    model.inner(model.upload({ [name]: arrays[name] }), [value])[value];
  /** A stem may end where rows are no longer samples: recurrent layers have the steps first, others merge them. */
  const isByRow = (stem: { name: string; value: string }) =>
    tf.tidy(() => [[0], [0, 0]].every((rows) => behind(rowsOf(call.inputs, rows), stem).shape[0] === rows.length));
  const stems = Object.keys(call.inputs).map((name) => {
    const stem = { name, value: model.affineStem(name) };
    return isByRow(stem) ? stem : { name, value: name };
  });
  const ends = tf.tidy(() => stems.map((stem) => tf.concat([behind(call.inputs, stem), behind(call.baselines, stem)])));
  const values = (points: readonly Point[]) => {
    const samples = points.map(({ sample }) => sample);
    const inputs = {
      ...Object.fromEntries(stems.map(({ value }, i) => [value, between(ends[i], points)])),
      ...model.upload(rowsOf(additional, samples)),
    };
    const targets = samples.map((sample) => target[sample]);
    const wrt = stems.map(({ value }) => value);
    const found = gradients(model, inputs, targets, wrt);
    return wrt.map((value) => found[value]);
  };
  const finish = (sums: readonly Tensor[]) => {
    const [x, b] = [model.upload(call.inputs), model.upload(call.baselines)];
    return Object.fromEntries(
      stems.map(({ name, value }, i) => {
        const seed = (stem: Tensor) => tf.reshape(sums[i], stem.shape);
        const gradient = model.gradients({ [name]: x[name] }, [name], seed, { output: value })[name];
        return [name, multiplied(call.arguments, gradient, x[name] as Tensor, b[name] as Tensor)];
      }),
    );
  };
  try {
    return await integrate(call, quadrature(method, n_steps), values, finish);
  } finally {
    tf.dispose(ends);
  }
}

export const integratedGradients: Method = {
  name: "Integrated Gradients",
  group: "Path",
  cost: "n passes",
  summary: "The gradient, averaged on the way from the baseline to the input",
  source: "Sundararajan et al. 2017; captum.attr.IntegratedGradients",
  params: [...pathParams, multiplyByInputs],
  baselines: "one",
  embeds: true,
  complete: true,
  signed: () => true,
  plan: planSteps,
  attribute: explain,
};
