/**
 * What the papers prove of methods, on real nets (Sundararajan et al. 2017, Shapley 1953): completeness, an input that does
 * nothing gets nothing, linearity in the model, and the same numbers for graphs that compute the same. Shapley's symmetry is
 * in perturbation.test.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import * as tf from "@tensorflow/tfjs-core";
import { Model } from "../../src/engine";
import { attribute, METHODS, type Request } from "../../src/methods";
import { seedOf } from "../../src/methods/steps";
import type { Arguments } from "../../src/methods/method";
import { ModelProtoSchema } from "../../src/proto/onnx_pb";
import { difference, readNet, revive, type Net } from "../engine/fixtures";
import { reweighted } from "./reweighted";

const zoo = (name: string): Net => {
  const file = join(__dirname, "../fixtures/data/zoo", name);
  const net = JSON.parse(readFileSync(`${file}.json`, "utf8"), revive) as Net;
  return { ...net, onnx: new Uint8Array(readFileSync(`${file}.onnx`)) };
};

/** Arguments keep the slow ones short. */
const LINEAR: [string, Arguments][] = [
  ["Saliency", { abs: false }],
  ["Input X Gradient", {}],
  ["Integrated Gradients", { n_steps: 8 }],
  ["Deep Lift", { mode: "exact" }],
  ["Gradient Shap", { n_samples: 4, seed: 1 }],
  ["Feature Ablation", {}],
  ["Shapley Value Sampling", { n_samples: 3, seed: 2 }],
  ["Occlusion", { sliding_window_shapes: 1 }],
];

/** Relative to the largest value of the map. */
const EXACT = 2e-5;

describe("linearity: the map of a sum of two outputs is the sum of their maps", () => {
  const net = readNet("digits");
  const [input] = Object.keys(net.inputs);
  const classes = net.raw.shape[1];
  let [model, summed]: Model[] = [];
  beforeAll(async () => {
    model = await Model.load(net.onnx, { backend: "wasm" });
    const last = fromBinary(ModelProtoSchema, net.onnx).graph!;
    const gemm = [...last.node].reverse().find(({ opType }) => opType === "Gemm")!;
    const bytes = reweighted(net.onnx, (w, { name, dims }) => {
      const place = gemm.input.indexOf(name);
      if (place === 1) {
        const columns = Number(dims[1]);
        for (let k = 0; k < columns; k++) w[k] += w[columns + k];
      }
      if (place === 2) w[0] += w[1];
    });
    summed = await Model.load(bytes, { backend: "wasm" });
  });
  afterAll(() => [model, summed].forEach((m) => m.dispose()));

  test("the sum is the sum", async () => {
    const [a, b] = [(await model.run(net.inputs)).raw.data, (await summed.run(net.inputs)).raw.data];
    expect(b[0]).toBeCloseTo(a[0] + a[1], 4);
    expect(b[classes - 1]).toBe(a[classes - 1]);
  });

  test.each(LINEAR)("%s %j", async (method, args) => {
    const request: Request = { method, arguments: args, inputs: net.inputs };
    const of = async (m: Model, target: number) => (await attribute(m, { ...request, target })).attributions[input];
    const [first, second, both] = [await of(model, 0), await of(model, 1), await of(summed, 0)];
    const sum = { data: first.data.map((v, i) => v + second.data[i]), shape: first.shape };
    expect(difference(both, sum)).toBeLessThan(EXACT);
  });
});

describe("sensitivity: what the model does not read gets 0, and what it reads does not", () => {
  const net = zoo("mlp_batch_norm");
  const [input] = Object.keys(net.inputs);
  const width = net.inputs[input].shape[1];
  const DEAF = 3;
  let model: Model;
  beforeAll(async () => {
    const graph = fromBinary(ModelProtoSchema, net.onnx).graph!;
    const gemm = graph.node.find(({ opType }) => opType === "Gemm")!;
    const bytes = reweighted(net.onnx, (w, { name, dims }) => {
      if (name === gemm.input[1]) for (let row = 0; row < Number(dims[0]); row++) w[row * width + DEAF] = 0;
    });
    model = await Model.load(bytes, { backend: "wasm" });
  });
  afterAll(() => model.dispose());

  test.each([
    ...LINEAR.filter(([name]) => name !== "Occlusion"),
    ["LRP", { mode: "exact" }],
    ["Shapley Values", {}],
  ] as typeof LINEAR)("%s %j", async (method, args) => {
    // Exact Shapley values are for few features: four groups, of which one is deaf.
    const groups = {
      data: Array.from({ length: width }, (_, i) => (i === DEAF ? 0 : 1 + (i % 3))),
      shape: [1, width],
    };
    const masks = method === "Shapley Values" ? { feature_mask: { [input]: groups } } : {};
    const request: Request = { method, arguments: args, inputs: net.inputs, target: net.target, ...masks };
    const { data } = (await attribute(model, request)).attributions[input];
    const most = Math.max(...data.map(Math.abs));
    expect(most).toBeGreaterThan(0);
    for (let row = 0; row < net.inputs[input].shape[0]; row++)
      expect(Math.abs(data[row * width + DEAF])).toBeLessThanOrEqual(1e-6 * most);
  });
});

