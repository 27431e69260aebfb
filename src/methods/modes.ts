/** What the methods share that offer Captum's numbers beside the published rule. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
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
export const isRectifier = ({ node, call }: Visit): boolean =>
  node.op === "Relu" ||
  (node.op === "Clip" && /^aten\.(hardtanh|relu6)/.test(call.aten) && Number(call.host[1]?.data[0]) === 0);

/** Masks are -Infinity, and no difference or share of that is a number. */
export const bounded = (x: Tensor): Tensor => tf.clipByValue(x, -1e30, 1e30);
