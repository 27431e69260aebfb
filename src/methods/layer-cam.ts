import * as tf from "@tensorflow/tfjs-core";
import { cam, overChannels } from "./cam";

export const layerCam = cam({
  name: "LayerCAM",
  summary: "Activation times gradient, place by place, where the gradient is positive: fine enough for early layers",
  source: "Jiang et al. 2021",
  map: (activation, gradient) => overChannels(tf.mul(tf.relu(gradient), activation)),
});
