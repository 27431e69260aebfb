/** Noise Tunnel, Gradient Shap and Deep Lift Shap beside Captum's numbers (parity, relevance): limits, previews, bad input. */
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { attribute, type Request } from "../../src/methods";
import { Means } from "../../src/methods/means";
import { difference, readNet } from "../engine/fixtures";

const { onnx, inputs, baselines, target } = readNet("two-images");
let model: Model;
beforeAll(async () => {
  model = await Model.load(onnx, { backend: "wasm" });
});
afterAll(() => model.dispose());

const explain = (method: string, args: Request["arguments"] = {}, more: Partial<Request> = {}) =>
  attribute(model, { method, arguments: args, inputs, baselines: baselines.random, target, ...more });
const close = (a: Record<string, FloatArray>, b: Record<string, FloatArray>) => {
  for (const name of Object.keys(inputs)) expect(difference(a[name], b[name])).toBeLessThan(1e-5);
};

test.each(["Saliency", "Input X Gradient", "Integrated Gradients", "Guided Backprop", "Deconvolution", "Deep Lift"])(
  "without noise the tunnel is %s itself, and its variance nothing",
  async (attribution_method) => {
    const plain = await explain(attribution_method);
    const tunnel = { attribution_method, nt_samples: 3, stdevs: 0 };
    close((await explain("Noise Tunnel", tunnel)).attributions, plain.attributions);
    const variance = await explain("Noise Tunnel", { ...tunnel, nt_type: "vargrad" });
    for (const [name, { data }] of Object.entries(variance.attributions)) {
      const scale = Math.max(...plain.attributions[name].data.map(Math.abs)) ** 2;
      for (const v of data) expect(Math.abs(v)).toBeLessThanOrEqual(1e-5 * scale);
    }
  },
);

test("the sign of a map: the tunnel's is what its parts can be", async () => {
  const signed = async (attribution_method: string, nt_type: string) =>
    (await explain("Noise Tunnel", { attribution_method, nt_type, nt_samples: 1 })).signed;
  expect(await signed("Saliency", "smoothgrad")).toBe(false);
  expect(await signed("Input X Gradient", "smoothgrad")).toBe(true);
  expect(await signed("Input X Gradient", "smoothgrad_sq")).toBe(false);
});

test("Deep Lift Shap of equal rows is Deep Lift", async () => {
  const row = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => {
      const size = data.length / shape[0];
      const one = Float32Array.from({ length: size }, (_, k) => Math.sin(k));
      return [name, { one: { data: one, shape: [1, ...shape.slice(1)] }, two: { data: Float32Array.from([...one, ...one]), shape: [2, ...shape.slice(1)] } }]; // prettier-ignore
    }),
  );
  const pick = (key: "one" | "two") => Object.fromEntries(Object.entries(row).map(([name, rows]) => [name, rows[key]]));
  for (const mode of ["captum", "exact"]) {
    const shap = await explain("Deep Lift Shap", { mode }, { baselines: pick("two") });
    const lift = await explain("Deep Lift", { mode }, { baselines: pick("one") });
    close(shap.attributions, lift.attributions);
    if (mode === "exact") for (const d of shap.delta!) expect(d).toBeCloseTo(0, 5);
  }
});

test.each([
  ["Integrated Gradients", {}],
  ["Deep Lift", { mode: "exact" }],
])("%s without multiply_by_inputs: the same but for x - b, and nothing that adds up", async (method, args) => {
  const [whole, slopes] = await Promise.all(
    [true, false].map((multiply_by_inputs) => explain(method, { ...args, multiply_by_inputs })),
  );
  const ways = Object.entries(slopes.attributions).map(([name, { data, shape }]) => {
    const way = (k: number) => inputs[name].data[k] - baselines.random[name].data[k];
    return [name, { data: data.map((v, k) => v * way(k)), shape }] as const;
  });
  close(Object.fromEntries(ways), whole.attributions);
  expect(whole.delta).not.toBeNull();
  expect(slopes.delta).toBeNull();
  expect(slopes.change).toEqual(whole.change);
});

