import * as tf from "@tensorflow/tfjs-core";
import type { Rules } from "../program";
import type { Method } from "./method";
import { isRectifier, modeParam, noRectifier } from "./modes";
import { oneWalk } from "./steps";

/**
 * Of the gradient at a rectifier's input, only what is positive goes on. Captum sees nn.ReLU only, and takes the total
 * gradient at the tensor, that of its other readers included.
 */
export const GUIDED: Record<string, Rules> = {
  captum: { hooks: { "torch.nn.modules.activation.ReLU": ({ gradInput }) => tf.relu(gradInput) } },
  exact: {
    through: (visit) =>
      isRectifier(visit) ? visit.def.vjp!([tf.relu(visit.dy[0]), ...visit.dy.slice(1)], visit.call) : undefined,
  },
};

export const guidedBackprop: Method = {
  name: "Guided Backprop",
  group: "Gradient",
  cost: "1 pass",
  summary: "The gradient, of which each nn.ReLU passes on only what is positive",
  source: "Springenberg et al. 2014; captum.attr.GuidedBackprop",
  params: [modeParam("only nn.ReLU modules, as Captum has it; exact: functional relu and ReLU6 too")],
  baselines: "none",
  embeds: true,
  complete: false,
  signed: () => true,
  whyNot: noRectifier,
  attribute: (call) => oneWalk(call, (gradient) => gradient, GUIDED[call.arguments.mode as string]),
};