describe("completeness: the map adds up to f(x) - f(baseline)", () => {
  // The gradient jumps where a path crosses kinks: quadrature errs by about 1 / n_steps.
  const CASES: [string, string, Arguments, number][] = [
    ["mlp_batch_norm", "Integrated Gradients", { n_steps: 300 }, 1e-2],
    ["preact_resnet", "Integrated Gradients", { n_steps: 300 }, 1e-2],
    ["preact_resnet", "Deep Lift", { mode: "exact" }, 1e-4],
    ["mobilenet_like", "Deep Lift", { mode: "exact" }, 1e-4],
    ["mlp_batch_norm", "Shapley Value Sampling", { n_samples: 2 }, 1e-4],
  ];
  test.each(CASES)("%s, %s %j", async (name, method, args, most) => {
    const net = zoo(name);
    const model = await Model.load(net.onnx, { backend: "wasm" });
    const { delta, change } = await attribute(model, {
      method,
      arguments: args,
      inputs: net.inputs,
      target: net.target,
    });
    delta!.forEach((d, i) => expect(Math.abs(d) / Math.max(1e-3, Math.abs(change![i]))).toBeLessThan(most));
    model.dispose();
  });
});

describe("implementation invariance: the fused and the whole graph have the same gradients", () => {
  test.each(["resnet18_64", "mobilenet_v2_64", "efficientnet_b0_64", "preact_resnet"])("%s", async (name) => {
    const net = zoo(name);
    const model = await Model.load(net.onnx, { backend: "wasm" });
    const [input] = Object.keys(net.inputs);
    const of = (rules?: Record<string, never>) =>
      tf.tidy(() => {
        const gradient = model.gradients(model.upload(net.inputs), [input], (y) => seedOf(y, net.target!), { rules });
        return { data: gradient[input].dataSync<"float32">().slice(), shape: gradient[input].shape };
      });
    expect(difference(of({}), of())).toBeLessThan(EXACT);
    model.dispose();
  });
});

test("every method that promises completeness is looked at here or in its own test", () => {
  const complete = METHODS.filter((method) => method.complete).map(({ name }) => name);
  const elsewhere = ["Deep Lift Shap", "Gradient Shap", "Layer Conductance", "Layer Integrated Gradients", "Shapley Values", "Kernel Shap", "Guided Integrated Gradients", "Blur Integrated Gradients", "LRP"]; // prettier-ignore
  const here = ["Integrated Gradients", "Deep Lift", "Shapley Value Sampling"];
  expect(complete.filter((name) => ![...here, ...elsewhere].includes(name))).toEqual([]);
});

test("the digits are explained alike by a graph and by its copy with other names", async () => {
  const net = readNet("digits");
  const [input] = Object.keys(net.inputs);
  const proto = fromBinary(ModelProtoSchema, net.onnx);
  const renamed = (name: string) => (name && !["raw", "scores", input].includes(name) ? `copy of ${name}` : name);
  for (const node of proto.graph!.node) {
    node.input = node.input.map(renamed);
    node.output = node.output.map(renamed);
  }
  for (const tensor of proto.graph!.initializer) tensor.name = renamed(tensor.name);
  for (const value of proto.graph!.valueInfo) value.name = renamed(value.name);
  const request: Request = { method: "Integrated Gradients", inputs: net.inputs, target: net.target };
  const maps = [];
  for (const bytes of [net.onnx, toBinary(ModelProtoSchema, proto)]) {
    const model = await Model.load(bytes, { backend: "wasm" });
    maps.push((await attribute(model, request)).attributions[input].data);
    model.dispose();
  }
  expect(maps[0]).toEqual(maps[1]);
});

test.each(["bilstm", "text_cnn", "image_text"])(
  "%s: integers are explained against the baseline's embeddings",
  async (name) => {
    const net = zoo(name);
    const model = await Model.load(net.onnx, { backend: "wasm" });
    const request: Request = {
      method: "Deep Lift",
      arguments: { mode: "exact" },
      inputs: net.inputs,
      target: net.target,
    };
    const { delta, change } = await attribute(model, request);
    delta!.forEach((d, i) => expect(Math.abs(d)).toBeLessThan(0.02 * Math.max(1e-3, Math.abs(change![i]))));
    model.dispose();
  },
);
