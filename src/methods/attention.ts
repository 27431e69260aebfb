/**
 * What the attention methods share: the attentions of all layers, the product over the layers that says how much of each
 * token has come into each other one, and the way from tokens to a picture or to a text.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { FloatArray, Model } from "../engine";
import { EngineError } from "../support";
import { interpolate, type Interpolation } from "./interpolate";
import type { Call, Maps, ParamSpec } from "./method";
import { download } from "./steps";
import { interpolateParam } from "./cam";

export const attentionParams: readonly ParamSpec[] = [
  {
    name: "from",
    kind: "enum",
    default: "first token",
    options: ["first token", "last token", "mean"],
    help: "Where the model reads its answer: from the first token (a class token), the last one, or the mean of all",
  },
  interpolateParam,
];

export function noAttention(model: Model): string | undefined {
  const found = model.attentions;
  if (!found.length) return "the graph shows no attention: no softmax over the last axis weighs another value";
  const lengths = [...new Set(found.flatMap(({ shape }) => shape.at(-2) ?? []))];
  return lengths.length > 1
    ? `its attentions are between different tokens: of ${lengths.join(", ")} in one layer and another`
    : undefined;
}

/** Attentions as [N, heads, T, T], in order; throws where they are not all between the same tokens. Call inside tf.tidy. */
export function attentionsOf(call: Call): { value: string; weights: Tensor4D }[] {
  const { model, inputs, additional, target } = call;
  const names = model.attentions.map(({ value }) => value);
  const found = model.inner(model.upload({ ...inputs, ...additional }), names);
  const tokens = found[names[0]].shape.at(-1)!;
  return names.map((value) => {
    const { shape } = found[value];
    const own = shape.length === 4 ? shape[0] === target.length : shape[0] % target.length === 0;
    if (!own || shape.length < 3 || shape.at(-1) !== tokens || shape.at(-2) !== tokens)
      throw new EngineError(
        `the attention "${value}" has the shape [${shape.join(", ")}], expected [${target.length}, heads, ${tokens}, ${tokens}]: between the same tokens in every layer, without windows`,
      );
    return { value, weights: tf.reshape(found[value], [target.length, -1, tokens, tokens]) };
  });
}

/** Of every token the share that has come into the one the answer is read from: [N, T] of the layers' [N, T, T]. */
export function share(layers: readonly Tensor3D[], from: string): Tensor {
  const [, tokens] = layers[0].shape;
  const [first, ...others] = layers;
  const product = others.reduce((sofar, layer) => tf.matMul(layer, sofar), first);
  if (from === "mean") return tf.mean(product, 1);
  const row = from === "first token" ? 0 : tokens - 1;
  return tf.squeeze(tf.slice(product, [0, row, 0], [-1, 1, -1]), [1]);
}

/** Tokens in front of the picture's patches: a class token, one for distillation, registers. */
const MOST_EXTRA = 5;

/** Values of the tokens, [N, T] -> a map of the first attributed input that has such tokens. */
export function overInput(call: Call, values: Tensor): Promise<Maps> {
  const mode = call.arguments.interpolate as Interpolation | "none";
  const [count, tokens] = values.shape;
  for (const [name, { shape }] of Object.entries(call.inputs)) {
    for (let extra = 0; extra <= MOST_EXTRA; extra++) {
      const size = laidOut(shape, tokens - extra);
      if (!size) continue;
      const map = tf.tidy(() => {
        const own = tf.reshape(tf.slice(values, [0, extra], [count, tokens - extra]), [count, ...size]);
        return size.length === 1 || mode === "none" ? own : interpolate(own, shape.slice(2), mode);
      });
      values.dispose();
      return download({ [name]: map });
    }
  }
  values.dispose();
  const shapes = Object.values(call.inputs).map(({ shape }: FloatArray) => `[N, ${shape.slice(1).join(", ")}]`);
  throw new EngineError(
    `the attention is between ${tokens} tokens; no attributed input (${shapes.join(", ")}) is a text of as many, or an image of as many patches`,
  );
}

/** How tokens lie in an input: [T] in a text, [1, h, w] in an image of square patches; undefined where they do not fit. */
function laidOut([, ...shape]: readonly number[], tokens: number): number[] | undefined {
  if (shape.length === 1) return shape[0] === tokens ? [tokens] : undefined;
  if (shape.length !== 3) return undefined;
  const [, height, width] = shape;
  const h = Math.round(Math.sqrt((tokens * height) / width));
  return h > 0 && tokens > 1 && tokens % h === 0 && h * width === (tokens / h) * height
    ? [1, h, tokens / h]
    : undefined;
}
