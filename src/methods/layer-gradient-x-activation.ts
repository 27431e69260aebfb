import * as tf from "@tensorflow/tfjs-core";
import { activationAndGradient, layerInputParam, layerParam, layerValue, mapName } from "./layers";
import type { Method } from "./method";
import { download } from "./steps";

export const layerGradientXActivation: Method = {
  name: "Layer Gradient X Activation",
  group: "Layer",
  cost: "layer",
  summary: "What a layer gives, times the output's gradient by it",
  source: "captum.attr.LayerGradientXActivation",
  params: [layerParam, layerInputParam],
  baselines: "none",
  embeds: false,
  complete: false,
  signed: () => true,
  attribute: (call) => {
    const { model, inputs, additional, target } = call;
    const map = tf.tidy(() => {
      const given = model.upload({ ...inputs, ...additional });
      const { activation, gradient } = activationAndGradient(model, layerValue(call), given, target);
      return tf.mul(activation, gradient);
    });
    return download({ [mapName(call)]: map });
  },
};
