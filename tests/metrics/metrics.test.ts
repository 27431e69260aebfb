/** Metrics against Captum's, and against slow re-derivations from the papers where Captum has none. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { attribute, type Request } from "../../src/methods";
import type { Arguments } from "../../src/methods/method";
import { measure, METRICS } from "../../src/metrics";
import { areaUnder } from "../../src/metrics/deletion-insertion";
import { rankCorrelation } from "../../src/ranks";
import { readNet } from "../engine/fixtures";

interface Case {
  net: string;
  method: string;
  arguments: Arguments;
  metric: string;
  metric_arguments: Arguments;
  values: number[];
}

const cases = JSON.parse(readFileSync(join(__dirname, "../fixtures/data/metrics/cases.json"), "utf8")) as Case[];

const loaded = new Map<string, Promise<Model>>();
const modelOf = (name: string): Promise<Model> => {
  if (!loaded.has(name)) loaded.set(name, Model.load(readNet(name).onnx, { backend: "wasm" }));
  return loaded.get(name)!;
};
afterAll(async () => {
  for (const model of loaded.values()) (await model).dispose();
});

async function explained(name: string, method: string, args: Arguments = {}) {
  const net = readNet(name);
  const model = await modelOf(name);
  const request: Request = { method, arguments: args, inputs: net.inputs, target: net.target };
  return { net, model, request, attribution: await attribute(model, request) };
}

test.each(
  cases.map((c) => [`${c.metric} of ${c.method}, ${c.net}, ${JSON.stringify(c.metric_arguments)}`, c] as const),
)("%s", async (_, { net: name, method, arguments: args, metric, metric_arguments, values: expected }) => {
  const { net, model, request, attribution } = await explained(name, method, args);
  const before = tf.memory().numTensors;
  const { values } = await measure(model, { metric, arguments: metric_arguments, request, attribution });
  expect(tf.memory().numTensors).toBe(before);
  const [got] = Object.values(values);
  expect(got).toHaveLength(expected.length);
  // What is squared is a difference of outputs, which holds float32's rounding of the outputs; Captum's normalised form is
  // a difference of squares as well. Of many moved inputs one may sit at a kink.
  const rounding = (2e-6 * Math.max(...net.raw.data.map(Math.abs))) ** 2;
  const most = (value: number) =>
    metric === "Infidelity"
      ? 2e-4 * value + rounding + 2 * Math.sqrt(value * rounding) + (metric_arguments.normalize ? 1e-9 : 0)
      : 1e-3;
  expected.forEach((value, i) => expect(Math.abs(got[i] - value)).toBeLessThanOrEqual(most(value)));
});

test("sensitivity-max of Captum's own test suite", async () => {
  const { model, request, attribution } = await explained("golden-two-scalars", "Integrated Gradients");
  const { values } = await measure(model, { metric: "Sensitivity-max", request, attribution });
  expect(values.sensitivity[0]).toBeCloseTo(0.00798, 5);
});

/** Captum moves both inputs by .0009; here they are moved by noise of that deviation. */
test("infidelity of Captum's own test suite", async () => {
  const { model, request, attribution } = await explained("golden-two-scalars", "Integrated Gradients");
  const args = { stdevs: 0.0009, multiply_by_inputs: false };
  const { values } = await measure(model, { metric: "Infidelity", arguments: args, request, attribution });
  expect(values.infidelity[0]).toBeCloseTo(0, 5);
});

test("deletion and insertion, step by step", async () => {
  const { net, model, request, attribution } = await explained("digits", "Saliency", { abs: false });
  const [input] = Object.keys(net.inputs);
  const n_steps = 7;
  const question = { metric: "Deletion and insertion", arguments: { n_steps }, request, attribution };
  const { values, curves } = await measure(model, question);
  const [, channels, height, width] = net.inputs[input].shape;
  const size = channels * height * width;
  for (let sample = 0; sample < 2; sample++) {
    const x = net.inputs[input].data.slice(sample * size, (sample + 1) * size);
    const map = attribution.attributions[input].data.slice(sample * size, (sample + 1) * size);
    const order = [...map.keys()].sort((a, b) => map[b] - map[a] || a - b);
    const score = async (data: Float32Array) =>
      (await model.run({ [input]: { data, shape: [1, channels, height, width] } })).scores.data[net.target![sample]];
    for (let k = 0; k <= n_steps; k++) {
      const removed = order.slice(0, Math.round((k / n_steps) * size));
      const data = x.map((v, i) => (removed.includes(i) ? 0 : v));
      expect(curves![0].values[sample][k]).toBeCloseTo(await score(data), 5);
    }
    // Everything put in is the picture itself; nothing, its blurred self.
    expect(curves![1].values[sample][n_steps]).toBeCloseTo(await score(x), 5);
    expect(curves![1].values[sample][0]).toBeCloseTo(await score(blurredSlowly(x, height, width)), 4);
    const y = curves![0].values[sample];
    const trapezoids = [...y.slice(1)].map((v, i) => (v + y[i]) / 2 / n_steps);
    expect(values.deletion[sample]).toBeCloseTo(
      trapezoids.reduce((a, b) => a + b, 0),
      6,
    );
  }
});

