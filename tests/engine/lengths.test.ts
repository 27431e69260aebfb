/** Models that take texts of any length, against what lengths.make.py recorded of torch and Captum. */
import * as tf from "@tensorflow/tfjs-core";
import { Model } from "../../src/engine";
import { attribute } from "../../src/methods";
import { decode, difference, readLengths } from "./fixtures";

describe.each(Object.entries(readLengths()))("%s", (_, { onnx, calls }) => {
  let model: Model;
  beforeAll(async () => (model = await Model.load(decode(onnx), { backend: "wasm" })));
  afterAll(() => {
    model.dispose();
    expect(tf.memory().numTensors).toBe(0);
  });

  // Back again: nothing of one length is left over for another.
  const [first] = calls;
  test.each([...calls, first].map((call) => [Object.values(call.inputs)[0].shape[1], call] as const))(
    "%i tokens",
    async (_, { inputs, baselines, target, raw, cases }) => {
      expect(difference((await model.run(inputs)).raw, raw)).toBeLessThan(1e-5);
      const attributed = Object.keys(baselines);
      for (const { method, arguments: args, attributions } of cases) {
        const given = await attribute(model, { method, arguments: args, inputs, attributed, baselines, target });
        for (const [name, expected] of Object.entries(attributions)) {
          const got = given.attributions[name];
          expect([method, name, got.shape]).toEqual([method, name, expected.shape]);
          expect([method, name, difference(got, expected) < 1e-4]).toEqual([method, name, true]);
        }
      }
    },
  );

  test("layers have the samples first", async () => {
    const [{ inputs }] = calls;
    const samples = Object.values(inputs)[0].shape[0];
    for (const { name, value } of model.layers) {
      const shape = tf.tidy(() => model.inner(model.upload(inputs), [value])[value].shape);
      expect([name, shape[0]]).toEqual([name, samples]);
    }
  });
});
