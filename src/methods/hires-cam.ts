import * as tf from "@tensorflow/tfjs-core";
import { cam, overChannels } from "./cam";

export const hiresCam = cam({
  name: "HiResCAM",
  summary: "Where a layer sees what the output rises with: activation times gradient, place by place",
  source: "Draelos and Carin 2020",
  map: (activation, gradient) => overChannels(tf.mul(gradient, activation)),
});
