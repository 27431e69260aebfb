/**
 * Integer inputs are attributed at the embeddings that they are looked up in: a leaf [N, ..., E] for each lookup, whose
 * attributions are summed over E and over all lookups of the same integer.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { FloatArray, Model } from "../engine";
import { sizeOf, type ValueName } from "../graph";
import { EngineError } from "../support";
import type { Maps } from "./method";
import { download, rowsOf, sampleSize } from "./steps";

interface Leaf {
  value: ValueName;
  /** Of each row of a sample's leaf: the integer it was looked up for, as a position in the sample's input. */
  positions: Int32Array;
}

/** By integer input; empty for one that is not looked up. */
export type Leaves = Readonly<Record<string, readonly Leaf[]>>;

export async function leavesOf(
  model: Model,
  inputs: Readonly<Record<string, FloatArray>>,
  names: readonly string[],
): Promise<Leaves> {
  const found: Record<string, Leaf[]> = {};
  for (const name of names) {
    const embeddings = model.embeddings(name);
    if (!embeddings.length) continue;
    found[name] = [];
    const one = rowsOf(inputs, [0]);
    const size = sampleSize(one[name]);
    // Indices that are the input's integers, moved and offset, differ by the integers' differences: these tell positions.
    const zeros = new Float32Array(size);
    const counts = zeros.map((_, i) => i + 1);
    for (const { value, indices } of embeddings) {
      const read = (data: Float32Array): Float32Array | null => {
        try {
          return tf.tidy(() => {
            const given = model.upload({ ...one, [name]: { data, shape: one[name].shape } });
            return model.inner(given, [indices])[indices].dataSync<"float32">().slice();
          });
        } catch {
          // Integers that mean something else on the way cannot be replaced by positions.
          return null;
        }
      };
      const [from, to] = [read(zeros), read(counts)];
      if (!from || !to) continue;
      const positions = Int32Array.from(to, (v, i) => v - from[i] - 1);
      // An index that does not follow the integers (a position, a segment) is looked up, but not for one of them.
      if (positions.every((p) => p >= 0 && p < size)) found[name].push({ value, positions });
    }
    if (!found[name].length)
      throw new EngineError(`"${name}" is looked up in embeddings, but not as it is; gradients cannot be given to its integers`); // prettier-ignore
  }
  return found;
}

/** Values of the leaves for `inputs`, by the leaves' names. */
export function leafValues(
  model: Model,
  leaves: Leaves,
  inputs: Readonly<Record<string, FloatArray>>,
): Promise<Record<string, FloatArray>> {
  const values = Object.values(leaves).flatMap((all) => all.map(({ value }) => value));
  return download(tf.tidy(() => (values.length ? model.inner(model.upload(inputs), values) : {})));
}

/** Attributions of leaves -> attributions of the integers, in the inputs' shapes. */
export function gathered(leaves: Leaves, maps: Maps, inputs: Readonly<Record<string, FloatArray>>): Maps {
  const values = new Set(Object.values(leaves).flatMap((all) => all.map(({ value }) => value)));
  const result = Object.fromEntries(Object.entries(maps).filter(([name]) => !values.has(name)));
  for (const [name, all] of Object.entries(leaves)) {
    const { shape } = inputs[name];
    const [n, size] = [shape[0], sizeOf(shape.slice(1))];
    const data = new Float32Array(n * size);
    for (const { value, positions } of all) {
      const map = maps[value].data;
      const width = map.length / (n * positions.length);
      for (let i = 0; i < n; i++) {
        positions.forEach((position, row) => {
          const start = (i * positions.length + row) * width;
          for (let k = start; k < start + width; k++) data[i * size + position] += map[k];
        });
      }
    }
    result[name] = { data, shape };
  }
  return result;
}
