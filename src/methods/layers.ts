/** What the layer and CAM methods share: the layer menu's rule, a layer's activation and gradient in ONNX's order. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Layer, Model } from "../engine";
import { sizeOf, type ValueName } from "../graph";
import type { Value } from "../program";
import type { ParamSpec } from "./method";
import { seedOf } from "./steps";

/** Its output is [N, C, ...] with more than one place. */
export const isSpatial = (model: Model, { shape, value }: Layer): boolean =>
  shape.length > 2 && sizeOf(shape.slice(2).map((d) => d ?? 2)) > 1 && model.isChannelsLast(value);

export const layerParam: ParamSpec = {
  name: "layer",
  kind: "layer",
  default: null,
  auto: "last layer",
  spatial: false,
  help: "Module of the model whose output is looked at",
};

export const spatialLayerParam: ParamSpec = {
  ...layerParam,
  auto: "last spatial layer",
  spatial: true,
  help: "Module of the model whose output, [N, C, H, W], is looked at",
};

/** From the graph's own layout to ONNX's, and back. */
export const outward = (model: Model, value: ValueName, x: Tensor): Tensor =>
  model.isChannelsLast(value) ? tf.transpose(x, [0, x.rank - 1, ...range(1, x.rank - 1)]) : x.clone();
export const inward = (model: Model, value: ValueName, x: Tensor): Tensor =>
  model.isChannelsLast(value) ? tf.transpose(x, [0, ...range(2, x.rank), 1]) : x.clone();

/** A layer's value for a batch and the gradient of the targets' outputs by it, both in ONNX's order. Call inside tf.tidy. */
export function activationAndGradient(
  model: Model,
  value: ValueName,
  inputs: Readonly<Record<string, Value>>,
  target: readonly number[],
): { activation: Tensor; gradient: Tensor } {
  const inside = model.inner(inputs, [value])[value];
  const given = { ...inputs, [value]: inside };
  const gradient = model.gradients(given, [value], (output) => seedOf(output, target))[value];
  return { activation: outward(model, value, inside), gradient: outward(model, value, gradient) };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
