import * as tf from "@tensorflow/tfjs-core";
import type { Rank, Tensor2D } from "@tensorflow/tfjs-core";
import { pathParams, quadrature, type Rule } from "./integrated-gradients";
import { activationAndGradient, layerInputParam, layerParam, layerValue, mapName, wayOf } from "./layers";
import type { Call, Maps, Method } from "./method";
import { rows } from "./path";
import { download, inChunks } from "./steps";

/** The sum over the pairs of points done, and the last point of each sample; all [N, size]. */
interface Sofar {
  sum: Tensor2D;
  activation: Tensor2D;
  gradient: Tensor2D;
}

/**
 * Sum over n_steps + 1 points of gradient · (activation at the next point - activation). As in Captum, the rule places the
 * points only; its weights have no part in it.
 */
async function explain(call: Call): Promise<Maps> {
  const { model, target } = call;
  const value = layerValue(call);
  const { n_steps, method } = call.arguments as { n_steps: number; method: Rule };
  const { alphas } = quadrature(method, n_steps + 1);
  const count = target.length;
  const way = await wayOf(call);
  const total = count * alphas.length;
  let shape: number[] = [];
  let sofar: Sofar | null = null;
  const map = ({ sum }: Sofar) => download({ [mapName(call)]: tf.reshape(sum, shape) });
  try {
    await inChunks(call, total, async (start, end) => {
      const points = Array.from({ length: end - start }, (_, k) => ({
        sample: (start + k) % count,
        alpha: alphas[Math.floor((start + k) / count)],
      }));
      const before = sofar;
      const after: Sofar = tf.tidy(() => {
        const targets = points.map(({ sample }) => target[sample]);
        const found = activationAndGradient(model, value, way.at(points), targets);
        shape = [count, ...found.activation.shape.slice(1)];
        const joined = (key: "activation" | "gradient"): Tensor2D =>
          before ? tf.concat2d([before[key], rows(found[key])], 0) : rows(found[key]);
        const [activation, gradient] = [joined("activation"), joined("gradient")];
        const [length, size] = activation.shape;
        // A sample's next point is N rows further on.
        const pairs = Math.max(0, length - count);
        const kept = (x: Tensor2D) => tf.slice2d(x, [pairs, 0], [length - pairs, size]);
        const last = { activation: kept(activation), gradient: kept(gradient) };
        if (!pairs) return { sum: tf.zeros<Rank.R2>([count, size]), ...last };
        const step = tf.sub(
          tf.slice2d(activation, [count, 0], [pairs, size]),
          tf.slice2d(activation, [0, 0], [pairs, size]),
        );
        const belongs = new Float32Array(count * pairs);
        for (let i = 0; i < pairs; i++) belongs[((end - length + i) % count) * pairs + i] = 1;
        const part = tf.matMul<Tensor2D>(
          tf.tensor2d(belongs, [count, pairs]),
          tf.mul<Tensor2D>(step, tf.slice2d(gradient, [0, 0], [pairs, size])),
        );
        return { sum: before ? tf.add<Tensor2D>(before.sum, part) : part, ...last };
      });
      if (before) tf.dispose({ ...before });
      sofar = after;
      await after.sum.data();
      if (end < total) await call.preview(() => map(after));
    });
    return await map(sofar!);
  } finally {
    way.dispose();
    tf.dispose({ ...(sofar as Sofar | null) });
  }
}

export const layerConductance: Method = {
  name: "Layer Conductance",
  group: "Layer",
  cost: "n passes",
  summary:
    "How much of the output's change on the way from the baseline to the input goes through each unit of a layer",
  source: "Dhamdhere et al. 2018; captum.attr.LayerConductance",
  params: [layerParam, layerInputParam, ...pathParams],
  baselines: "one",
  embeds: false,
  complete: true,
  signed: () => true,
  plan: ({ n_steps }) => ({ errors: {}, workload: `${Number(n_steps) + 1} passes` }),
  attribute: explain,
};
