import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D } from "@tensorflow/tfjs-core";
import { attentionParams, attentionsOf, noAttention, overInput, share } from "./attention";
import type { Method } from "./method";
import { gradients } from "./steps";

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
    const { model, inputs, additional, target, step } = call;
    const attentions = tf.tidy(() => attentionsOf(call));
    const layers: Tensor3D[] = [];
    try {
      for (const { value, weights } of attentions) {
        layers.push(
          tf.tidy(() => {
            // One layer at a time: what is given is taken as it is, and the later attentions must follow from this one.
            const given = model.upload({ ...inputs, ...additional });
            const inside = model.inner(given, [value])[value];
            const gradient = gradients(model, { ...given, [value]: inside }, target, [value])[value];
            const relevant = tf.relu(tf.mul(weights, tf.reshape(gradient, weights.shape)));
            return tf.add(tf.mean(relevant, 1), tf.eye(weights.shape[2]));
          }),
        );
        await step(layers.length / attentions.length);
      }
      const values = tf.tidy(() => share(layers, call.arguments.from as string));
      return await overInput(call, values);
    } finally {
      tf.dispose([layers, attentions.map(({ weights }) => weights)]);
    }
  },
};
