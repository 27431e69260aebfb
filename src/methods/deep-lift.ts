/**
 * DeepLIFT's rescale rule (Shrikumar et al. 2017) as captum.attr.DeepLift 0.9 computes it. One forward walk sees the inputs
 * and the baselines as one batch [x; b]; every rule gets both halves. Where Captum departs from the paper it says so.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { maxUnpool } from "../ops/pool";
import type { HookCall, Rules } from "../program";
import type { FloatArray } from "../engine";
import type { Method } from "./method";
import { download, gradients } from "./steps";

const EPSILON = 1e-10;

/** x - b, once for each half. */
function difference(both: Tensor): Tensor {
  const [x, b] = tf.split(both, 2);
  const d = tf.sub(x, b);
  return tf.concat([d, d]);
}

/** dOut / dIn where the inputs differ, else the gradient. */
function rescale(multiplied: Tensor, dIn: Tensor, otherwise: Tensor): Tensor {
  const same = tf.less(tf.abs(dIn), EPSILON);
  return tf.where(same, otherwise, tf.div(multiplied, tf.where(same, tf.onesLike(dIn), dIn)));
}

const nonlinear = ({ x, y, gradInput, gradOutput }: HookCall): Tensor =>
  rescale(tf.mul(gradOutput, difference(y)), difference(x), gradInput);

/** Captum takes off the mean over the whole batch of both halves, so a result depends on its batch mates. */
function softmax(call: HookCall): Tensor {
  const u = nonlinear(call);
  return tf.sub(u, tf.div(tf.sum(u), u.size));
}

/**
 * Cross-maximum rule. Captum's unpooling assigns, so windows that share a maximum lose mass; and where the inputs are equal
 * it takes the first example's gradient for all.
 */
function maxPool({ x, y, gradInput, gradOutput, attrs }: HookCall): Tensor {
  const [yx, yb] = tf.split(y, 2);
  const most = tf.maximum(yx, yb);
  const delta = tf.concat([tf.sub(most, yb), tf.sub(yx, most)]);
  const [ux, ub] = tf.split(maxUnpool(tf.mul(gradOutput, delta), x, y, attrs, true), 2);
  const u = tf.add(ux, ub);
  const first = tf.slice(gradInput, 0, 1);
  return rescale(tf.concat([u, u]), difference(x), tf.tile(first, [x.shape[0], ...Array<number>(x.rank - 1).fill(1)]));
}

/** One batch after the other. */
const joined = (a: FloatArray, b: FloatArray): FloatArray => ({
  data: Float32Array.from([a.data, b.data].flatMap((data) => Array.from(data))),
  shape: [a.shape[0] + b.shape[0], ...a.shape.slice(1)],
});

const activation = "torch.nn.modules.activation";
const pooling = "torch.nn.modules.pooling";
const RULES: Rules = {
  ...Object.fromEntries(
    ["ReLU", "ELU", "LeakyReLU", "Sigmoid", "Tanh", "Softplus"].map((name) => [`${activation}.${name}`, nonlinear]),
  ),
  ...Object.fromEntries(["MaxPool1d", "MaxPool2d", "MaxPool3d"].map((name) => [`${pooling}.${name}`, maxPool])),
  [`${activation}.Softmax`]: softmax,
};

export const deepLift: Method = {
  name: "Deep Lift",
  group: "Relevance",
  cost: "2 passes",
  summary: "How the difference to the baseline spreads through the network",
  source: "Shrikumar et al. 2017; captum.attr.DeepLift",
  params: [],
  baselines: "one",
  embeds: true,
  complete: true,
  signed: () => true,
  attribute: async (call) => {
    const names = Object.keys(call.inputs);
    const { model, inputs, baselines, additional, target } = call;
    const halves = [
      { ...inputs, ...additional },
      { ...baselines, ...additional },
    ];
    const both = Object.fromEntries(
      Object.keys(halves[0]).map((name) => [name, joined(halves[0][name], halves[1][name])]),
    );
    const maps = tf.tidy(() => {
      const found = gradients(model, model.upload(both), [...target, ...target], names, RULES);
      return Object.fromEntries(
        names.map((name) => {
          const change = tf.sub(tf.tensor(inputs[name].data, inputs[name].shape), tf.tensor(baselines[name].data, inputs[name].shape)); // prettier-ignore
          return [name, tf.mul(tf.slice(found[name], 0, target.length), change)];
        }),
      );
    });
    return download(maps);
  },
};
