/**
 * What the class activation maps share: a layer's channels, weighed and added to one map [N, 1, ...], which is brought to the
 * size of the input that it is laid over.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { FloatArray, Model } from "../engine";
import { EngineError } from "../support";
import { interpolate, type Interpolation } from "./interpolate";
import { activationAndGradient, isSpatial, layerValue, mapName, noLayers, spatialLayerParam } from "./layers";
import type { Arguments, Call, Method, ParamSpec } from "./method";
import { download } from "./steps";

export const interpolateParam: ParamSpec = {
  name: "interpolate",
  kind: "enum",
  default: "nearest",
  start: "bilinear",
  options: ["nearest", "bilinear", "none"],
  help: "How the map is brought to the input's size; none leaves it in the layer's",
};

export const reluParam: ParamSpec = {
  name: "relu_attributions",
  kind: "bool",
  default: false,
  help: "Only what speaks for the target",
};

/** The part of a CAM method that is its own. */
type Own = Pick<Method, "name" | "summary" | "source"> & {
  params?: readonly ParamSpec[];
  /** [N, C, ...] both -> [N, 1, ...]; called inside tf.tidy. */
  map: (activation: Tensor, gradient: Tensor) => Tensor;
};

/** A method whose map follows from a layer's activation and gradient. */
export const cam = ({ map, params = [], ...own }: Own): Method => ({
  ...own,
  group: "CAM",
  cost: "layer",
  params: [spatialLayerParam, ...params, reluParam, interpolateParam],
  baselines: "none",
  embeds: false,
  complete: false,
  signed: ({ relu_attributions }) => !relu_attributions,
  whyNot: noImage,
  attribute: (call) => {
    const { model, target } = call;
    const found = tf.tidy(() => {
      const given = model.upload({ ...call.inputs, ...call.additional });
      const { activation, gradient } = activationAndGradient(model, layerValue(call), given, target);
      checkImage(call, activation.shape);
      return finished(call, map(activation, gradient));
    });
    return download(found);
  },
});

export function noImage(model: Model): string | undefined {
  if (noLayers(model)) return noLayers(model);
  if (!model.layers.some((layer) => isSpatial(model, layer)))
    return "no layer gives an image [N, C, H, W] with more than one place";
  return model.inputs.some(({ dtype, shape }) => dtype === "float32" && shape.length > 2)
    ? undefined
    : "no input is an image [N, C, H, W] that a map could be laid over";
}

/** Over what a map of a layer is laid: the first attributed input with as many dimensions. */
export const imageOf = ({ inputs, model }: Call, rank: number): [string, FloatArray] | undefined =>
  Object.entries(inputs).find(
    ([name, { shape }]) =>
      shape.length === rank && model.inputs.find((input) => input.name === name)?.dtype === "float32",
  );

/** With `attribute_to_layer_input`, a spatial layer may read what is none. */
export function checkImage(call: Call, shape: readonly number[]): void {
  if (shape.length < 3)
    throw new EngineError(
      `layer "${call.layer?.name}": its value has the shape [N, ${shape.slice(1).join(", ")}], expected an image [N, C, H, W]`,
    );
}

/** A map [N, 1, ...] as the arguments want it, by the name of the input it is laid over. Call inside tf.tidy. */
export function finished(call: Call, map: Tensor): Record<string, Tensor> {
  const { relu_attributions, interpolate: mode } = call.arguments as {
    interpolate: Interpolation | "none";
  } & Arguments;
  const own = relu_attributions ? tf.relu(map) : map;
  const image = imageOf(call, map.rank);
  if (mode === "none") return { [image?.[0] ?? mapName(call)]: own };
  if (!image)
    throw new EngineError(
      `layer "${call.layer?.name}" gives a map [N, ${map.shape.slice(1).join(", ")}], and no attributed input has ${map.rank} dimensions; choose another layer, or interpolate: none`,
    );
  const [name, { shape }] = image;
  return { [name]: interpolate(own, shape.slice(2), mode) };
}

/** Axes behind the channels. */
export const places = (x: Tensor): number[] => x.shape.slice(2).map((_, i) => i + 2);

/** Sum over the channels, which stay as one. */
export const overChannels = (x: Tensor): Tensor => tf.sum(x, 1, true);
