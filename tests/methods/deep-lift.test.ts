/** Deep Lift in exact mode: multipliers re-derived one number at a time, and the axioms. */
import { readFileSync } from "fs";
import { join } from "path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { attribute } from "../../src/methods";
import { seedOf } from "../../src/methods/steps";
import { decode, difference, readNet, recorded, revive } from "../engine/fixtures";

interface Small {
  onnx: string;
  inputs: Record<string, FloatArray>;
  baselines: Record<string, FloatArray>;
  target: number[];
}

const { nets } = JSON.parse(readFileSync(join(__dirname, "relevance.json"), "utf8"), revive) as {
  nets: Record<string, Small>;
};
const exact = { mode: "exact" };

/** A number of the network, for the input and for the baseline, and Δself/Δparent for what it is made of. */
interface Quantity {
  x: number;
  ref: number;
  from: [Quantity, number][];
}

const leaf = (x: number, ref: number): Quantity => ({ x, ref, from: [] });
const sum = (terms: readonly Quantity[], weights: readonly number[] = terms.map(() => 1), bias = 0): Quantity => ({
  x: terms.reduce((s, t, i) => s + weights[i] * t.x, bias),
  ref: terms.reduce((s, t, i) => s + weights[i] * t.ref, bias),
  from: terms.map((t, i) => [t, weights[i]]),
});
/** The rescale rule (Shrikumar et al. 2017, 3.5.1). */
const applied = (f: (v: number) => number, a: Quantity): Quantity => {
  const [x, ref] = [f(a.x), f(a.ref)];
  const slope = (f(a.x + 1e-6) - f(a.x - 1e-6)) / 2e-6;
  return { x, ref, from: [[a, a.x === a.ref ? slope : (x - ref) / (a.x - a.ref)]] };
};
/** Δ(ab) = mean(b) Δa + mean(a) Δb */
const product = (a: Quantity, b: Quantity): Quantity => ({
  x: a.x * b.x,
  ref: a.ref * b.ref,
  from: [[a, (b.x + b.ref) / 2], [b, (a.x + a.ref) / 2]], // prettier-ignore
});
/** shap's cross-maximum: what lies between the two maxima's maximum and each is credited where that maximum is. */
function largest(terms: readonly Quantity[]): Quantity {
  const [x, ref] = [Math.max(...terms.map((t) => t.x)), Math.max(...terms.map((t) => t.ref))];
  const [own, other] = [terms.find((t) => t.x === x)!, terms.find((t) => t.ref === ref)!];
  const most = Math.max(x, ref);
  return {
    x,
    ref,
    from: [[own, (most - ref) / (own.x - own.ref)], [other, (x - most) / (other.x - other.ref)]], // prettier-ignore
  };
}

/** The chain rule for multipliers (3.3). */
function multiplier(y: Quantity, leafOf: Quantity): number {
  return y === leafOf ? 1 : y.from.reduce((s, [parent, m]) => (m ? s + m * multiplier(parent, leafOf) : s), 0);
}

