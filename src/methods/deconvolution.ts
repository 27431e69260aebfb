import * as tf from "@tensorflow/tfjs-core";
import type { Rules } from "../program";
import type { Method } from "./method";
import { oneWalk } from "./steps";

/** An nn.ReLU acts on the gradient as it did on the activation, whatever its input was. */
const RULES: Rules = { "torch.nn.modules.activation.ReLU": ({ gradOutput }) => tf.relu(gradOutput) };

export const deconvolution: Method = {
  name: "Deconvolution",
  group: "Gradient",
  cost: "1 pass",
  summary: "The gradient, to which each nn.ReLU is applied instead of its own derivative",
  source: "Zeiler and Fergus 2014; captum.attr.Deconvolution",
  params: [],
  baselines: "none",
  embeds: true,
  complete: false,
  signed: () => true,
  attribute: (call) => oneWalk(call, (gradient) => gradient, RULES),
};
