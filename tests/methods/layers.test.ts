/** Layers, CAMs and attentions of whole models against what layers.make.py recorded of Captum and torch. */
import * as tf from "@tensorflow/tfjs-core";
import { existsSync, readFileSync } from "fs";
import { join } from "path";
import { Model, type FloatArray } from "../../src/engine";
import { attribute, describeLayers } from "../../src/methods";
import { gradCamMap } from "../../src/methods/layer-grad-cam";
import { activationAndGradient } from "../../src/methods/layers";
import type { Arguments } from "../../src/methods/method";
import { difference, readNet, revive } from "../engine/fixtures";

interface Case {
  method: string;
  arguments: Arguments;
  baseline: boolean;
  shape: number[];
  sum: number;
  /** Sum of magnitudes. */
  size: number;
  /** Values spread evenly over the map. */
  some: number[];
}

const zoo = join(__dirname, "../fixtures/data/zoo");
const recorded = JSON.parse(readFileSync(join(__dirname, "layers.json"), "utf8")) as Record<string, Case[]>;
const names = Object.keys(recorded).filter((name) => existsSync(join(zoo, `${name}.onnx`)));

interface Zoo {
  inputs: Record<string, FloatArray>;
  target: number[];
}

async function zooModel(name: string): Promise<Zoo & { model: Model }> {
  const { inputs, target } = JSON.parse(readFileSync(join(zoo, `${name}.json`), "utf8"), revive) as Zoo;
  return { model: await Model.load(readFileSync(join(zoo, `${name}.onnx`)), { backend: "wasm" }), inputs, target };
}

jest.setTimeout(60_000);

test("the zoo is there", () => expect(names.length).toBeGreaterThan(5));

