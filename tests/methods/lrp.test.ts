/** LRP in exact mode: it conserves, shares at sums, is the gradient times the input where theory says so; and what it refuses. */
import { readFileSync } from "fs";
import { join } from "path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { attribute, describeMethods, plan } from "../../src/methods";
import { decode, difference, readNet, recorded, revive } from "../engine/fixtures";

const { nets } = JSON.parse(readFileSync(join(__dirname, "relevance.json"), "utf8"), revive) as {
  nets: Record<string, { onnx: string; inputs: Record<string, FloatArray>; target: number[] }>;
};
const RULES = ["epsilon", "gamma", "alpha1_beta0", "epsilon_gamma", "epsilon_plus"];

test.each(RULES)("%s: without biases the relevance of the inputs is the output", async (rule) => {
  const { onnx, inputs, target } = nets["bias-free"];
  const model = await Model.load(decode(onnx), { backend: "wasm" });
  const { attributions } = await attribute(model, {
    method: "LRP",
    arguments: { rule, mode: "exact" },
    inputs,
    target,
  });
  const { raw } = await model.run(inputs);
  const [map] = Object.values(attributions);
  const size = map.data.length / target.length;
  target.forEach((t, n) => {
    const sum = map.data.slice(n * size, (n + 1) * size).reduce((a, b) => a + b, 0);
    expect(sum / raw.data[n * 3 + t]).toBeCloseTo(1, 4);
  });
  model.dispose();
});

/**
 * Ancona et al. 2018, proposition 1: of rectifiers, maxima and what is linear, the epsilon rule makes the gradient times the
 * input, whatever its skips. The recorded numbers are captum.attr.InputXGradient's.
 */
test.each(
  recorded([
    ...["residual-pre-activation", "residual-post-activation", "functional-relu", "reused-modules", "max-pool-stem"],
    ...["average-pool", "concat-transpose", "cifar", "golden-multi-layer", "two-images"],
  ]),
)("%s: the epsilon rule is the gradient times the input", async (name) => {
  const net = readNet(name);
  const model = await Model.load(net.onnx, { backend: "wasm" });
  const call = { method: "LRP", arguments: { mode: "exact" }, inputs: net.inputs, target: net.target };
  await attribute(model, call);
  const before = tf.memory().numTensors;
  const { attributions, delta } = await attribute(model, call);
  expect(tf.memory().numTensors).toBe(before);
  expect(delta).toBeNull();
  const expected = net.methods.find(({ method }) => method === "Input X Gradient")!.attributions!;
  for (const [input, map] of Object.entries(expected)) expect(difference(attributions[input], map)).toBeLessThan(1e-4);
  model.dispose();
});

/** LRP(C1).attribute(A): nothing is lost, Captum's delta is 0. */
test("golden case: relevance adds up to the output", async () => {
  const net = readNet("golden-one-conv");
  const model = await Model.load(net.onnx, { backend: "wasm" });
  const { attributions } = await attribute(model, { method: "LRP", inputs: net.inputs, target: 0 });
  const [{ data }] = Object.values(attributions);
  expect([...data]).toEqual([0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 0, 0, 0]);
  expect(data.reduce((a, b) => a + b)).toBe(net.raw.data[0]);
  model.dispose();
});

test("a module that Captum refuses is named, and exact mode is not refused", async () => {
  const net = readNet("elu");
  const model = await Model.load(net.onnx, { backend: "wasm" });
  const explain = (args: Record<string, string | number>) =>
    attribute(model, { method: "LRP", arguments: args, inputs: net.inputs, target: net.target });
  await expect(explain({})).rejects.toThrow(
    /LRP, argument mode: Captum has no rule for torch\.nn\.ELU ".+"; choose exact/,
  );
  const [map] = Object.values((await explain({ mode: "exact" })).attributions);
  expect(map.data.every(Number.isFinite)).toBe(true);
  await expect(explain({ epsilon: 0 })).rejects.toThrow("LRP, argument epsilon: a number from 1e-12 on; got 0");
  await expect(explain({ gamma: -1 })).rejects.toThrow("LRP, argument gamma: a number from 0 on; got -1");
  await expect(explain({ rule: "zplus" })).rejects.toThrow(
    /LRP, argument rule: one of epsilon, gamma, .*; got "zplus"/,
  );
  expect(describeMethods(model).find(({ name }) => name === "LRP")!.whyNot).toBeUndefined();
  const shapes = Object.values(net.inputs).map(({ shape }) => shape.slice(1));
  expect(plan(model, "LRP", {}, shapes).errors.mode).toMatch(/^Captum has no rule for torch\.nn\.ELU/);
  expect(plan(model, "LRP", { mode: "exact" }, shapes).errors).toEqual({});
  model.dispose();
});
