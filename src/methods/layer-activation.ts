import * as tf from "@tensorflow/tfjs-core";
import { insideOf, layerInputParam, layerParam, layerValue, mapName, outward } from "./layers";
import type { Method } from "./method";
import { download } from "./steps";

export const layerActivation: Method = {
  name: "Layer Activation",
  group: "Layer",
  cost: "layer",
  summary: "What a layer gives for the input",
  source: "captum.attr.LayerActivation",
  params: [layerParam, layerInputParam],
  baselines: "none",
  embeds: false,
  complete: false,
  signed: () => true,
  attribute: (call) => {
    const { model, inputs, additional } = call;
    const value = layerValue(call);
    const activation = tf.tidy(() =>
      outward(model, value, insideOf(model, value, model.upload({ ...inputs, ...additional }))),
    );
    return download({ [mapName(call)]: activation });
  },
};
