import * as tf from "@tensorflow/tfjs-core";
import { pathParams, quadrature, type Rule } from "./integrated-gradients";
import { activationAndGradient, layerInputParam, layerParam, layerValue, mapName, wayOf } from "./layers";
import type { Method } from "./method";
import { integrate, planSteps } from "./path";

export const internalInfluence: Method = {
  name: "Internal Influence",
  group: "Layer",
  cost: "n passes",
  summary: "The output's gradient by a layer, averaged on the way from the baseline to the input",
  source: "Leino et al. 2018; captum.attr.InternalInfluence",
  params: [layerParam, layerInputParam, ...pathParams],
  baselines: "one",
  embeds: false,
  complete: false,
  signed: () => true,
  plan: planSteps,
  attribute: async (call) => {
    const { model, target } = call;
    const value = layerValue(call);
    const { n_steps, method } = call.arguments as { n_steps: number; method: Rule };
    const way = await wayOf(call);
    let shape: number[] = [];
    try {
      return await integrate(
        call,
        quadrature(method, n_steps),
        (points) => {
          const targets = points.map(({ sample }) => target[sample]);
          const { gradient } = activationAndGradient(model, value, way.at(points), targets);
          shape = [target.length, ...gradient.shape.slice(1)];
          return [gradient];
        },
        ([sum]) => ({ [mapName(call)]: tf.reshape(sum, shape) }),
      );
    } finally {
      way.dispose();
    }
  },
};
