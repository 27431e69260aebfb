/**
 * Models of which there is nothing to see: outputs that are no numbers, that never change, and graphs without what a method
 * looks at. Wrong arguments are in the methods' own tests.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Model } from "../../src/engine";
import { attribute, describeMethods, METHODS, type Request } from "../../src/methods";
import type { Arguments } from "../../src/methods/method";
import { ModelProtoSchema } from "../../src/proto/onnx_pb";
import { readNet } from "../engine/fixtures";
import { reweighted } from "./reweighted";

const net = readNet("digits");
/** What would take long, or have too many features. */
const SHORT: Record<string, Arguments> = {
  "Guided Integrated Gradients": { n_steps: 4 },
  RISE: { n_masks: 10 },
  "Shapley Value Sampling": { n_samples: 2 },
  "Shapley Values": { segments: "grid", n_segments: 4 },
};
const requestOf = (method: string): Request => ({
  method,
  arguments: SHORT[method] ?? {},
  inputs: net.inputs,
  baselines: method === "Deep Lift Shap" ? net.baselines.several : undefined,
  target: net.target,
});
/** Attention is another model's. */
const names = METHODS.filter(({ group }) => group !== "Attention").map(({ name }) => name);

/** The digits' network with one number for all weights of its last layer. */
function ending(weight: number, bias: number): Promise<Model> {
  const gemm = fromBinary(ModelProtoSchema, net.onnx).graph!.node.find(({ opType }) => opType === "Gemm")!;
  const bytes = reweighted(net.onnx, (w, { name }) => {
    if (name === gemm.input[1]) w.fill(weight);
    if (name === gemm.input[2]) w.fill(bias);
  });
  return Model.load(bytes, { backend: "wasm" });
}

describe("a model that gives NaN", () => {
  let model: Model;
  beforeAll(async () => (model = await ending(NaN, 0)));
  afterAll(() => model.dispose());

  // What a layer sees, and the slope at the last one, do not ask for the output.
  const apart = ["Eigen-CAM", "Internal Influence"];
  test.each(names.filter((name) => !apart.includes(name)))("%s says so", async (method) => {
    await expect(attribute(model, requestOf(method))).rejects.toThrow(/NaN/);
  });

  test("in words", async () => {
    await expect(attribute(model, requestOf("Saliency"))).rejects.toThrow(
      'Saliency gives NaN for 192 of the 192 values of "input": the model\'s output, its gradient or one of its layers is no finite number there',
    );
    await expect(attribute(model, requestOf("Occlusion"))).rejects.toThrow(
      "the model gives NaN for a perturbed copy of the input; expected a finite number",
    );
  });
});

describe.each([0, 3])("a model that always gives %d", (bias) => {
  let model: Model;
  beforeAll(async () => (model = await ending(0, bias)));
  afterAll(() => model.dispose());

  test.each(names)("%s gives numbers, and zeros where it promises a sum", async (method) => {
    const { attributions, delta } = await attribute(model, requestOf(method));
    const [{ data }] = Object.values(attributions);
    expect(data.every(Number.isFinite)).toBe(true);
    if (delta) expect(data.every((v) => Math.abs(v) < 1e-6)).toBe(true);
  });
});

describe("why a method is not offered", () => {
  const zoo = (name: string) => readFileSync(join(__dirname, "../fixtures/data/zoo", `${name}.onnx`));
  const whyNot = async (bytes: Uint8Array): Promise<Record<string, string | undefined>> => {
    const model = await Model.load(bytes, { backend: "cpu" });
    const found = describeMethods(model).map((method) => [method.name, method.whyNot] as const);
    model.dispose();
    return Object.fromEntries(found);
  };

  test("no layer that gives an image", async () => {
    const reasons = await whyNot(readNet("golden-multi-layer").onnx);
    for (const { name } of METHODS.filter(({ group }) => group === "CAM"))
      expect(reasons[name]).toBe("no module of it gives an image, [N, C, H, W]");
    expect(reasons.RISE).toBe("no input of it is an image, [N, C, H, W]");
    expect(reasons["Layer Activation"]).toBeUndefined();
  });

  test("no rectifier", async () => {
    const reasons = await whyNot(readNet("tanh").onnx);
    for (const name of ["Guided Backprop", "Deconvolution", "Guided Grad Cam"])
      expect(reasons[name]).toBe("it has no ReLU, without which the gradient stays as it is");
    for (const name of ["functional-relu", "clip-relu6"])
      expect((await whyNot(readNet(name).onnx))["Guided Backprop"]).toBeUndefined();
  });

  test("no attention, or one in windows", async () => {
    const of = async (bytes: Uint8Array) => (await whyNot(bytes))["Attention Rollout"];
    expect(await of(net.onnx)).toMatch(/^the graph shows no attention/);
    expect(await of(zoo("vit_tiny"))).toBeUndefined();
    expect(await of(zoo("swin_t_64"))).toMatch(/windows/);
  });
});