test("Deep Lift Shap, exact: adds up to the output less its mean over the baselines", async () => {
  const { delta, change } = await explain("Deep Lift Shap", { mode: "exact" }, { baselines: baselines.several });
  delta!.forEach((d, i) => expect(Math.abs(d / change![i])).toBeLessThan(1e-4));
});

test("a seed decides the noise", async () => {
  const run = (seed: number) => explain("Noise Tunnel", { seed, nt_samples: 2 });
  const [a, b, c] = [await run(1), await run(1), await run(2)];
  const [name] = Object.keys(inputs);
  expect(a.attributions[name].data).toEqual(b.attributions[name].data);
  expect(a.attributions[name].data).not.toEqual(c.attributions[name].data);
});

test.each([
  ["Noise Tunnel", { nt_samples: 40 }, {}],
  ["Gradient Shap", { n_samples: 40, stdevs: 0.1 }, { baselines: baselines.several }],
  ["Deep Lift Shap", {}, { baselines: baselines.several }],
])("%s: nothing is left, done grows to 1, and cancelling ends it", async (method, args, more) => {
  await explain(method, args, more);
  const before = tf.memory().numTensors;
  const done: number[] = [];
  await explain(method, args, { ...more, onProgress: (d) => done.push(d) });
  expect(tf.memory().numTensors).toBe(before);
  expect([...done].sort((a, b) => a - b)).toEqual(done);
  const controller = new AbortController();
  const cancelled = explain(method, args, { ...more, signal: controller.signal, onProgress: () => controller.abort() });
  if (done.length) await expect(cancelled).rejects.toThrow(/abort/i);
  else await cancelled;
  expect(tf.memory().numTensors).toBe(before);
});

test("bad input", async () => {
  const fails = (method: string, args: Request["arguments"], text: string | RegExp, more: Partial<Request> = {}) =>
    expect(explain(method, args, more)).rejects.toThrow(text);
  await fails("Noise Tunnel", { stdevs: -1 }, "Noise Tunnel, argument stdevs: a number from 0 on; got -1");
  await fails("Gradient Shap", { stdevs: -0.1 }, "Gradient Shap, argument stdevs: a number from 0 on; got -0.1");
  await fails("Noise Tunnel", { nt_samples: 0 }, "nt_samples: a whole number from 1 to 1000; got 0");
  await fails(
    "Noise Tunnel",
    { attribution_method: "Occlusion" },
    /attribution_method: one of Saliency, .*"Occlusion"/,
  );
  await fails("Noise Tunnel", { nt_type: "mean" }, /nt_type: one of smoothgrad, smoothgrad_sq, vargrad; got "mean"/);
  await fails("Gradient Shap", { n_samples: 2.5 }, "n_samples: a whole number from 1 to 1000; got 2.5");
  await fails("Deep Lift", { mode: "paper" }, 'Deep Lift, argument mode: one of captum, exact; got "paper"');
  const one = Object.fromEntries(
    Object.entries(baselines.zero).map(([name, { data, shape }]) => [
      name,
      { data: data.slice(0, data.length / shape[0]), shape: [1, ...shape.slice(1)] },
    ]),
  );
  await fails("Deep Lift Shap", {}, "Deep Lift Shap compares with several baselines, got 1", { baselines: one });
});

test("running means: samples that have got fewer rows are means as well", () => {
  const means = new Means({ x: { data: new Float32Array(4), shape: [2, 2] } }, 3);
  means.add(0, { x: { data: Float32Array.of(1, 2, 3, 4, 5, 9, 7, 8), shape: [4, 2] } });
  expect(Array.from(means.maps().x.data)).toEqual([3, 5, 7, 8]);
  means.add(4, { x: { data: Float32Array.of(9, 10, 2, 0), shape: [2, 2] } });
  expect(Array.from(means.maps().x.data)).toEqual([3, 5, 6, 6]);
});
