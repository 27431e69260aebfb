/** Occlusion that computes only what a window can change: the maps of whole copies, on WASM. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { sizeOf } from "../../src/graph";
import { attribute, type Request } from "../../src/methods";
import type { Arguments } from "../../src/methods/method";
import { Patches } from "../../src/patches";
import { decodeArray } from "../engine/fixtures";

const FOLDER = join(__dirname, "../fixtures/data/zoo");

async function open(name: string, args: Arguments): Promise<{ model: Model; request: Request }> {
  const text = readFileSync(join(FOLDER, `${name}.json`), "utf8");
  const { inputs, target, raw } = JSON.parse(text, (_, value) => decodeArray(value) ?? value) as {
    inputs: Record<string, FloatArray>;
    target: number[];
    raw: FloatArray;
  };
  const model = await Model.load(readFileSync(join(FOLDER, `${name}.onnx`)), { backend: "wasm" });
  const baselines = Object.fromEntries(
    Object.entries(inputs).map(([key, { data, shape }]) => [key, { data: data.map((_, i) => Math.sin(i)), shape }]),
  );
  const strides = raw.shape.slice(1).map((_, d) => sizeOf(raw.shape.slice(d + 2)));
  const index = (flat: number) => strides.map((stride, d) => Math.floor(flat / stride) % raw.shape[d + 1]);
  return { model, request: { method: "Occlusion", arguments: args, inputs, baselines, target: target.map(index) } };
}

/** The copies that are done on patches from now on. */
function countPatches(model: Model): { done: number } {
  const patches = model.patches.bind(model);
  const count = { done: 0 };
  model.patches = (...args) => {
    const found = patches(...args);
    const forward = found?.forward.bind(found);
    if (found)
      found.forward = (copies, at, upload) => {
        count.done += at.length;
        return forward!(copies, at, upload);
      };
    return found;
  };
  return count;
}

const NETS: [string, Arguments, number][] = [
  // Windows that reach every border, the last ones cut there.
  ["resnet18_64", { sliding_window_shapes: 9, strides: 9 }, 128],
  // Each channel by itself; rows and columns differ.
  ["resnet18_64", { sliding_window_shapes: [2, 20, 13], strides: [1, 15, 13] }, 80],
  ["mobilenet_v2_64", { sliding_window_shapes: 7, strides: 7 }, 200],
  ["densenet121_64", { sliding_window_shapes: [3, 12, 16], strides: [3, 12, 15] }, 60],
  ["preact_resnet", { sliding_window_shapes: 3, strides: 2 }, 128],
  // Dilated convolutions, and an output that is an image.
  ["context_net", { sliding_window_shapes: [1, 2, 3], strides: [1, 2, 3] }, 504],
  ["unet_transpose", { sliding_window_shapes: 4, strides: 3 }, 242],
  ["unet_bilinear", { sliding_window_shapes: 4, strides: 3 }, 240],
  ["mobilenet_like", { sliding_window_shapes: 3, strides: 3 }, 242],
  ["pools", { sliding_window_shapes: 3, strides: 2 }, 480],
  ["efficientnet_b0_64", { sliding_window_shapes: 16, strides: 16 }, 32],
  ["shufflenet_v2_x0_5_64", { sliding_window_shapes: 16, strides: 16 }, 32],
  // Windows that soon change all of the image.
  ["resnet18_64", { sliding_window_shapes: 60, strides: 4 }, 0],
  // The first layer is no convolution.
  ["pads", { sliding_window_shapes: 3, strides: 3 }, 0],
];

test.each(NETS)(
  "%s, %j: %i copies",
  async (name, args, copies) => {
    const { model, request } = await open(name, args);
    const before = tf.memory().numTensors;
    const pays = jest.spyOn(Patches.prototype, "pays", "get").mockReturnValue(true);
    const count = countPatches(model);
    const { attributions: found } = await attribute(model, request);
    pays.mockRestore();
    expect(count.done).toBe(copies);
    model.patches = () => null;
    const { attributions: expected } = await attribute(model, request);
    for (const [key, { data }] of Object.entries(expected)) {
      const most = data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const far = data.reduce((m, v, i) => Math.max(m, Math.abs(v - found[key].data[i])), 0);
      expect(far).toBeLessThanOrEqual(1e-6 * most);
    }
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  },
  60_000,
);

test.each([
  ["resnet18_64", 9, true],
  ["context_net", 2, true],
  // Mostly overhead: few channels, and little but convolutions of single pixels.
  ["mobilenet_like", 3, false],
  // The first block already averages over the whole image.
  ["efficientnet_b0_64", 9, false],
])("%s: patches for a window of %i are cheaper: %s", async (name, side, cheaper) => {
  const { model, request } = await open(name, {});
  const one = Object.entries(request.inputs).map(([key, { data, shape }]) => {
    const own = [1, ...shape.slice(1)];
    return [key, { data: data.slice(0, sizeOf(own)), shape: own }] as const;
  });
  expect(model.patches(Object.fromEntries(one), one[0][0], [side, side]) !== null).toBe(cheaper);
  model.dispose();
});

test("can be cancelled, and leaves nothing", async () => {
  const { model, request } = await open("resnet18_64", { sliding_window_shapes: 9, strides: 9 });
  const count = countPatches(model);
  const before = tf.memory().numTensors;
  const control = new AbortController();
  const onProgress = () => count.done && control.abort();
  await expect(attribute(model, { ...request, signal: control.signal, onProgress })).rejects.toThrow(/abort/i);
  expect(count.done).toBeGreaterThan(0);
  expect(count.done).toBeLessThan(128);
  model.dispose();
  expect(tf.memory().numTensors).toBe(before);
});
