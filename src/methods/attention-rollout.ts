import * as tf from "@tensorflow/tfjs-core";
import type { Tensor3D } from "@tensorflow/tfjs-core";
import { attentionParams, attentionsOf, noAttention, overInput, readFrom, share } from "./attention";
import type { Method } from "./method";

export const attentionRollout: Method = {
  name: "Attention Rollout",
  group: "Attention",
  cost: "1 pass",
  summary: "How much of each token attention has carried to the answer, whatever the target",
  source: "Abnar and Zuidema 2020",
  params: attentionParams,
  baselines: "none",
  embeds: false,
  complete: false,
  signed: () => false,
  whyNot: noAttention,
  attribute: (call) =>
    overInput(
      call,
      tf.tidy(() => {
        const attentions = attentionsOf(call);
        const layers = attentions.map(({ weights }) => {
          // The residual connection carries a token itself.
          const whole = tf.add(tf.mean(weights, 1), tf.eye(weights.shape[2]));
          return tf.div<Tensor3D>(whole, tf.sum(whole, 2, true));
        });
        return share(layers, readFrom(call, attentions));
      }),
    ),
};
