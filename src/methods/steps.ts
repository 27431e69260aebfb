/** What several methods share: selecting the target, cutting the work into chunks, gradients of a batch. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { FloatArray, Model } from "../engine";
import { sizeOf } from "../graph";
import type { Rules, Value } from "../program";
import type { Call, Maps } from "./method";

/** Values per sample of a batched array. */
export const sampleSize = ({ shape }: FloatArray): number => sizeOf(shape.slice(1));

/** The values of one sample. */
export const sampleOf = (array: FloatArray, i: number): Float32Array =>
  array.data.subarray(i * sampleSize(array), (i + 1) * sampleSize(array));

/** One-hot seed of a backward walk: the target's value of each sample's flattened output. */
export function seedOf(output: Tensor, target: readonly number[]): Tensor {
  const [n, size] = [output.shape[0], output.size / output.shape[0]];
  const seed = new Float32Array(output.size);
  for (let i = 0; i < n; i++) seed[i * size + target[i]] = 1;
  return tf.tensor(seed, output.shape);
}

/** Gradients of the targets' outputs by the inputs in `wrt`. Call inside tf.tidy. */
export const gradients = (
  model: Model,
  inputs: Record<string, Value>,
  target: readonly number[],
  wrt: readonly string[],
  rules?: Rules,
): Record<string, Tensor> => model.gradients(inputs, wrt, (output) => seedOf(output, target), { rules });

/** The gradient methods' whole work: one walk over the batch, then `finish` per input. */
export async function oneWalk(
  call: Call,
  finish: (gradient: Tensor, x: Tensor) => Tensor,
  rules?: Rules,
): Promise<Maps> {
  const names = Object.keys(call.inputs);
  const maps = tf.tidy(() => {
    const inputs = call.model.upload({ ...call.inputs, ...call.additional });
    const found = gradients(call.model, inputs, call.target, names, rules);
    return Object.fromEntries(names.map((name) => [name, finish(found[name], inputs[name] as Tensor)]));
  });
  return download(maps);
}

/** Tensors -> arrays; the tensors are freed. */
export async function download(tensors: Record<string, Tensor>): Promise<Maps> {
  const maps: Maps = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    maps[name] = { data: (await tensor.data<"float32">()).slice(), shape: tensor.shape };
    tensor.dispose();
  }
  return maps;
}

/** The target's output for each sample of `inputs`; `target` has one entry, or one per sample. */
export async function scores(
  model: Model,
  inputs: Record<string, FloatArray>,
  target: readonly number[],
): Promise<Float32Array> {
  return picked(
    tf.tidy(() => model.forward(model.upload(inputs))[model.main]),
    target,
  );
}

/** The same from the output, which is freed. */
export async function picked(output: Tensor, target: readonly number[]): Promise<Float32Array> {
  const [n, size] = [output.shape[0], output.size / output.shape[0]];
  const data = await output.data();
  output.dispose();
  return Float32Array.from({ length: n }, (_, i) => data[i * size + (target.length === 1 ? target[0] : target[i])]);
}

const MEMORY = 256 * 2 ** 20;
/** Activations of the first chunk, whose speed is not known yet. */
const FIRST_CHUNK = 4 * 2 ** 20;
/** Below this a chunk is not worth the wait for messages; above, Cancel feels slow. */
const CHUNK_MS = 60;

/**
 * Calls `work(start, end)` until `total` examples are done. A chunk fits in memory and, where time can be told, takes about
 * {@link CHUNK_MS}; on WebGL sizes stay equal, because every new shape compiles new shaders. `most` bounds a chunk from outside.
 */
export async function inChunks(
  call: Pick<Call, "model" | "step">,
  total: number,
  work: (start: number, end: number) => Promise<void>,
  before = 0,
  all = total,
  most = Infinity,
): Promise<void> {
  const { model } = call;
  const fixed = model.backend === "webgl";
  const fitting = (bytes: number) =>
    Math.max(1, Math.min(most, Math.floor(bytes / Math.max(1, model.bytesPerExample))));
  let size = fixed ? Math.min(64, fitting(MEMORY)) : model.bytesPerExample ? Math.min(64, fitting(FIRST_CHUNK)) : 1;
  for (let start = 0; start < total;) {
    const end = Math.min(total, start + size);
    const began = performance.now();
    await work(start, end);
    const ms = performance.now() - began;
    if (!fixed) {
      const wanted = ((end - start) * CHUNK_MS) / Math.max(ms, 0.1);
      size = Math.max(1, Math.min(fitting(MEMORY), Math.round(Math.min(wanted, size * 4))));
    }
    start = end;
    await call.step((before + start) / all);
  }
}

/** The samples at `indices`, one after the other, as a batch of their own. */
export const rowsOf = (arrays: Call["inputs"], indices: readonly number[]): Record<string, FloatArray> =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => {
      const size = sampleSize(array);
      const data = new Float32Array(indices.length * size);
      indices.forEach((index, i) => data.set(sampleOf(array, index), i * size));
      return [name, { data, shape: [indices.length, ...array.shape.slice(1)] }];
    }),
  );
