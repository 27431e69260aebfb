/**
 * What the class activation maps share: a layer's channels, weighed and added to one map [N, 1, ...], which is brought to the
 * size of the input that it is laid over.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { FloatArray, Model } from "../engine";
import { EngineError } from "../support";
import { interpolate, type Interpolation } from "./interpolate";
import { activationAndGradient, insideOf, layerValue, mapName, outward, spatialLayerParam } from "./layers";
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
  /** [N, C, ...] both -> [N, 1, ...], or a map for each channel; called inside tf.tidy. */
  map: (activation: Tensor, gradient: Tensor, args: Arguments) => Tensor;
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
      return finished(call, map(activation, gradient, call.arguments));
    });
    return download(found);
  },
});

export const noImage = (model: Model): string | undefined =>
  model.inputs.some(({ dtype, shape }) => dtype === "float32" && shape.length > 2)
    ? undefined
    : "no input is an image [N, C, H, W]";

/** The attributed inputs that are images, of `rank` dimensions where it is given. */
export const imagesOf = ({ inputs, model }: Call, rank?: number): [string, FloatArray][] =>
  Object.entries(inputs).filter(
    ([name, { shape }]) =>
      (rank ? shape.length === rank : shape.length > 2) &&
      model.inputs.find((input) => input.name === name)?.dtype === "float32",
  );

/** What a layer's map of that shape is laid over: the first attributed image with as many dimensions. */
export function imageFor(call: Call, shape: readonly number[]): [string, FloatArray] {
  const [image] = imagesOf(call, shape.length);
  if (image) return image;
  throw new EngineError(
    `layer "${call.layer?.name}" has the shape [N, ${shape.slice(1).join(", ")}], and no attributed input has ${shape.length} dimensions; choose another layer`,
  );
}

/** With `attribute_to_layer_input`, a spatial layer may read what is none. */
export function checkImage(call: Call, shape: readonly number[]): void {
  if (shape.length < 3)
    throw new EngineError(
      `layer "${call.layer?.name}": its value has the shape [N, ${shape.slice(1).join(", ")}], expected an image [N, C, H, W]`,
    );
}

/** A layer's value for the batch, [N, C, ...]. */
export async function activationOf(call: Call): Promise<FloatArray> {
  const { model, inputs, additional } = call;
  const value = layerValue(call);
  const activation = tf.tidy(() =>
    outward(model, value, insideOf(model, value, model.upload({ ...inputs, ...additional }))),
  );
  const found = await download({ activation });
  checkImage(call, found.activation.shape);
  return found.activation;
}

/** A map [N, 1 or C, ...] as the arguments want it, by the name of the input it is laid over. Call inside tf.tidy. */
export function finished(call: Call, map: Tensor): Record<string, Tensor> {
  const mode = call.arguments.interpolate as Interpolation | "none";
  const own = call.arguments.relu_attributions ? tf.relu(map) : map;
  if (mode === "none") return { [imagesOf(call, map.rank)[0]?.[0] ?? mapName(call)]: own };
  const [name, { shape }] = imageFor(call, map.shape);
  return { [name]: interpolate(own, shape.slice(2), mode) };
}

/** Axes behind the channels. */
export const places = (x: Tensor): number[] => x.shape.slice(2).map((_, i) => i + 2);

/** Sum over the channels, which stay as one. */
export const overChannels = (x: Tensor): Tensor => tf.sum(x, 1, true);
