/** What the graph passes make of real models, and what is left for the device. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type ResultArray } from "../../src/engine";
import { foldConstants } from "../../src/fold";
import { fuse } from "../../src/fuse";
import type { Graph, Node } from "../../src/graph";
import { parseOnnx } from "../../src/onnx";
import { resolve } from "../../src/ops";
import { decodeArray } from "./fixtures";

const pathOf = (name: string) => join(__dirname, "../fixtures/data/zoo", name);
const file = (name: string) => readFileSync(pathOf(name));
const load = (name: string): Graph => {
  const graph = parseOnnx(file(`${name}.onnx`));
  return foldConstants(graph, ({ op, domain }: Node) => resolve(op, domain, graph.opset)!);
};
const count = ({ nodes }: Graph, ...ops: string[]): number => nodes.filter(({ op }) => ops.includes(op)).length;

/** Where torchvision cannot be installed its models are not there; zoo.py says so. */
const vision = existsSync(pathOf("resnet18_64.onnx")) ? test : test.skip;

vision("a convolution takes in its normalisation and its activation, but the first one no activation", () => {
  const [before, after] = [load("resnet18_64"), fuse(load("resnet18_64"))];
  expect([count(before, "Conv"), count(before, "BatchNormalization"), count(before, "Relu")]).toEqual([20, 20, 17]);
  expect([count(after, "Conv"), count(after, "BatchNormalization")]).toEqual([20, 0]);
  // The stem's and those behind the eight additions are left.
  expect(count(after, "Relu")).toBe(9);
  const [stem, second] = after.nodes.filter(({ op }) => op === "Conv");
  expect([stem.attrs.activation, second.attrs.activation]).toEqual([undefined, "relu"]);
  expect(count(fuse(load("mobilenet_v2_64")), "Clip")).toBe(1);
});

vision("x · sigmoid(x) is one node", () => {
  const [before, after] = [load("efficientnet_b0_64"), fuse(load("efficientnet_b0_64"))];
  const gates = 16;
  expect(count(before, "Sigmoid")).toBe(49 + gates);
  expect([count(after, "Silu"), count(after, "Sigmoid")]).toEqual([49, gates]);
});

vision("what depends on constants alone is folded", () => {
  const before = parseOnnx(file("swin_t_64.onnx")).nodes.length;
  expect(load("swin_t_64").nodes.length).toBeLessThan(before - 100);
});

test.each(["transformer_encoder", "mha_vit", "bigru", "unet_bilinear", "gpt_like"])(
  "%s: no integer reaches the device",
  async (name) => {
    const revive = (_: string, value: unknown): unknown => decodeArray(value) ?? value;
    const { inputs } = JSON.parse(file(`${name}.json`).toString(), revive) as { inputs: Record<string, ResultArray> };
    const model = await Model.load(file(`${name}.onnx`), { backend: "wasm" });
    const kernels = jest.spyOn(tf.engine(), "runKernel");
    await model.run(inputs);
    const dtypes = kernels.mock.results.flatMap(({ value }) => [value as tf.Tensor | tf.Tensor[]].flat());
    expect(dtypes.length).toBeGreaterThan(10);
    expect(dtypes.filter(({ dtype }) => dtype === "int32")).toEqual([]);
    kernels.mockRestore();
    model.dispose();
  },
);
