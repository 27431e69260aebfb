/**
 * What the attention methods share: the attentions of all layers, the product over the layers that says how much of each
 * token has come into each other one, and the way from tokens to a picture or to a text.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor2D, Tensor3D, Tensor4D } from "@tensorflow/tfjs-core";
import type { FloatArray, Model } from "../engine";
import { EngineError } from "../support";
import { interpolateParam } from "./cam";
import { interpolate, type Interpolation } from "./interpolate";
import { outward } from "./layers";
import type { Call, Maps, ParamSpec } from "./method";
import { download, gradients } from "./steps";

export const attentionParams: readonly ParamSpec[] = [
  {
    name: "from",
    kind: "enum",
    default: "auto",
    options: ["auto", "first token", "last token", "mean"],
    help: "Where the model reads its answer: the first token (a class token), the last one, or all; auto finds out",
  },
  interpolateParam,
];

export function noAttention(model: Model): string | undefined {
  const found = model.attentions;
  if (!found.length) return "the graph shows no attention: no softmax over the last axis weighs another value";
  const windows = found.find(({ shape, rows }) => shape.length === 4 && rows > 1);
  if (windows)
    return `its attention is within windows of the image, ${windows.rows} in one layer, not between all tokens`;
  const lengths = [...new Set(found.flatMap(({ shape }) => shape.at(-2) ?? []))];
  return lengths.length > 1
    ? `its attentions are between different tokens: of ${lengths.join(", ")} in one layer and another`
    : undefined;
}

export type Attention = {
  value: string;
  /** [N, heads, T, T]: row by row what a token takes of the others. */
  weights: Tensor4D;
};

/** Attentions as [N, heads, T, T], in order; throws where they are not all between the same tokens. Call inside tf.tidy. */
export function attentionsOf(call: Call): Attention[] {
  const { model, inputs, additional, target } = call;
  const names = model.attentions.map(({ value }) => value);
  const found = model.inner(model.upload({ ...inputs, ...additional }), names);
  const tokens = found[names[0]].shape.at(-1)!;
  return names.map((value) => {
    const own = outward(model, value, found[value]);
    const { shape } = own;
    const fits = shape.length === 4 ? shape[0] === target.length : shape[0] % target.length === 0;
    if (!fits || shape.length < 3 || shape.at(-1) !== tokens || shape.at(-2) !== tokens)
      throw new EngineError(
        `the attention "${value}" has the shape [${shape.join(", ")}], expected [${target.length}, heads, ${tokens}, ${tokens}]: between the same tokens in every layer, without windows`,
      );
    return { value, weights: tf.reshape(own, [target.length, -1, tokens, tokens]) };
  });
}

/** Weights [N, T] of the tokens that the answer is read from. Call inside tf.tidy. */
export function readFrom(call: Call, attentions: readonly Attention[]): Tensor2D {
  const { value, weights } = attentions.at(-1)!;
  const [count, , , tokens] = weights.shape;
  const one = (token: number) => tf.tile(tf.oneHot(tf.tensor1d([token], "int32"), tokens), [count, 1]) as Tensor2D;
  const all = tf.fill([count, tokens], 1 / tokens) as Tensor2D;
  const { from } = call.arguments;
  if (from === "first token") return one(0);
  if (from === "last token") return one(tokens - 1);
  if (from === "mean") return all;
  // What is not read has no gradient at all, after the last attention.
  const reached = tf.sum(tf.abs(gradientBy(call, value, weights)), [1, 3]);
  const read = tf.cast(tf.greater(reached, 0), "float32");
  const number = tf.sum(read, 1, true);
  return tf.where(tf.greater(number, 0), tf.div<Tensor2D>(read, tf.maximum(number, 1)), all);
}

/** The gradient of the targets' outputs by one attention, in its shape. Call inside tf.tidy. */
export function gradientBy(call: Call, value: string, weights: Tensor4D): Tensor4D {
  const given = call.model.upload({ ...call.inputs, ...call.additional });
  // What is given is taken as it is: later attentions must follow from this one, so only this one is.
  const inside = call.model.inner(given, [value])[value];
  const gradient = gradients(call.model, { ...given, [value]: inside }, call.target, [value])[value];
  return tf.reshape(outward(call.model, value, gradient), weights.shape);
}

/** Of every token the share that has come into those with weights in `read`, [N, T], through the layers' [N, T, T]. */
export function share(layers: readonly Tensor3D[], read: Tensor2D): Tensor {
  const start: Tensor = tf.expandDims(read, 1);
  return tf.squeeze(
    layers.reduceRight((row, layer) => tf.matMul(row, layer), start),
    [1],
  );
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
