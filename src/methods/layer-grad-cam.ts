import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { cam, overChannels, places } from "./cam";
import { layerInputParam } from "./layers";

/** Every channel counts as much as its mean gradient says. */
const weighed = (activation: Tensor, gradient: Tensor): Tensor =>
  tf.mul(tf.mean(gradient, places(gradient), true), activation);

export const gradCamMap = (activation: Tensor, gradient: Tensor): Tensor => overChannels(weighed(activation, gradient));

export const layerGradCam = cam({
  name: "Layer Grad Cam",
  summary: "Where a layer sees what the output rises with: its channels, weighed by their mean gradients",
  source: "Selvaraju et al. 2017; captum.attr.LayerGradCam",
  params: [
    layerInputParam,
    {
      name: "attr_dim_summation",
      kind: "bool",
      default: true,
      help: "The channels are added to one map; without it each has its own",
    },
  ],
  map: (activation, gradient, { attr_dim_summation }) =>
    (attr_dim_summation ? gradCamMap : weighed)(activation, gradient),
});
