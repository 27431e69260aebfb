import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { activationOf, finished, imageFor, interpolateParam, noImage, reluParam } from "./cam";
import { interpolate } from "./interpolate";
import { spatialLayerParam } from "./layers";
import type { Call, Maps, Method } from "./method";
import { download, inChunks, rowsOf, seedOf } from "./steps";

/** Keeps a channel that is the same everywhere from dividing by 0. */
const EPSILON = 1e-8;

/**
 * Each channel, bilinearly brought to the input's size and to 0..1, masks the input; what the output then is, softmaxed over
 * the channels, is the channel's weight. The channels of all samples are one list, cut into chunks.
 */
async function explain(call: Call): Promise<Maps> {
  const { model, target } = call;
  const activation = await activationOf(call);
  const [count, channels, ...places] = activation.shape;
  const [name, { shape }] = imageFor(call, activation.shape);
  const masks = { data: activation.data, shape: [count * channels, 1, ...places] };
  const scores = new Float32Array(count * channels).fill(-Infinity);
  const map = (): Promise<Maps> =>
    download(
      tf.tidy(() => {
        const weights = tf.softmax(tf.tensor2d(scores, [count, channels]));
        const spread = tf.reshape(weights, [count, channels, ...places.map(() => 1)]);
        return finished(call, tf.sum(tf.mul(tf.tensor(activation.data, activation.shape), spread), 1, true));
      }),
    );
  await inChunks(call, count * channels, async (start, end) => {
    // The first channels of all samples come first, so that there is something to look at for each.
    const list = Array.from({ length: end - start }, (_, k) => [(start + k) % count, Math.floor((start + k) / count)]);
    const samples = list.map(([sample]) => sample);
    const cells = list.map(([sample, channel]) => sample * channels + channel);
    const chosen = tf.tidy(() => {
      const given = model.upload(rowsOf({ ...call.inputs, ...call.additional }, samples));
      const rows = rowsOf({ masks }, cells).masks;
      const mask = normalised(interpolate(tf.tensor(rows.data, rows.shape), shape.slice(2), "bilinear"));
      const output = model.forward({ ...given, [name]: tf.mul(given[name] as Tensor, mask) })[model.main];
      const targets = samples.map((sample) => target[sample]);
      return tf.sum(tf.reshape(tf.mul(output, seedOf(output, targets)), [end - start, -1]), 1);
    });
    const found = await chosen.data();
    chosen.dispose();
    cells.forEach((cell, k) => (scores[cell] = found[k]));
    if (end >= count && end < count * channels) await call.preview(map);
  });
  return map();
}

/** Each row brought to 0..1. */
function normalised(x: Tensor): Tensor {
  const axes = x.shape.slice(1).map((_, i) => i + 1);
  const least = tf.min(x, axes, true);
  return tf.div(tf.sub(x, least), tf.add(tf.sub(tf.max(x, axes, true), least), EPSILON));
}

export const scoreCam: Method = {
  name: "Score-CAM",
  group: "CAM",
  cost: "n passes",
  summary: "A layer's channels, weighed by what the model says when it sees only what they see: no gradient",
  source: "Wang et al. 2020",
  params: [spatialLayerParam, reluParam, interpolateParam],
  baselines: "none",
  embeds: false,
  complete: false,
  signed: ({ relu_attributions }) => !relu_attributions,
  whyNot: noImage,
  attribute: explain,
};
