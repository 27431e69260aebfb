/** Tensors that live as long as their model: constants on the device, and what is derived from constants alone. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { NDArray } from "./graph";

export class Weights {
  readonly #tensors = new Map<string, Tensor>();

  get(key: string): Tensor | undefined {
    return this.#tensors.get(key);
  }

  /** The tensor under a key; made, and kept, when it is first asked for. */
  keep(key: string, make: () => Tensor): Tensor {
    let tensor = this.#tensors.get(key);
    if (!tensor) this.#tensors.set(key, (tensor = tf.keep(tf.tidy(make))));
    return tensor;
  }

  dispose(): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
    this.#tensors.clear();
  }
}

/** Host -> device. Integers are 32 bits there; one that does not fit throws. */
export function upload({ dtype, shape, data }: NDArray): Tensor {
  if (dtype === "string") throw new Error("strings cannot be computed with");
  if (dtype !== "int64") return tf.tensor(data as Float32Array, [...shape], dtype);
  const narrow = Int32Array.from(data as Float64Array);
  const wrong = (data as Float64Array).findIndex((v, i) => v !== narrow[i]);
  if (wrong >= 0) throw new Error(`the integer ${data[wrong]} is larger than 32 bits`);
  return tf.tensor(narrow, [...shape], "int32");
}

/** Device -> host; waits for the device. */
export const download = (tensor: Tensor): NDArray => ({
  dtype: tensor.dtype as "float32" | "int32" | "bool",
  shape: tensor.shape,
  data: tensor.dataSync() as Float32Array,
});
