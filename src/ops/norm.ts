/** Normalisations. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { sizeOf } from "../graph";
import { op, type Call, type Table } from "./op";

interface BatchNormAttrs {
  epsilon?: number;
  training_mode?: number;
}

/** y = scale * x + shift per channel; images have it last, [N, C, ...] second. */
function affine(call: Call<BatchNormAttrs>, rank: number): { scale: Tensor; shift: Tensor } {
  const [gamma, beta, mean, variance] = call.constants.slice(1).map((c) => c!.data as Float32Array);
  const { epsilon = 1e-5 } = call.attrs;
  const shape = rank === 4 || rank === 2 ? [gamma.length] : [gamma.length, ...Array<number>(rank - 2).fill(1)];
  const scale = Float32Array.from(gamma, (g, i) => g / Math.sqrt(variance[i] + epsilon));
  return {
    scale: call.derived("scale", () => tf.tensor(scale, shape)),
    shift: call.derived("shift", () =>
      tf.tensor(
        Float32Array.from(beta, (b, i) => b - mean[i] * scale[i]),
        shape,
      ),
    ),
  };
}

export const NORM: Table = {
  BatchNormalization: [
    op<BatchNormAttrs>({
      since: 9,
      layout: "image",
      affine: true,
      constants: [1, 2, 3, 4],
      unsupported: ({ training_mode = 0 }, shapes) =>
        training_mode
          ? "training_mode is not supported; export the model in eval mode"
          : shapes[1] && !sizeOf(shapes[1] as number[])
            ? "it has no channels"
            : undefined,
      forward: (call) => {
        const { scale, shift } = affine(call, call.x[0].rank);
        return tf.add(tf.mul(call.x[0], scale), shift);
      },
      vjp: (dy, call) => [() => tf.mul(dy, affine(call, call.x[0].rank).scale)],
    }),
  ],
};
