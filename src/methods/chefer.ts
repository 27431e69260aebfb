import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D } from "@tensorflow/tfjs-core";
import { attentionParams, attentionsOf, gradientBy, noAttention, overInput, readFrom, share } from "./attention";
import type { Method } from "./method";

export const gradientWeightedAttention: Method = {
  name: "Gradient-weighted Attention",
  group: "Attention",
  cost: "n passes",
  summary: "How much of each token attention has carried to the answer, where the output rises with that attention",
  source: "Chefer et al. 2021, Generic Attention-model Explainability",
  params: attentionParams,
  baselines: "none",
  embeds: false,
  complete: false,
  signed: () => false,
  whyNot: noAttention,
  attribute: async (call) => {
    const attentions = tf.tidy(() => attentionsOf(call));
    const layers: Tensor3D[] = [];
    try {
      for (const { value, weights } of attentions) {
        layers.push(
          tf.tidy(() => {
            const relevant = tf.relu(tf.mul(weights, gradientBy(call, value, weights)));
            return tf.add(tf.mean(relevant, 1), tf.eye(weights.shape[2]));
          }),
        );
        await call.step(layers.length / attentions.length);
      }
      const values = tf.tidy(() => share(layers, readFrom(call, attentions)));
      return await overInput(call, values);
    } finally {
      tf.dispose([layers, attentions.map(({ weights }) => weights)]);
    }
  },
};
