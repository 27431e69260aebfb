/** What the layer and CAM methods share: the layer menu's rule, a layer's activation and gradient in ONNX's order. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Layer, Model } from "../engine";
import { sizeOf, type ValueName } from "../graph";
import type { Value } from "../program";
import { EngineError } from "../support";
import { leafValues, leavesOf } from "./leaves";
import type { Call, ParamSpec } from "./method";
import { between, type Point } from "./path";
import { gradients, rowsOf } from "./steps";

/** Its output is [N, C, ...] with more than one place. */
export const isSpatial = (model: Model, { shape, value }: Layer): boolean =>
  shape.length > 2 && sizeOf(shape.slice(2).map((d) => d ?? 2)) > 1 && model.isImage(value);

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

export const layerInputParam: ParamSpec = {
  name: "attribute_to_layer_input",
  kind: "bool",
  default: false,
  help: "What the layer reads, instead of what it gives",
};

/** The value that the arguments `layer` and `attribute_to_layer_input` stand for. */
export function layerValue(call: Call): ValueName {
  const { name, value, input } = call.layer!;
  const chosen = call.arguments.attribute_to_layer_input ? input : value;
  if (chosen !== null) return chosen;
  throw new EngineError(`layer "${name}" reads nothing but constants; look at its output instead`);
}

/** From the graph's own layout to ONNX's. */
export const outward = (model: Model, value: ValueName, x: Tensor): Tensor =>
  model.isChannelsLast(value) ? tf.transpose(x, [0, x.rank - 1, ...places(x.rank)]) : x.clone();

/** Axes 1 .. rank - 2. */
const places = (rank: number): number[] => Array.from({ length: rank - 2 }, (_, i) => i + 1);

/** A layer's value for a batch, in the graph's own layout; throws where a row is not a sample. Call inside tf.tidy. */
export function insideOf(model: Model, value: ValueName, inputs: Readonly<Record<string, Value>>): Tensor {
  const inside = model.inner(inputs, [value])[value];
  const [given] = Object.values(inputs);
  if (inside.shape[0] !== given.shape[0])
    throw new EngineError(
      `the layer's value "${value}" has the shape [${inside.shape.join(", ")}] for ${given.shape[0]} samples; expected one row for each`,
    );
  return tf.cast(inside, "float32");
}

/** A layer's value for a batch and the gradient of the targets' outputs by it, both in ONNX's order. Call inside tf.tidy. */
export function activationAndGradient(
  model: Model,
  value: ValueName,
  inputs: Readonly<Record<string, Value>>,
  target: readonly number[],
): { activation: Tensor; gradient: Tensor } {
  const inside = insideOf(model, value, inputs);
  const gradient = gradients(model, { ...inputs, [value]: inside }, target, [value])[value];
  return { activation: outward(model, value, inside), gradient: outward(model, value, gradient) };
}

/** The straight way of all samples from the baselines to the inputs; integers take it at the embeddings that look them up. */
export interface Way {
  /** What the model reads at some points. Call inside tf.tidy. */
  at(points: readonly Point[]): Record<string, Value>;
  dispose(): void;
}

export async function wayOf(call: Call): Promise<Way> {
  const { model, inputs, baselines, additional } = call;
  const leaves = await leavesOf(model, { ...inputs, ...additional }, Object.keys(inputs));
  const chosen = (arrays: Call["inputs"], looked: boolean) =>
    Object.fromEntries(Object.entries(arrays).filter(([name]) => !!leaves[name] === looked));
  const end = async (arrays: Call["inputs"]) => ({
    ...chosen(arrays, false),
    ...(await leafValues(model, leaves, { ...additional, ...arrays })),
  });
  const [to, from] = [await end(inputs), await end(baselines)];
  const fixed = { ...additional, ...chosen(inputs, true) };
  const ends = Object.entries(to).map(([name, { data, shape }]) => {
    const half = (values: Float32Array) => tf.tensor(values, shape);
    return [name, tf.tidy(() => tf.concat([half(data), half(from[name].data)]))] as const;
  });
  return {
    at: (points) => ({
      ...Object.fromEntries(ends.map(([name, both]) => [name, between(both, points)])),
      ...model.upload(rowsOf(fixed, points.map(({ sample }) => sample))), // prettier-ignore
    }),
    dispose: () => tf.dispose(ends.map(([, both]) => both)),
  };
}

/** Maps of a layer go by the first attributed input's name. */
export const mapName = ({ inputs }: Call): string => Object.keys(inputs)[0];
