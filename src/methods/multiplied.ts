/** Whether a map is slopes times the way from the baseline, or the slopes alone. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Arguments, ParamSpec } from "./method";

export const multiplyByInputs: ParamSpec = {
  name: "multiply_by_inputs",
  kind: "bool",
  default: true,
  help: "Times the way from the baseline to the input; without it the mean slope on the way, which does not add up",
};

/** slope x (x - b), or the slope alone. Call inside tf.tidy. */
export const multiplied = ({ multiply_by_inputs }: Arguments, slope: Tensor, x: Tensor, b: Tensor): Tensor =>
  multiply_by_inputs ? tf.mul(slope, tf.sub(x, b)) : slope;