const reciprocal = (a: Quantity) => applied((v) => 1 / v, a);
const softmax = (x: readonly Quantity[]): Quantity[] => {
  const most = Math.max(...x.flatMap((v) => [v.x, v.ref]));
  const e = x.map((v) => applied((u) => Math.exp(u - most), v));
  return e.map((v) => product(v, reciprocal(sum(e))));
};
const logSoftmax = (x: readonly Quantity[]): Quantity[] => {
  const total = applied(Math.log, sum(x.map((v) => applied(Math.exp, v))));
  return x.map((v) => sum([v, total], [1, -1]));
};
const normalised = (x: readonly Quantity[], scale: readonly number[], shift: readonly number[]): Quantity[] => {
  const even = x.map(() => 1 / x.length);
  const centred = x.map((v) => sum([v, sum(x, even)], [1, -1]));
  const root = applied((v) => (v + 1e-5) ** -0.5, sum(centred.map((c) => product(c, c)), even)); // prettier-ignore
  return centred.map((c, i) => sum([product(c, root)], [scale[i]], shift[i]));
};
const linspace = (from: number, to: number, n: number) => Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1)); // prettier-ignore
const erf = (v: number) => {
  // The series is exact to 1e-15 for what a test feeds.
  let [term, total] = [v, v];
  for (let n = 1; n < 80; n++) {
    term *= (-v * v) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
};

const [SCALE, SHIFT] = [linspace(0.5, 2, 6), linspace(-1, 1, 6)];
const pairs = (x: readonly Quantity[], f: (a: Quantity, b: Quantity) => Quantity) => [0, 1, 2].map((i) => f(x[i], x[i + 3])); // prettier-ignore
/** As in relevance.make.py. */
const OPERATORS: Record<string, (x: readonly Quantity[]) => Quantity[]> = {
  softmax,
  "log-softmax": logSoftmax,
  "layer-norm": (x) => normalised(x, SCALE, SHIFT),
  "group-norm": (x) => [
    ...normalised(x.slice(0, 3), SCALE.slice(0, 3), SHIFT.slice(0, 3)),
    ...normalised(x.slice(3), SCALE.slice(3), SHIFT.slice(3)),
  ],
  product: (x) => pairs(x, product),
  square: (x) => x.map((v) => product(v, v)),
  "matrix-product": (x) =>
    [0, 1, 2, 3].map((k) => {
      const [row, column] = [k >> 1, k & 1];
      return sum([0, 1, 2].map((j) => product(x[row * 3 + j], x[j * 2 + column])));
    }),
  quotient: (x) => pairs(x, (a, b) => product(a, reciprocal(sum([b], [1], 4)))),
  "max-pool": (x) => [0, 1, 2, 3].map((k) => largest(x.slice(k, k + 3))),
  maximum: (x) => pairs(x, (a, b) => largest([a, b])),
  largest: (x) => [largest(x)],
  silu: (x) => x.map((v) => applied((u) => u / (1 + Math.exp(-u)), v)),
  gelu: (x) => x.map((v) => applied((u) => 0.5 * u * (1 + erf(u / Math.SQRT2)), v)),
  clamp: (x) => x.map((v) => applied((u) => Math.min(0.5, Math.max(-0.5, u)), v)),
};

/** ReLUDeepLiftModel at (1, 2) from (0, 0): 2 relu(x1) + 2 relu(x2 - 1.5). */
test.each([
  [true, [2, 1], 0],
  [false, [2, 0.5], null],
])("golden case: multiply_by_inputs %s", async (multiply_by_inputs, expected, delta) => {
  const { onnx, inputs, target } = readNet("golden-deep-lift-relu");
  const model = await Model.load(onnx, { backend: "wasm" });
  const found = await attribute(model, { method: "Deep Lift", arguments: { multiply_by_inputs }, inputs, target });
  expect(Object.values(found.attributions).map(({ data }) => data[0])).toEqual(expected);
  expect(found.delta && [...found.delta]).toEqual(delta === null ? null : [delta]);
  model.dispose();
});

test.each(Object.keys(OPERATORS))("%s: multipliers from the definitions", async (name) => {
  const { onnx, inputs, baselines, target } = nets[`operator-${name}`];
  const [input] = Object.keys(inputs);
  const model = await Model.load(decode(onnx), { backend: "wasm" });
  // One value is its baseline's: there the gradient stands in.
  const shared = { ...baselines, [input]: { ...baselines[input], data: baselines[input].data.slice() } };
  if (!["maximum", "largest", "max-pool"].includes(name)) shared[input].data[1] = inputs[input].data[1];
  const result = await attribute(model, { method: "Deep Lift", arguments: exact, inputs, baselines: shared, target });
  const expected = target.flatMap((_, n) => {
    const at = (array: FloatArray, i: number) => array.data[n * 6 + i];
    const x = Array.from({ length: 6 }, (__, i) => leaf(at(inputs[input], i), at(shared[input], i)));
    const y = OPERATORS[name](x);
    const out = sum(y, y.map((_y, i) => (-1) ** i * (i + 1))); // prettier-ignore
    return x.map((v) => multiplier(out, v) * (v.x - v.ref));
  });
  expect(difference(result.attributions[input], { data: Float32Array.from(expected), shape: [4, 6] })).toBeLessThan(
    1e-5,
  );
  model.dispose();
});

describe.each(
  recorded([
    ...[
      "activations-functional",
      "arithmetic",
      "cifar",
      "clip-relu6",
      "matmuls",
      "max-pool-32-padding-ties",
      "max-pool-stem",
    ],
    ...[
      "residual-post-activation",
      "residual-pre-activation",
      "reused-modules",
      "softmax-inside",
      "softplus",
      "two-images",
    ],
  ]),
)("%s", (name) => {
  const { onnx, inputs, baselines, target } = readNet(name); // prettier-ignore
  let model: Model;
  beforeAll(async () => {
    model = await Model.load(onnx, { backend: "wasm" });
  });
  afterAll(() => model.dispose());
  const lift = (from: Record<string, FloatArray>) =>
    attribute(model, { method: "Deep Lift", arguments: exact, inputs, baselines: from, target });

  test.each(["zero", "random"])("completeness, from %s", async (choice) => {
    const { delta, change } = await lift(baselines[choice]);
    const scale = Math.max(...change!.map(Math.abs));
    for (const d of delta!) expect(Math.abs(d) / scale).toBeLessThan(1e-5);
    const before = tf.memory().numTensors;
    await lift(baselines[choice]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("sensitivity: what alone differs gets all of the change, what does not gets nothing", async () => {
    const [first] = Object.keys(inputs);
    const size = inputs[first].data.length / target!.length;
    const data = inputs[first].data.slice();
    target!.forEach((_, n) => (data[n * size + 7] += 0.5));
    const { attributions, change } = await lift({ ...inputs, [first]: { ...inputs[first], data } });
    attributions[first].data.forEach((v, k) => k % size === 7 || expect(Math.abs(v)).toBe(0));
    target!.forEach((_, n) => expect(attributions[first].data[n * size + 7]).toBeCloseTo(change![n], 5));
  });

  test("implementation invariance: gradients of the fused graph and of the whole one", () => {
    const names = Object.keys(inputs);
    const found = [undefined, {}].map((rules) =>
      tf.tidy(() => {
        const all = model.gradients(model.upload(inputs), names, (y) => seedOf(y, target!), { rules });
        return names.map((input) => all[input].dataSync<"float32">().slice());
      }),
    );
    names.forEach((input, i) => {
      const [a, b] = found.map((all) => ({ data: all[i], shape: inputs[input].shape }));
      expect(difference(a, b)).toBeLessThan(1e-5);
    });
  });
});
