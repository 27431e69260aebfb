/** Path methods that Captum lacks against their papers' algorithms in plain arrays, and what path methods show early. */
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { attribute } from "../../src/methods";
import { spread } from "../../src/methods/path";
import { difference, readNet } from "../engine/fixtures";

const net = readNet("two-images");
const names = Object.keys(net.inputs);
const count = net.target!.length;
let model: Model;
beforeAll(async () => (model = await Model.load(net.onnx, { backend: "wasm" })));
afterAll(() => model.dispose());

/** The gradient of each sample's target by all inputs at a point of all samples. */
async function gradientAt(point: Record<string, FloatArray>): Promise<Record<string, FloatArray>> {
  const { attributions } = await attribute(model, {
    method: "Saliency",
    arguments: { abs: false },
    inputs: point,
    target: net.target,
  });
  return attributions;
}

/** Rows of all inputs, one after the other, and back. */
const row = (arrays: Record<string, FloatArray>, sample: number): number[] =>
  names.flatMap((name) => {
    const size = arrays[name].data.length / count;
    return [...arrays[name].data.slice(sample * size, (sample + 1) * size)];
  });
function arraysOf(rows: number[][]): Record<string, FloatArray> {
  let start = 0;
  return Object.fromEntries(
    names.map((name) => {
      const { shape, data } = net.inputs[name];
      const [from, to] = [start, (start += data.length / count)];
      return [name, { shape, data: Float32Array.from(rows.flatMap((values) => values.slice(from, to))) }];
    }),
  );
}

const l1 = (a: number[], b: number[]): number => a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0);

/** Algorithm 1 of Kapishnikov et al. 2021, bounded as in section 3.3, for one sample; `gradient` is that of a step. */
function* guidedPath(x: number[], b: number[], steps: number, fraction: number, maxDist: number) {
  const total = l1(x, b);
  const attribution = x.map(() => 0);
  let point = [...b];
  for (let t = 1; t <= steps; t++) {
    const gradient: number[] = yield point;
    const magnitude = gradient.map(Math.abs);
    const [low, high] = [Math.max(t / steps - maxDist, 0), Math.min(t / steps + maxDist, 1)];
    const lowest = x.map((v, i) => b[i] + (v - b[i]) * low);
    const highest = x.map((v, i) => b[i] + (v - b[i]) * high);
    const wanted = total * (1 - t / steps);
    for (let gamma = Infinity; gamma > 1;) {
      const before = point;
      point = point.map((v, i) => (x[i] !== b[i] && (v - b[i]) / (x[i] - b[i]) < low ? lowest[i] : v));
      const left = l1(point, x);
      const arrived = Math.abs(left - wanted) <= 1e-9 * Math.max(left, wanted, 1);
      if (!arrived) {
        point.forEach((v, i) => v === highest[i] && (magnitude[i] = Infinity));
        const sorted = [...magnitude].sort((p, q) => p - q);
        const threshold = sorted[Math.floor(fraction * (sorted.length - 1))];
        const chosen = magnitude.map((m) => m <= threshold && m !== Infinity);
        const reach = point.reduce((sum, v, i) => sum + (chosen[i] ? Math.abs(v - highest[i]) : 0), 0);
        gamma = reach > 0 ? (left - wanted) / reach : Infinity;
        const share = Math.min(gamma, 1);
        point = point.map((v, i) => (!chosen[i] ? v : share === 1 ? highest[i] : v + (highest[i] - v) * share));
      }
      before.forEach((v, i) => (attribution[i] += (point[i] - v) * gradient[i]));
      if (arrived) break;
    }
  }
  return attribution;
}

test.each([
  [12, 0.25, 0.1],
  [20, 0.1, 1],
  [9, 0.5, 0],
])("Guided Integrated Gradients: %d steps, fraction %d, max_dist %d", async (n_steps, fraction, max_dist) => {
  const walks = Array.from({ length: count }, (_, i) =>
    guidedPath(row(net.inputs, i), row(net.baselines.random, i), n_steps, fraction, max_dist),
  );
  let at = walks.map((walk) => walk.next());
  while (!at[0].done) {
    const gradients = await gradientAt(arraysOf(at.map(({ value }) => value)));
    at = walks.map((walk, i) => walk.next(row(gradients, i)));
  }
  const expected = arraysOf(at.map(({ value }) => value));
  const { attributions } = await attribute(model, {
    method: "Guided Integrated Gradients",
    arguments: { n_steps, fraction, max_dist },
    inputs: net.inputs,
    baselines: net.baselines.random,
    target: net.target,
  });
  // A step decides between features by comparing gradients: the same points in, the same choice out.
  for (const name of names) expect(difference(attributions[name], expected[name])).toBeLessThan(1e-4);
});

