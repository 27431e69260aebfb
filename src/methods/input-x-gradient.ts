import * as tf from "@tensorflow/tfjs-core";
import type { Method } from "./method";
import { oneWalk } from "./steps";

export const inputXGradient: Method = {
  name: "Input X Gradient",
  group: "Gradient",
  cost: "1 pass",
  summary: "The gradient times the input",
  source: "Shrikumar et al. 2016; captum.attr.InputXGradient",
  params: [],
  baselines: "none",
  embeds: true,
  complete: false,
  signed: () => true,
  attribute: (call) => oneWalk(call, (gradient, x) => tf.mul(gradient, x)),
};
