import * as tf from "@tensorflow/tfjs-core";
import type { Method } from "./method";
import { oneWalk } from "./steps";

export const saliency: Method = {
  name: "Saliency",
  group: "Gradient",
  cost: "1 pass",
  summary: "How much the output changes with each value: the gradient",
  source: "Simonyan et al. 2013; captum.attr.Saliency",
  params: [{ name: "abs", kind: "bool", default: true, help: "Magnitude of the gradient only" }],
  baselines: "none",
  embeds: true,
  complete: false,
  signed: ({ abs }) => !abs,
  attribute: (call) => oneWalk(call, (gradient) => (call.arguments.abs ? tf.abs(gradient) : gradient)),
};