/** One channel, with RISE's kernel of 11 pixels and a deviation of 5; the border is repeated. */
function blurredSlowly(x: Float32Array, height: number, width: number): Float32Array {
  const at = (v: number, u: number) =>
    x[Math.max(0, Math.min(height - 1, v)) * width + Math.max(0, Math.min(width - 1, u))];
  return x.map((_, i) => {
    const [v, u] = [Math.floor(i / width), i % width];
    let [sum, total] = [0, 0];
    for (let dv = -5; dv <= 5; dv++)
      for (let du = -5; du <= 5; du++) {
        const w = Math.exp(-(dv * dv + du * du) / 50);
        sum += w * at(v + dv, u + du);
        total += w;
      }
    return sum / total;
  });
}

test("the area under a straight line is half", () => {
  expect(areaUnder(Float32Array.of(1, 0.75, 0.5, 0.25, 0))).toBe(0.5);
});

test("an explanation beats its opposite in deletion and insertion", async () => {
  const { model, request, attribution } = await explained("digits", "Integrated Gradients");
  const opposite = {
    ...attribution,
    attributions: Object.fromEntries(
      Object.entries(attribution.attributions).map(([name, { data, shape }]) => [
        name,
        { data: data.map((v) => -v), shape },
      ]),
    ),
  };
  const metric = "Deletion and insertion";
  const good = (await measure(model, { metric, request, attribution })).values;
  const bad = (await measure(model, { metric, request, attribution: opposite })).values;
  const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length;
  expect(mean(good.deletion)).toBeLessThan(mean(bad.deletion));
  expect(mean(good.insertion)).toBeGreaterThan(mean(bad.insertion));
});

test("Spearman's rank correlation with ties, as scipy.stats.spearmanr gives it", () => {
  const of = (a: number[], b: number[]) => rankCorrelation(Float32Array.from(a), Float32Array.from(b));
  expect(of([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826816681233, 12);
  expect(of([1, 2, 3], [3, 2, 1])).toBe(-1);
  expect(of([1, 1, 1], [3, 2, 1])).toBe(0);
});

test("model randomisation starts at the output and leaves the model alone", async () => {
  const { net, model, request, attribution } = await explained("digits", "Saliency", { abs: false });
  const before = tf.memory().numTensors;
  const { values, curves } = await measure(model, { metric: "Model randomisation", request, attribution });
  expect(tf.memory().numTensors).toBe(before);
  const [{ at, labels, values: rows }] = curves!;
  const weighted = model.layers
    .filter(({ class: type }) => /Conv2d|Linear|BatchNorm/.test(type))
    .map(({ name }) => name);
  expect(labels![1]).toBe(weighted.at(-1));
  expect(labels!.at(-1)).toBe(weighted[0]);
  expect(at[0]).toBe(0);
  expect(at.at(-1)).toBe(1);
  rows.forEach((row, i) => {
    expect(row[0]).toBe(1);
    expect(Math.abs(row.at(-1)!)).toBeLessThan(0.7);
    expect(values.correlation[i]).toBe(row.at(-1));
  });
  const again = await attribute(model, request);
  const [input] = Object.keys(net.inputs);
  expect(again.attributions[input].data).toEqual(attribution.attributions[input].data);
});

describe("a question that cannot be answered", () => {
  test.each([
    ["an unknown metric", { metric: "Accuracy" }, 'metric "Accuracy" does not exist; choose one of Deletion'],
    ["steps out of range", { arguments: { n_steps: 1 } }, "argument n_steps: a whole number from 2 to 1000; got 1"],
    ["a map of another size", { attribution: null }, /needs an attribution of ".+" of the shape .+, got \[1, 2\]/],
  ])("%s", async (_, change, text) => {
    const { net, model, request, attribution } = await explained("digits", "Saliency");
    const [input] = Object.keys(net.inputs);
    const wrong: FloatArray = { data: new Float32Array(2), shape: [1, 2] };
    const question = { metric: METRICS[0].name, request, attribution, ...change };
    const given = question.attribution ?? { ...attribution, attributions: { [input]: wrong } };
    await expect(measure(model, { ...question, attribution: given })).rejects.toThrow(text);
  });

  test("it stops when it is cancelled", async () => {
    const { model, request, attribution } = await explained("digits", "Saliency");
    const controller = new AbortController();
    const before = tf.memory().numTensors;
    const call = measure(model, {
      metric: "Sensitivity-max",
      request,
      attribution,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    expect(tf.memory().numTensors).toBe(before);
  });
});
