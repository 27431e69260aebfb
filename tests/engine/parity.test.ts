/** Outputs and gradients against PyTorch, attributions against Captum, on every fixture net and both Node backends. */
import * as tf from "@tensorflow/tfjs-core";
import { Model } from "../../src/engine";
import { attribute, describeMethods, METHODS } from "../../src/methods";
import { seedOf } from "../../src/methods/steps";
import { difference, netNames, readNet, type Case } from "./fixtures";

const TOLERANCE = 1e-4;

/** Why a recorded case says nothing about ours, if so. */
function notComparable(
  backend: string,
  name: string,
  { method, arguments: { n_steps }, arguments: args }: Case,
): string | undefined {
  if (!METHODS.some((ours) => ours.name === method)) return "not among our methods yet";
  const path = n_steps && args.method !== "gausslegendre";
  if (path && name.endsWith("-ties"))
    return "sums that tie exactly at the input tie only up to rounding on the way to it";
  const heavy = ["Feature Ablation", "Occlusion", "Integrated Gradients"].includes(
    String(args.attribution_method ?? method),
  );
  if (heavy && backend === "cpu" && (name === "cifar" || args.attribution_method))
    return "minutes in plain JavaScript; the same code runs on WASM and on the small nets";
  return undefined;
}

/** Every sample with every baseline, [B, ...]. */
const comparesWithAll = (name: string): boolean =>
  ["all", "several"].includes(METHODS.find((method) => method.name === name)!.baselines);

describe.each(["cpu", "wasm"] as const)("%s", (backend) => {
  describe.each(netNames())("%s", (name) => {
    const net = readNet(name);
    let model: Model;
    let tensors: number;

    beforeAll(async () => {
      model = await Model.load(net.onnx, { backend });
      // Weights are uploaded and kernels derived on first use; after that nothing may stay.
      await model.run(net.inputs);
      await attribute(model, { method: "Saliency", inputs: net.inputs, target: net.target });
      const floats = model.inputs.filter(({ dtype }) => dtype === "float32").map((input) => input.name);
      const target = net.target ?? net.inputs[floats[0]].shape.slice(0, 1).fill(0);
      for (const rules of [undefined, {}])
        tf.tidy(() => void model.gradients(model.upload(net.inputs), floats, (y) => seedOf(y, target), { rules }));
      tensors = tf.memory().numTensors;
    });
    afterEach(() => expect(tf.memory().numTensors).toBe(tensors));
    afterAll(() => {
      model.dispose();
      expect(tf.memory().numTensors).toBe(0);
    });

    test("forward", async () => {
      const { raw, scores } = await model.run(net.inputs);
      expect(raw.shape).toEqual(net.raw.shape);
      expect(difference(raw, net.raw)).toBeLessThan(TOLERANCE);
      expect(difference(scores, net.scores)).toBeLessThan(TOLERANCE);
    });

    test("gradient", async () => {
      const { attributions } = await attribute(model, {
        method: "Saliency",
        arguments: { abs: false },
        inputs: net.inputs,
        target: net.target,
      });
      for (const [input, expected] of Object.entries(net.gradient))
        expect(difference(attributions[input], expected)).toBeLessThan(TOLERANCE);
    });

    const cases = net.methods.filter((c) => !c.raises && !notComparable(backend, name, c));
    const floor = 5e-3 * Math.max(...net.raw.data.map(Math.abs));
    if (!cases.length) return;
    test.each(cases.map((c) => [`${c.method} ${JSON.stringify(c.arguments)} ${c.baseline ?? ""}`, c] as const))(
      "%s",
      async (_, c) => {
        const baselines = c.baseline ? net.baselines[c.baseline] : undefined;
        const count = Object.values(net.inputs)[0].shape[0];
        const batches = c.per_sample ? Array.from({ length: count }, (_, i) => [i, i + 1]) : [[0, count]];
        for (const [from, to] of batches) {
          const part = (arrays: typeof net.inputs) =>
            Object.fromEntries(
              Object.entries(arrays).map(([key, { data, shape }]) => {
                const size = data.length / shape[0];
                return shape[0] === count
                  ? [key, { data: data.slice(from * size, to * size), shape: [to - from, ...shape.slice(1)] }]
                  : [key, { data, shape }];
              }),
            );
          const asked = attribute(model, {
            method: c.method,
            arguments: c.arguments,
            inputs: part(net.inputs),
            baselines: baselines && (comparesWithAll(c.method) ? baselines : part(baselines)),
            feature_mask: c.feature_mask ? part(c.feature_mask) : undefined,
            target: net.target?.slice(from, to),
          });
          const { whyNot } = describeMethods(model).find((info) => info.name === c.method)!;
          if (whyNot) {
            await expect(asked).rejects.toThrow(whyNot);
            continue;
          }
          const result = await asked;
          for (const [input, expected] of Object.entries(part(c.attributions!))) {
            expect(difference(result.attributions[input], expected, floor)).toBeLessThan(TOLERANCE);
          }
          if (c.delta && result.delta) {
            const [delta] = Object.values(part({ delta: c.delta }));
            const scale = Math.max(1, ...result.change!.map(Math.abs));
            delta.data.forEach((d, i) => expect(Math.abs(result.delta![i] - d) / scale).toBeLessThan(TOLERANCE));
          }
        }
      },
    );
  });
});
