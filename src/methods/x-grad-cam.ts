import * as tf from "@tensorflow/tfjs-core";
import { cam, overChannels, places } from "./cam";

/** Keeps the denominator from 0, as in the grad-cam package. */
const EPSILON = 1e-7;

export const xGradCam = cam({
  name: "XGrad-CAM",
  summary:
    "Grad-CAM whose gradients are averaged with the activation as weight: the nearest to adding up to the output",
  source: "Fu et al. 2020",
  map: (activation, gradient) => {
    const axes = places(activation);
    const weighted = tf.sum(tf.mul(gradient, activation), axes, true);
    return overChannels(tf.mul(tf.div(weighted, tf.add(tf.sum(activation, axes, true), EPSILON)), activation));
  },
});
