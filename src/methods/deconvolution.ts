import * as tf from "@tensorflow/tfjs-core";
import type { Rules } from "../program";
import type { Method } from "./method";
import { isRectifier, modeParam, noRectifier } from "./modes";
import { oneWalk } from "./steps";

/** A rectifier acts on the gradient as it did on the activation, whatever its input was. */
const RULES: Record<string, Rules> = {
  captum: { hooks: { "torch.nn.modules.activation.ReLU": ({ gradOutput }) => tf.relu(gradOutput) } },
  exact: { through: (visit) => (isRectifier(visit) ? [() => tf.relu(visit.dy[0])] : undefined) },
};

export const deconvolution: Method = {
  name: "Deconvolution",
  group: "Gradient",
  cost: "1 pass",
  summary: "The gradient, to which each nn.ReLU is applied instead of its own derivative",
  source: "Zeiler and Fergus 2014; captum.attr.Deconvolution",
  params: [modeParam("only nn.ReLU modules, as Captum has it; exact: functional relu and ReLU6 too")],
  baselines: "none",
  embeds: true,
  complete: false,
  signed: () => true,
  whyNot: noRectifier,
  attribute: (call) => oneWalk(call, (gradient) => gradient, RULES[call.arguments.mode as string]),
};
