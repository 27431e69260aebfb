/**
 * DeepLIFT's rescale rule (Shrikumar et al. 2017) as captum.attr.DeepLift 0.9 computes it: one forward walk sees the inputs
 * and the baselines as one batch [x; b], every hook gets both halves, and where Captum departs from the paper it says so.
 * The paper's own rule, for all of the graph, is `rescale.ts`.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Model } from "../engine";
import type { NDArray } from "../graph";
import { maxUnpool } from "../ops/pool";
import type { HookCall, Rules, Value } from "../program";
import type { Arguments, ArgumentValue, Call, Maps, Method, ParamSpec } from "./method";
import { modeParam } from "./modes";
import { multiplied, multiplyByInputs } from "./multiplied";
import { EPSILON, MULTIPLIER_RULES } from "./rescale";
import { download, gradients, inChunks, rowsOf } from "./steps";

/** x - b, once for each half. */
function difference(both: Tensor): Tensor {
  const [x, b] = tf.split(both, 2);
  const d = tf.sub(x, b);
  return tf.concat([d, d]);
}

/** dOut / dIn where the inputs differ, else the gradient. */
function rescale(multiplied: Tensor, dIn: Tensor, otherwise: Tensor): Tensor {
  const same = tf.less(tf.abs(dIn), EPSILON);
  return tf.where(same, otherwise, tf.div(multiplied, tf.where(same, tf.onesLike(dIn), dIn)));
}

const nonlinear = ({ x, y, gradInput, gradOutput }: HookCall): Tensor =>
  rescale(tf.mul(gradOutput, difference(y)), difference(x), gradInput);

/** Captum takes off the mean over the whole batch of both halves, so a result depends on its batch mates. */
function softmax(call: HookCall): Tensor {
  const u = nonlinear(call);
  return tf.sub(u, tf.div(tf.sum(u), u.size));
}

/**
 * Cross-maximum rule. Captum's unpooling assigns, so windows that share a maximum lose mass; and where the inputs are equal
 * it takes the first example's gradient for all.
 */
function maxPool({ x, y, gradInput, gradOutput, attrs }: HookCall): Tensor {
  const [yx, yb] = tf.split(y, 2);
  const most = tf.maximum(yx, yb);
  const delta = tf.concat([tf.sub(most, yb), tf.sub(yx, most)]);
  const [ux, ub] = tf.split(maxUnpool(tf.mul(gradOutput, delta), x, y, attrs, true), 2);
  const u = tf.add(ux, ub);
  const first = tf.slice(gradInput, 0, 1);
  return rescale(tf.concat([u, u]), difference(x), tf.tile(first, [x.shape[0], ...Array<number>(x.rank - 1).fill(1)]));
}

/** One batch after the other. */
function joined(a: Value, b: Value): Value {
  if (a instanceof tf.Tensor) return tf.concat([a, b as Tensor]);
  const data = [a, b as NDArray].flatMap((array) => Array.from(array.data as Float64Array));
  const shape = [a.shape[0] + b.shape[0], ...a.shape.slice(1)];
  return { dtype: a.dtype, shape, data: a.dtype === "int64" ? Float64Array.from(data) : Int32Array.from(data) };
}

const activation = "torch.nn.modules.activation";
const pooling = "torch.nn.modules.pooling";
const POOLS = ["MaxPool1d", "MaxPool2d", "MaxPool3d"];
const HOOKS: Rules["hooks"] = {
  ...Object.fromEntries(
    ["ReLU", "ELU", "LeakyReLU", "Sigmoid", "Tanh", "Softplus"].map((name) => [`${activation}.${name}`, nonlinear]),
  ),
  ...Object.fromEntries(POOLS.map((name) => [`${pooling}.${name}`, maxPool])),
  [`${activation}.Softmax`]: softmax,
};

/** Which samples of a batch Captum lets disturb the others: a softmax all of them, a pool the first one. */
type Mates = "all" | "first" | "none";

export function matesOf({ layers }: Model, mode: ArgumentValue): Mates {
  const has = (names: readonly string[]) =>
    layers.some(({ class: name }) => names.some((n) => name === `torch.nn.${n}`));
  if (mode === "exact") return "none";
  return has(["Softmax"]) ? "all" : has(POOLS) ? "first" : "none";
}

/**
 * Calls `work` for `total` rows in chunks, as if they were one batch: the mates of a chunk are in it. `take` gets the maps
 * of the rows from `start` on.
 */
export async function inBatches(
  call: Call,
  mates: Mates,
  total: number,
  work: (rows: readonly number[], start: number, end: number) => Promise<Maps>,
  take: (start: number, maps: Maps) => Promise<void>,
): Promise<void> {
  const chunk = async (start: number, end: number) => {
    const own = Array.from({ length: end - start }, (_, k) => start + k);
    const led = mates === "first" && start > 0;
    const maps = await work(led ? [0, ...own] : own, start, end);
    await take(start, led ? rowsOf(maps, own.map((_, k) => k + 1)) : maps); // prettier-ignore
  };
  if (mates === "all") await chunk(0, total);
  else await inChunks(call, total, chunk);
}

type Rows = Pick<Call, "model" | "inputs" | "baselines" | "additional" | "target">;

/** Each row against its own baseline. */
export function lift({ model, inputs, baselines, additional, target }: Rows, args: Arguments): Promise<Maps> {
  const names = Object.keys(inputs);
  const maps = tf.tidy(() => {
    const x = model.upload({ ...inputs, ...additional });
    const b = model.upload({ ...baselines, ...additional });
    const both = () => Object.fromEntries(Object.keys(x).map((name) => [name, joined(x[name], b[name])]));
    const found =
      args.mode === "exact"
        ? gradients(model, x, target, names, { ...MULTIPLIER_RULES, reference: b })
        : gradients(model, both(), [...target, ...target], names, { hooks: HOOKS });
    return Object.fromEntries(
      names.map((name) => {
        const slope = tf.slice(found[name], 0, target.length);
        return [name, multiplied(args, slope, x[name] as Tensor, b[name] as Tensor)];
      }),
    );
  });
  return download(maps);
}

export const liftParams: readonly ParamSpec[] = [
  modeParam(
    "Captum's numbers, with its departures from the paper: activations that are not modules of nine classes get the plain gradient, a branch that shares its tensor with an nn.ReLU is dropped; exact: the rescale rule for all of the graph",
  ),
  multiplyByInputs,
];

export const deepLift: Method = {
  name: "Deep Lift",
  group: "Relevance",
  cost: "2 passes",
  summary: "How the difference to the baseline spreads through the network",
  source: "Shrikumar et al. 2017; captum.attr.DeepLift",
  params: liftParams,
  baselines: "one",
  embeds: true,
  complete: true,
  signed: () => true,
  attribute: (call) => lift(call, call.arguments),
};
