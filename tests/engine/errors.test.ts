/** What the engine says about bad models and bad requests: the place, what was got, what was expected. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import * as tf from "@tensorflow/tfjs-core";
import { Model } from "../../src/engine";
import { UnsupportedError } from "../../src/support";
import { attribute, plan } from "../../src/methods";
import {
  ModelProtoSchema,
  TensorProto_DataLocation,
  type AttributeProto,
  type ModelProto,
} from "../../src/proto/onnx_pb";
import { readNet } from "./fixtures";

const net = readNet("digits");
const [name] = Object.keys(net.inputs);

/** The fixture's model after a change. */
function changed(change: (model: ModelProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, net.onnx);
  change(model);
  return toBinary(ModelProtoSchema, model);
}

function attributeOf(model: ModelProto, opType: string, attribute: string): AttributeProto {
  const node = model.graph!.node.find((n) => n.opType === opType)!;
  return node.attribute.find((a) => a.name === attribute)!;
}

const load = (bytes: Uint8Array) => Model.load(bytes, { backend: "cpu" });

describe("a model that cannot be read", () => {
  test.each([
    ["random bytes", Uint8Array.of(8, 200, 17, 99, 4), "no ONNX model"],
    ["nothing", new Uint8Array(), "no graph"],
    ["truncated bytes", net.onnx.slice(0, net.onnx.length >> 1), "no ONNX model"],
    ["an old opset", changed((m) => (m.opsetImport[0].version = 9n)), "opset 9 is not supported"],
    [
      "external weights",
      changed((m) => (m.graph!.initializer[0].dataLocation = TensorProto_DataLocation.EXTERNAL)),
      "lies in an external file",
    ],
    [
      "a weight of the wrong size",
      changed((m) => (m.graph!.initializer[0].dims[0] += 1n)),
      /initializer ".+" has the shape \[.+\] but \d+ values/,
    ],
    [
      "a missing weight",
      changed((m) => m.graph!.initializer.shift()),
      /reads ".+", which no input, initializer or node gives/,
    ],
    ["a pickle", Uint8Array.of(0x80, 4, 0x95, 0, 1, 2, 3, 4, 5, 6), "no ONNX model"],
    ["an opset of the future", changed((m) => (m.opsetImport[0].version = 40n)), /opset 40 is not supported.+13.+21/],
    ["no opset", changed((m) => (m.opsetImport = [])), "opset"],
    [
      "an unknown domain",
      changed((m) => (m.graph!.node[1].domain = "com.acme")),
      /node ".+" \(.+\): operators of the domain "com\.acme" are not supported/,
    ],
    ["a value that is given twice", changed((m) => m.graph!.node.push(m.graph!.node[1])), /".+" is given twice/],
    ["no outputs", changed((m) => (m.graph!.output = [])), "the ONNX graph has no outputs"],
    [
      "an output that nothing gives",
      changed((m) => (m.graph!.output[0].name = "other")),
      /output reads "other", which no/,
    ],
    [
      "a node that waits for itself",
      changed((m) => (m.graph!.node[0].input[0] = m.graph!.node[0].output[0])),
      "the graph has a cycle",
    ],
    [
      "a group that does not divide the filters",
      changed((m) => (attributeOf(m, "Conv", "group").i = 3n)),
      /node ".+" \(Conv.*\): attribute group is 3, expected a divisor of the first dimension of the kernel \[\d+, 1, /,
    ],
    [
      "strides of nought",
      changed((m) => (attributeOf(m, "Conv", "strides").ints = [0n, 1n])),
      /attribute strides is \[0,1\], expected integers from 1 on; check the file with onnx\.checker/,
    ],
    [
      "an operator that only graph passes may put in",
      changed((m) => (m.graph!.node.find((n) => n.opType === "Relu")!.domain = "attriscope.fused")),
      'operators of the domain "attriscope.fused" are not supported',
    ],
    [
      "a cycle",
      changed((m) => (m.graph!.node[0].input[0] = m.graph!.node[2].output[0])),
      /waits for ".+", which waits for it: the graph has a cycle/,
    ],
  ])("%s", async (_, bytes, text) => {
    await expect(load(bytes)).rejects.toThrow(text);
  });
});

test("an operator that is lacking names the node, its type and its module", async () => {
  const bytes = changed((m) => (m.graph!.node.find((n) => n.opType === "Relu")!.opType = "Loop"));
  const error: unknown = await load(bytes).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UnsupportedError);
  const { message, nodes, total } = error as UnsupportedError;
  expect(message).toMatch(/node ".+" \(Loop, from torch\.nn\.ReLU ".+"\): operator Loop is not supported \(opset 18\)/);
  expect(nodes).toHaveLength(1);
  expect(nodes[0]).toMatchObject({ op: "Loop", opset: 18, class: "torch.nn.ReLU" });
  expect(total).toBeGreaterThan(5);
});

