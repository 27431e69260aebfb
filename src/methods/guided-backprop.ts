import * as tf from "@tensorflow/tfjs-core";
import type { Rules } from "../program";
import type { Method } from "./method";
import { oneWalk } from "./steps";

/** Of the total gradient at an nn.ReLU's input, only what is positive goes on. Functional relu is not touched, as in Captum. */
const RULES: Rules = { "torch.nn.modules.activation.ReLU": ({ gradInput }) => tf.relu(gradInput) };

export const guidedBackprop: Method = {
  name: "Guided Backprop",
  group: "Gradient",
  cost: "1 pass",
  summary: "The gradient, of which each nn.ReLU passes on only what is positive",
  source: "Springenberg et al. 2014; captum.attr.GuidedBackprop",
  params: [],
  baselines: "none",
  embeds: true,
  complete: false,
  signed: () => true,
  attribute: (call) => oneWalk(call, (gradient) => gradient, RULES),
};
