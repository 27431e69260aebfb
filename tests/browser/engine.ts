/** The engine's tests that a page runs, on the backends that Node lacks. */
import * as tf from "@tensorflow/tfjs-core";
import type { Backend } from "../../src/backend";
import { Model, type ArrayLike, type ResultArray } from "../../src/engine";
import { attribute } from "../../src/methods";
import { seedOf } from "../../src/methods/steps";
import { difference, revive } from "../engine/fixtures";
import type { OpCase } from "../ops/cases";
import { compare } from "../ops/compare";

const json = async <T>(url: string): Promise<T> => JSON.parse(await (await fetch(url)).text(), revive) as T;
const bytesOf = async (url: string): Promise<Uint8Array> => new Uint8Array(await (await fetch(url)).arrayBuffer());

interface ZooModel {
  inputs: Record<string, ResultArray>;
  target: number[];
  raw: ResultArray;
  gradient: Record<string, ResultArray>;
}

const tests = {
  /** Complaints about all random cases of operators, and how many cases there were. */
  async operators(backend: Backend, tolerance: number): Promise<{ count: number; complaints: string[] }> {
    const cases = await json<OpCase[]>("/data/ops/random.json");
    const complaints: string[] = [];
    for (const c of cases) {
      complaints.push(...(await compare(c, backend, tolerance)));
      const { numTensors } = tf.memory();
      if (numTensors) complaints.push(`${c.name}: ${numTensors} tensors are left`);
    }
    return { count: cases.length, complaints };
  },

  /** Differences of a model of the zoo from torch, relative to the largest value. */
  async zoo(name: string, backend: Backend): Promise<{ raw: number; gradient: number; left: number }> {
    const zoo = await json<ZooModel>(`/data/zoo/${name}.json`);
    const model = await Model.load(await bytesOf(`/data/zoo/${name}.onnx`), { backend });
    const { raw } = await model.run(zoo.inputs);
    const wrt = Object.keys(zoo.gradient);
    const found = tf.tidy(() => model.gradients(model.upload(zoo.inputs), wrt, (y) => seedOf(y, zoo.target)));
    const differences = await Promise.all(
      wrt.map(async (key) => difference({ data: await found[key].data<"float32">(), shape: [] }, zoo.gradient[key])),
    );
    tf.dispose(found);
    model.dispose();
    return { raw: difference(raw, zoo.raw), gradient: Math.max(...differences), left: tf.memory().numTensors };
  },

  /** What `count` attributions, after a few first ones, add to the memory, and what stays after dispose(). */
  async memory(name: string, backend: Backend, count: number) {
    const zoo = await json<ZooModel>(`/data/zoo/${name}.json`);
    const model = await Model.load(await bytesOf(`/data/zoo/${name}.onnx`), { backend });
    const inputs = Object.fromEntries(Object.entries(zoo.inputs).map(([key, array]) => [key, firstOf(array)]));
    const explain = (i: number) =>
      attribute(model, { method: "Saliency", arguments: { abs: i % 2 === 0 }, inputs, target: [i % 3] });
    for (let i = 0; i < 5; i++) await explain(i);
    const before = memory();
    for (let i = 0; i < count; i++) await explain(i);
    const after = memory();
    model.dispose();
    return { before, after, left: memory() };
  },
};

const firstOf = ({ data, shape }: ResultArray): ArrayLike => ({
  data: data.slice(0, data.length / shape[0]) as Float32Array,
  shape: [1, ...shape.slice(1)],
});

/** Tensors, their bytes, and what the backend holds: textures in use, or the size of WASM's memory. */
function memory(): { tensors: number; bytes: number; backend: number } {
  const { numTensors, numBytes, ...rest } = tf.memory() as tf.MemoryInfo & { numBytesInGPU?: number };
  const { wasm } = tf.backend() as unknown as { wasm?: { HEAPU8: Uint8Array } };
  return { tensors: numTensors, bytes: numBytes, backend: wasm?.HEAPU8.length ?? rest.numBytesInGPU ?? 0 };
}

Object.assign(window, { tests });
