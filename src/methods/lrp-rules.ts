/** The rules of LRP for layers with weights, as both of its modes use them. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Node } from "../graph";
import type { Call } from "../ops/op";
import type { Rules, Visit } from "../program";

export type Thunks = NonNullable<ReturnType<NonNullable<Rules["through"]>>>;

/** How a layer hands relevance back: z with other weights (as they are, if not given), kept off zero by epsilon. */
export interface LayerRule {
  epsilon: number;
  weights?: (w: Tensor) => Tensor;
  /** Relevance goes on as it is. */
  passes?: boolean;
}

export const STABLE = 1e-9;
export const epsilonRule = (epsilon = STABLE): LayerRule => ({ epsilon });
/** More for what speaks for the class. */
export const gammaRule = (gamma = 0.25): LayerRule => ({
  epsilon: STABLE,
  weights: (w) => tf.add(w, tf.mul(tf.relu(w), gamma)),
});
export const ALPHA1_BETA0: LayerRule = { epsilon: STABLE, weights: tf.relu };
export const IDENTITY: LayerRule = { epsilon: STABLE, passes: true };

/** The rule of a node that has weights. */
export type RuleOf = (node: Node) => LayerRule;

export const CONVOLUTIONS = ["Conv", "ConvTranspose"];

/** R / (z + ε·sgn z), where sgn 0 is 1. */
export const shared = (relevance: Tensor, z: Tensor, epsilon: number): Tensor =>
  tf.div(relevance, tf.add(z, tf.sub(epsilon, tf.mul(tf.step(tf.neg(z)), 2 * epsilon))));

const WEIGHTED = new Set([...CONVOLUTIONS, "Gemm", "MatMul", "BatchNormalization"]);
export const hasWeights = ({ node, active }: Pick<Visit, "node" | "active">): boolean =>
  WEIGHTED.has(node.op) && active[0] && !active.slice(1).some(Boolean);

export const isLinear = ({ origin }: Node): boolean => /^aten\.(linear|addmm)\b/.test(origin?.aten ?? "");

/** The node with the weights of the rule, of which nothing is kept with the model. */
const modified = ({ call }: Pick<Visit, "call">, { weights }: LayerRule): Call<unknown> => ({
  ...call,
  x: call.x.map((v, i) => (i === 1 && weights ? weights(v) : v)),
  derived: (key, make) => (weights ? make() : call.derived(key, make)),
});

/** Jᵀ(R / z) of a layer. A Linear may be a product and a sum, of which the sum passes everything on. */
export function connected(visit: Visit, rule: LayerRule): Tensor {
  const { node, def, dy, call, ref, module } = visit;
  const z = isLinear(node) ? (module.ref ?? module).y : (ref ?? call).y[0];
  return def.vjp!([shared(dy[0], z, rule.epsilon)], modified(visit, rule))[0]!();
}

/** A walk that makes the z of the rules: every layer reads what it read in the first one. */
export const making =
  (ruleOf: RuleOf): Rules["made"] =>
  (visit) => {
    if (!hasWeights(visit)) return undefined;
    return [visit.def.forward!(modified(visit, ruleOf(visit.node)))].flat() as Tensor[];
  };
