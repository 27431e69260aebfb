/** What the methods share that offer Captum's numbers beside the published rule. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Model } from "../engine";
import type { NDArray } from "../graph";
import type { Visit } from "../program";
import type { ParamSpec } from "./method";

/** `help` says what Captum leaves out. */
export const modeParam = (help: string): ParamSpec => ({
  name: "mode",
  kind: "enum",
  default: "captum",
  options: ["captum", "exact"],
  help: `captum: ${help}`,
});

/** relu, or relu6: a clip at 0 that torch calls so. */
const rectifies = (op: string, aten: string, low?: NDArray): boolean =>
  op === "Relu" || (op === "Clip" && /^aten\.(hardtanh|relu6)/.test(aten) && Number(low?.data[0]) === 0);

export const isRectifier = ({ node, call }: Visit): boolean => rectifies(node.op, call.aten, call.host[1]);

export const noRectifier = (model: Model): string | undefined =>
  model.hasNode(({ op, origin, inputs }, constants) => rectifies(op, origin?.aten ?? "", constants.get(inputs[1])))
    ? undefined
    : "it has no ReLU, without which the gradient stays as it is";

/** Masks are -Infinity, and no difference or share of that is a number. */
export const bounded = (x: Tensor): Tensor => tf.clipByValue(x, -1e30, 1e30);