test("names that objects inherit are names like any other", async () => {
  const renamed = changed((m) => {
    const graph = m.graph!;
    const rename = (old: string, value: string) => {
      for (const n of graph.node) {
        n.input = n.input.map((v) => (v === old ? value : v));
        n.output = n.output.map((v) => (v === old ? value : v));
      }
    };
    rename(graph.input[0].name, "constructor");
    graph.input[0].name = "constructor";
    rename(graph.output[0].name, "__proto__");
    graph.output[0].name = "__proto__";
  });
  const model = await load(renamed);
  await expect(model.run({})).rejects.toThrow('input "constructor" [N, 1, 8, 8] is missing');
  const results = await model.run({ constructor: net.inputs[name] });
  expect(Object.keys(results)[0]).toBe("__proto__");
  model.dispose();
});

test("a graph out of order is sorted", async () => {
  const model = await load(changed((m) => m.graph!.node.reverse()));
  expect((await model.run(net.inputs)).raw.shape).toEqual(net.raw.shape);
  model.dispose();
});

describe("a request that cannot be met", () => {
  let model: Model;
  beforeAll(async () => {
    model = await load(net.onnx);
  });
  afterAll(() => model.dispose());
  const x = net.inputs[name];
  const size = x.data.length / x.shape[0];

  test.each([
    ["an unknown input", { y: x }, /input "y" does not exist; the model's inputs are ".+"/],
    ["a missing input", {}, /input ".+" \[N, .+\] is missing/],
    [
      "a wrong shape",
      { [name]: { data: x.data, shape: [x.shape[0], size] } },
      /has the shape \[.+\], expected \[N, 1, /,
    ],
    ["a shape without its values", { [name]: { data: x.data.slice(1), shape: x.shape } }, /but \d+ values/],
    ["an empty batch", { [name]: { data: new Float32Array(), shape: [0, ...x.shape.slice(1)] } }, "is empty"],
  ])("run with %s", async (_, inputs, text) => {
    await expect(model.run(inputs as typeof net.inputs)).rejects.toThrow(text);
  });

  test.each([
    ["an unknown method", { method: "Grad" }, 'method "Grad" does not exist; choose one of Deconvolution'],
    ["no target", { target: null }, "a target is needed: the model's output has the shape [N, 10]"],
    ["a target out of range", { target: 10 }, "target 10 is out of range: the model's output has 10 classes (0 to 9)"],
    ["too few targets", { target: [1] }, "1 targets for"],
    [
      "an argument out of its limits",
      { arguments: { n_steps: 1 } },
      "Integrated Gradients, argument n_steps: a whole number from 2 to 1000; got 1",
    ],
    [
      "an argument of the wrong type",
      { arguments: { n_steps: "5" } },
      'n_steps: a whole number from 2 to 1000; got "5"',
    ],
    ["an unknown quadrature", { arguments: { method: "simpson" } }, "argument method: one of riemann_left"],
    [
      "an unknown argument",
      { arguments: { steps: 5 } },
      "argument steps: does not exist; Integrated Gradients takes n_steps, method",
    ],
    [
      "a baseline of the wrong shape",
      { baselines: { [name]: { data: new Float32Array(3), shape: [3] } } },
      /baseline of ".+" has the shape \[3\]/,
    ],
    [
      "a number that is none",
      { inputs: { [name]: { data: x.data.map(() => NaN), shape: x.shape } } },
      "holds NaN at position 0",
    ],
  ])("attribute with %s", async (_, change, text) => {
    await expect(
      attribute(model, { method: "Integrated Gradients", inputs: net.inputs, target: 0, ...change }),
    ).rejects.toThrow(text);
  });

  test("attribute stops when it is cancelled, and frees what it made", async () => {
    await model.run(net.inputs);
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const call = attribute(model, {
      method: "Feature Ablation",
      inputs: net.inputs,
      target: 0,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a disposed model says so", async () => {
    const other = await load(net.onnx);
    other.dispose();
    await expect(other.run(net.inputs)).rejects.toThrow("has been disposed");
  });
});

describe("inputs that do not fit each other or their type", () => {
  test("batches of different sizes", async () => {
    const two = readNet("two-images");
    const model = await load(two.onnx);
    const [first, ...others] = Object.entries(two.inputs);
    const { data, shape } = first[1];
    const one = { data: data.slice(0, data.length / shape[0]), shape: [1, ...shape.slice(1)] };
    const inputs = Object.fromEntries([[first[0], one], ...others]);
    await expect(model.run(inputs)).rejects.toThrow(
      /different batch sizes: ".+" 1, ".+" \d+; expected the same for all/,
    );
    model.dispose();
  });

  test("fractions where whole numbers are wanted", async () => {
    const bytes = readFileSync(join(__dirname, "../fixtures/data/zoo/text_cnn.onnx"));
    const model = await load(bytes);
    const [{ name: tokens, shape }] = model.inputs;
    const data = new Float32Array(shape[1]!).fill(1.5);
    await expect(model.run({ [tokens]: { data, shape: [1, shape[1]!] } })).rejects.toThrow(
      /input ".+" holds 1\.5 at position 0; its type int64 needs whole numbers/,
    );
    model.dispose();
  });

  test("an index beyond the embedding", async () => {
    const bytes = readFileSync(join(__dirname, "../fixtures/data/zoo/text_cnn.onnx"));
    const model = await load(bytes);
    const [{ name: tokens, shape }] = model.inputs;
    const data = new Int32Array(shape[1]!).fill(123456);
    await expect(model.run({ [tokens]: { data, shape: [1, shape[1]!] } })).rejects.toThrow(/\(Gather.*\).*123456/);
    model.dispose();
  });
});

describe("occlusion's arguments", () => {
  const shapes = [[3, 32, 32]];
  let model: Model;
  beforeAll(async () => {
    model = await load(net.onnx);
  });
  afterAll(() => model.dispose());
  const check = (args: Parameters<typeof plan>[2]) => plan(model, "Occlusion", args, shapes);

  test("the defaults fit the image", () => expect(check({})).toEqual({ errors: {}, workload: "225 forward passes" }));
  test("one number is a square over all channels", () =>
    expect(check({ sliding_window_shapes: 8, strides: 4 })).toEqual(
      check({ sliding_window_shapes: [3, 8, 8], strides: [3, 4, 4] }),
    ));
  test.each([
    [
      { sliding_window_shapes: 40 },
      { sliding_window_shapes: "1 to 32 in dimension 2 of an input of shape [3, 32, 32]; got 40" },
    ],
    [
      { sliding_window_shapes: [8, 8] },
      { sliding_window_shapes: "2 numbers for an input of shape [3, 32, 32]; give one number, or 3" },
    ],
    [
      { sliding_window_shapes: 4, strides: 5 },
      { strides: "1 to 4 in dimension 2, so that no value is left out; got 5" },
    ],
    [{ sliding_window_shapes: 0 }, { sliding_window_shapes: "whole numbers from 1 on, such as 5 or 3 5 5; got 0" }],
    [{ perturbations_per_eval: 0 }, { perturbations_per_eval: "a whole number from 1 to 10000; got 0" }],
  ])("%j", (args, errors) => expect(check(args).errors).toEqual(errors));
});