/** Convolution of every plane with a normalised Gaussian that ends at 4 sigma, in each direction; zeros around. */
function blur({ data, shape }: FloatArray, sigma: number): Float64Array {
  const [height, width] = shape.slice(2);
  const radius = Math.floor(4 * sigma + 0.5);
  if (sigma === 0 || radius === 0) return Float64Array.from(data);
  const weights = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((a, b) => a + b);
  const pass = (values: Float64Array, dy: number, dx: number) =>
    values.map((_, i) => {
      const [y, x] = [Math.floor(i / width) % height, i % width];
      let sum = 0;
      for (let k = -radius; k <= radius; k++) {
        const inside = y + k * dy >= 0 && y + k * dy < height && x + k * dx >= 0 && x + k * dx < width;
        if (inside) sum += (values[i + k * (dy * width + dx)] * weights[k + radius]) / total;
      }
      return sum;
    });
  return pass(pass(Float64Array.from(data), 1, 0), 0, 1);
}

test.each([
  [10, 3],
  [7, 50],
])("Blur Integrated Gradients: %d steps, max_sigma %d", async (n_steps, max_sigma) => {
  const expected = Object.fromEntries(
    names.map((name) => [
      name,
      { data: new Float32Array(net.inputs[name].data.length), shape: net.inputs[name].shape },
    ]),
  );
  for (let i = 0; i < n_steps; i++) {
    const sigma = (i * max_sigma) / n_steps;
    const at = (s: number) =>
      Object.fromEntries(names.map((name) => [name, { ...net.inputs[name], data: blur(net.inputs[name], s) }]));
    const [now, then] = [at(sigma), at(sigma + 0.01)];
    const point = Object.fromEntries(
      names.map((name) => [name, { ...now[name], data: Float32Array.from(now[name].data) }]),
    );
    const gradients = await gradientAt(point);
    for (const name of names)
      gradients[name].data.forEach((g, k) => {
        expected[name].data[k] -= (max_sigma / n_steps) * g * ((then[name].data[k] - now[name].data[k]) / 0.01);
      });
  }
  const { attributions } = await attribute(model, {
    method: "Blur Integrated Gradients",
    arguments: { n_steps, max_sigma },
    inputs: net.inputs,
    target: net.target,
  });
  for (const name of names) expect(difference(attributions[name], expected[name])).toBeLessThan(1e-4);
});

const LONG = [
  "Integrated Gradients",
  "Guided Integrated Gradients",
  "Blur Integrated Gradients",
  "Layer Conductance",
  "Internal Influence",
  "Layer Integrated Gradients",
];

test.each(LONG)("%s frees what it makes, also when it is cancelled", async (method) => {
  const ask = (signal?: AbortSignal, onProgress?: () => void) =>
    attribute(model, {
      method,
      arguments: { n_steps: 70 },
      inputs: net.inputs,
      target: net.target,
      signal,
      onProgress,
    });
  await ask();
  const tensors = tf.memory().numTensors;
  await ask();
  expect(tf.memory().numTensors).toBe(tensors);
  const cancel = new AbortController();
  await expect(ask(cancel.signal, () => cancel.abort())).rejects.toThrow(/abort/i);
  expect(tf.memory().numTensors).toBe(tensors);
});

test("every beginning of a spread order is spread", () => {
  expect(spread(8)).toEqual([4, 2, 6, 1, 5, 3, 7, 0]);
  for (const n of [1, 2, 7, 50, 201]) expect([...spread(n)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i)); // prettier-ignore
});

test.each(["Integrated Gradients", "Internal Influence", "Layer Integrated Gradients", "Guided Integrated Gradients"])(
  "%s: previews are rough at first and come near the result",
  async (method) => {
    const clock = jest.spyOn(performance, "now");
    let now = 0;
    // Every chunk seems slow, so that there are many.
    clock.mockImplementation(() => (now += 200));
    const previews: Record<string, FloatArray>[] = [];
    const ask = (onPreview?: (maps: Record<string, FloatArray>) => void) =>
      attribute(model, { method, arguments: { n_steps: 60 }, inputs: net.inputs, target: net.target, onPreview });
    const watched = await ask((maps) => previews.push(maps));
    clock.mockRestore();
    expect(previews.length).toBeGreaterThan(2);
    const { attributions } = await ask();
    const [name] = Object.keys(attributions);
    expect(difference(watched.attributions[name], attributions[name])).toBeLessThan(1e-5);
    const errors = previews.map((maps) => difference(maps[name], attributions[name]));
    expect(errors.at(-1)).toBeLessThan(0.05);
    if (!method.startsWith("Guided")) expect(errors[0]).toBeLessThan(0.8);
  },
);
