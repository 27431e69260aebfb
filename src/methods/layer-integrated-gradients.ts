import * as tf from "@tensorflow/tfjs-core";
import { pathParams, quadrature, type Rule } from "./integrated-gradients";
import { insideOf, layerInputParam, layerParam, layerValue, mapName, outward } from "./layers";
import type { Call, Method } from "./method";
import { multiplied, multiplyByInputs } from "./multiplied";
import { between, integrate, planSteps } from "./path";
import { gradients, rowsOf } from "./steps";

export const layerIntegratedGradients: Method = {
  name: "Layer Integrated Gradients",
  group: "Layer",
  cost: "n passes",
  summary: "Integrated Gradients on the straight way between what a layer gives for the baseline and for the input",
  source: "captum.attr.LayerIntegratedGradients",
  params: [layerParam, layerInputParam, ...pathParams, multiplyByInputs],
  baselines: "one",
  embeds: false,
  complete: true,
  signed: () => true,
  plan: planSteps,
  attribute: async (call) => {
    const { model, target } = call;
    const value = layerValue(call);
    const { n_steps, method } = call.arguments as { n_steps: number; method: Rule };
    const end = (arrays: Call["inputs"]) => insideOf(model, value, model.upload({ ...arrays, ...call.additional }));
    const both = tf.tidy(() => tf.concat([end(call.inputs), end(call.baselines)]));
    try {
      return await integrate(
        call,
        quadrature(method, n_steps),
        (points) => {
          const samples = points.map(({ sample }) => sample);
          // What goes around the layer reads the input itself, wherever on its way the layer's value is.
          const given = model.upload(rowsOf({ ...call.inputs, ...call.additional }, samples));
          const targets = samples.map((sample) => target[sample]);
          return [gradients(model, { ...given, [value]: between(both, points) }, targets, [value])[value]];
        },
        ([sum]) => {
          const [x, b] = tf.split(both, 2);
          const slope = tf.reshape(sum, x.shape);
          return { [mapName(call)]: outward(model, value, multiplied(call.arguments, slope, x, b)) };
        },
      );
    } finally {
      tf.dispose(both);
    }
  },
};