describe.each(names)("%s", (name) => {
  let zooed: Zoo & { model: Model };
  beforeAll(async () => (zooed = await zooModel(name)));
  afterAll(() => {
    zooed.model.dispose();
    expect(tf.memory().numTensors).toBe(0);
  });

  test.each(recorded[name].map((c) => [`${c.method} ${JSON.stringify(c.arguments)}`, c] as const))(
    "%s",
    async (_, c) => {
      const { model, inputs, target } = zooed;
      const ask = () => attribute(model, { method: c.method, arguments: c.arguments, inputs, target });
      const [got] = Object.values((await ask()).attributions);
      expect(got.shape).toEqual(c.shape);
      const { length } = got.data;
      const mean = c.size / length;
      // A gradient flips at a kink that rounding moves a point across: one place in a few may then differ.
      const tolerance = 1e-3 * mean;
      expect(Math.abs(sum(got.data) - c.sum)).toBeLessThan(tolerance * length);
      expect(Math.abs(sum(got.data.map(Math.abs)) - c.size)).toBeLessThan(tolerance * length);
      const step = (length - 1) / (c.some.length - 1);
      const places = c.some.map((_, i) => Math.floor(i * step + 1e-6));
      const largest = Math.max(...c.some.map(Math.abs), mean);
      places.forEach((place, i) => expect(Math.abs(got.data[place] - c.some[i]) / largest).toBeLessThan(1e-4));

      if (name !== "preact_resnet") return;
      const tensors = tf.memory().numTensors;
      await ask();
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );
});

const sum = (data: Float32Array): number => data.reduce((a, b) => a + b, 0);

test.each([
  ["vit_tiny", "first token"],
  ["mha_vit", "mean"],
  ["gpt_like", "last token"],
])("%s reads its answer from: %s", async (name, from) => {
  const { model, inputs, target } = await zooModel(name);
  for (const method of ["Attention Rollout", "Gradient-weighted Attention"]) {
    const ask = (args: Arguments) => attribute(model, { method, arguments: args, inputs, target });
    const [found, told] = [await ask({}), await ask({ from })];
    for (const [input, map] of Object.entries(told.attributions))
      expect(difference(found.attributions[input], map)).toBeLessThan(1e-6);
  }
  model.dispose();
});

/** Section 10 of the reference: Captum's own tests. Their models are in tests/fixtures. */
describe("golden cases", () => {
  const golden: [string, string, Arguments, number[]][] = [
    // LayerActivation(C1, C1.relu1).attribute(A)
    ["golden-one-conv", "Layer Activation", { layer: "relu1" }, [0, 4, 31, 40, 0, 0, 6, 15]],
    ["golden-one-conv", "Layer Gradient X Activation", { layer: "relu1" }, [0, 4, 31, 40, 0, 0, -6, -15]],
    // LayerGradCam(C1, layer).attribute(A, 0), with attr_dim_summation=False, and with LayerAttribution.interpolate(..., (4, 4))
    ["golden-one-conv", "Layer Grad Cam", { layer: "conv1", interpolate: "none", attr_dim_summation: false }, [-3.75, 3, 23.25, 30, 15, 10.5, -3, -7.5]], // prettier-ignore
    ["golden-one-conv", "Layer Grad Cam", { layer: "conv1", interpolate: "none" }, [11.25, 13.5, 20.25, 22.5]],
    ["golden-one-conv", "Layer Grad Cam", { layer: "relu1", interpolate: "none" }, [0, 4, 28, 32.5]],
    ["golden-one-conv", "Layer Grad Cam", { layer: "relu1" }, [0, 0, 4, 4, 0, 0, 4, 4, 28, 28, 32.5, 32.5, 28, 28, 32.5, 32.5]], // prettier-ignore
    // GuidedGradCam(C1, C1.relu1).attribute(A, 0)
    ["golden-one-conv", "Guided Grad Cam", { layer: "relu1" }, [0, 0, 4, 4, 0, 0, 12, 8, 28, 84, 97.5, 65, 28, 56, 65, 32.5]], // prettier-ignore
    // LayerConductance(ML, ML.linear1).attribute([0, 100, 0], 0, 0, n_steps=...), and so on
    ["golden-multi-layer-path", "Layer Conductance", { layer: "linear1", n_steps: 500 }, [89.9945, 99.9989, 99.9989, 99.9989]], // prettier-ignore
    ["golden-multi-layer-path", "Layer Conductance", { layer: "linear1", n_steps: 50 }, [89.57258, 99.891, 99.891, 99.891]], // prettier-ignore
    ["golden-multi-layer-path", "Internal Influence", { layer: "linear1", n_steps: 50 }, [0.90179, 1, 1, 1]],
    ["golden-multi-layer-path", "Layer Integrated Gradients", { layer: "linear1", n_steps: 50 }, [90.17937, 100, 100, 100]], // prettier-ignore
    // LayerIntegratedGradients(ML, ML.linear1, multiply_by_inputs=False)
    ["golden-multi-layer-path", "Layer Integrated Gradients", { layer: "linear1", n_steps: 50, multiply_by_inputs: false }, [0.90179, 1, 1, 1]], // prettier-ignore
  ];
  test.each(golden)("%s: %s %j", async (name, method, args, expected) => {
    const net = readNet(name);
    const model = await Model.load(net.onnx, { backend: "cpu" });
    const { attributions } = await attribute(model, { method, arguments: args, inputs: net.inputs, target: 0 });
    const [{ data }] = Object.values(attributions);
    expected.forEach((value, i) => expect(data[i]).toBeCloseTo(value, 3));
    expect(data).toHaveLength(expected.length);
    model.dispose();
  });
});

/** LayerGradCam(ML, ML.linear0).attribute([0, 100, 0], 0): a layer without places, whose map none could see. */
test("golden case: Grad-CAM of a layer [N, C]", async () => {
  const net = readNet("golden-multi-layer-path");
  const model = await Model.load(net.onnx, { backend: "wasm" });
  const { value } = model.layers.find(({ name }) => name === "linear0")!;
  const map = tf.tidy(() => {
    const { activation, gradient } = activationAndGradient(model, value, model.upload(net.inputs), [0]);
    return gradCamMap(activation, gradient).arraySync();
  });
  expect(map).toEqual([[400]]);
  model.dispose();
});

describe("completeness", () => {
  test.each(["Layer Conductance", "Layer Integrated Gradients"])(
    "%s adds up where all goes through the layer",
    async (method) => {
      const net = readNet("digits");
      const model = await Model.load(net.onnx, { backend: "wasm" });
      const relu = model.layers.filter((layer) => layer.class === "torch.nn.ReLU").at(-1)!;
      const { delta, change } = await attribute(model, {
        method,
        arguments: { layer: relu.name, n_steps: 200 },
        inputs: net.inputs,
        target: net.target,
      });
      change!.forEach((c, i) => expect(Math.abs(delta![i])).toBeLessThan(0.02 * Math.max(1, Math.abs(c))));
      model.dispose();
    },
  );
});

describe("bad input", () => {
  let model: Model;
  const net = readNet("digits");
  beforeAll(async () => (model = await Model.load(net.onnx, { backend: "wasm" })));
  afterAll(() => model.dispose());
  const ask = (method: string, args: Arguments) =>
    attribute(model, { method, arguments: args, inputs: net.inputs, target: net.target });

  test("a layer that does not exist", () =>
    expect(ask("Layer Activation", { layer: "nowhere" })).rejects.toThrow(
      /Layer Activation, argument layer: the model has no module "nowhere"; choose one of/,
    ));
  test("a layer that is not spatial", () =>
    expect(ask("Score-CAM", { layer: model.layers.at(-1)!.name })).rejects.toThrow(/expected an image \[N, C, H, W\]/));
  test("a CAM of a model without images", async () => {
    const golden = readNet("golden-multi-layer");
    const other = await Model.load(golden.onnx, { backend: "cpu" });
    await expect(attribute(other, { method: "LayerCAM", inputs: golden.inputs, target: 0 })).rejects.toThrow(
      /LayerCAM cannot explain this model: /,
    );
    await expect(attribute(other, { method: "Attention Rollout", inputs: golden.inputs, target: 0 })).rejects.toThrow(
      /the graph shows no attention/,
    );
    other.dispose();
  });
});

test("the last spatial layer is the one whose value is made last", async () => {
  const net = readNet("residual-post-activation");
  const model = await Model.load(net.onnx, { backend: "wasm" });
  const ask = (args: Arguments) =>
    attribute(model, { method: "Layer Grad Cam", arguments: args, inputs: net.inputs, target: net.target });
  const [byDefault, byName] = [await ask({}), await ask({ layer: "relu2" })];
  expect(byDefault.attributions).toEqual(byName.attributions);
  model.dispose();
});

test.each([
  ["text_cnn", { embedding: { input: "ids", all: true } }],
  ["gpt_like", { wte: { input: "ids", all: true } }],
  ["image_text", { embedding: { input: "question", all: true } }],
  [
    "tabular_embeddings",
    Object.fromEntries([0, 1, 2].map((i) => [`embeddings.${i}`, { input: "categories", all: false }])),
  ],
  ["mlp_batch_norm", {}],
])("%s: which layers look up an input's integers", async (name, expected) => {
  const { model } = await zooModel(name);
  const found = describeLayers(model).flatMap(({ name: layer, embeds }) => (embeds ? [[layer, embeds]] : []));
  expect(Object.fromEntries(found)).toEqual(expected);
  model.dispose();
});
