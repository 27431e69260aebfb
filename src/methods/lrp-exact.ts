/** LRP through every operator: sums share in proportion, so that without biases nothing is lost. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { unbroadcast } from "../ops/broadcast";
import { grouped, lastAxes, normalised } from "../ops/norm";
import type { Call } from "../ops/op";
import type { Rules, Visit } from "../program";
import { connected, hasWeights, isLinear, making, shared, STABLE, type RuleOf, type Thunks } from "./lrp-rules";
import { bounded } from "./modes";

/** x · Jᵀ(R / z) for every input: right for sums and all that is linear, the gradient times the input for all else. */
function proportional({ def, dy, call }: Visit, epsilon: number): Thunks {
  const parts = dy.map((d, k) => d && shared(d, call.y[k], epsilon));
  return def.vjp!(parts, call).map((thunk, i) => thunk && (() => tf.mul(bounded(call.x[i]), thunk())));
}

const times = (x: Tensor, gradient: () => Tensor) => [() => tf.mul(x, gradient())];

/** The root is taken for a constant (Ali et al. 2022). */
const centred = (x: Tensor, share: Tensor, axes: number[], epsilon: number): Tensor => {
  const held = tf.mul(share, normalised(x, axes, epsilon).inverse);
  return tf.sub(held, tf.mean(held, axes, true));
};

const layerNorm = ({ dy, call }: Visit, stable: number): Thunks => {
  const { axis = -1, epsilon = 1e-5 } = call.attrs as { axis?: number; epsilon?: number };
  const [x, scale] = call.x;
  const share = () => tf.mul(shared(dy[0], call.y[0], stable), scale);
  return times(x, () => centred(x, share(), lastAxes(x, axis), epsilon));
};

const groupNorm = ({ dy, call }: Visit, stable: number): Thunks => {
  const { epsilon = 1e-5 } = call.attrs as { epsilon?: number };
  const { parts, axes, parameter } = grouped(call as Call<object>);
  const share = () => tf.mul(tf.reshape(shared(dy[0], call.y[0], stable), parts.shape), parameter(call.x[1]));
  return times(call.x[0], () => tf.reshape(centred(parts, share(), axes, epsilon), call.x[0].shape));
};

type Propagation = (visit: Visit, epsilon: number) => Thunks | undefined;

const each = (ops: readonly string[], rule: Propagation) => Object.fromEntries(ops.map((op) => [op, rule]));
/** The gradient: each value goes back to where it came from. */
const routed: Propagation = () => undefined;
/** All factors count the same (Achtibat et al. 2024). */
const halved: Propagation = ({ dy: [dy], call: { x } }) => x.map(({ shape }) => () => unbroadcast(tf.mul(dy, 0.5), shape)); // prettier-ignore
const halfOfProduct: Propagation = (visit, epsilon) =>
  proportional(visit, epsilon).map((thunk) => thunk && (() => tf.mul(thunk(), 0.5)));
const passed: Propagation = ({ dy: [dy] }) => [() => tf.clone(dy)];
/** What is divided by only scales. */
const dividend: Propagation = ({ dy: [dy], call, active }) =>
  active[0]
    ? [() => unbroadcast(dy, call.x[0].shape), () => tf.zerosLike(call.x[1])]
    : [undefined, () => unbroadcast(dy, call.x[1].shape)];

const PROPAGATION: Readonly<Record<string, Propagation>> = {
  ...each(["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Expand", "Tile"], routed),
  ...each(["Pad", "DepthToSpace", "SpaceToDepth", "Trilu", "Identity", "Dropout", "Cast", "CastLike", "Where"], routed),
  ...each(["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND", "TopK"], routed),
  ...each(["MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Max", "Min"], routed),
  ...each(["MatMul", "Gemm", "Einsum", "Conv", "ConvTranspose"], halfOfProduct),
  Mul: halved,
  Div: dividend,
  LayerNormalization: layerNorm,
  ...each(["GroupNormalization", "InstanceNormalization"], groupNorm),
}; // prettier-ignore

/** f(0) = 0, or the value is only moved or scaled. */
const KEEPS_ZERO = new Set(
  "Relu LeakyRelu PRelu Elu Selu Celu Gelu HardSwish Mish Tanh Softsign Erf Sin Abs Neg Mul Identity Cast Dropout".split(" "),
); // prettier-ignore
const KEEPS_ZERO_IN_TORCH = /^aten\.(gelu|silu|mish|hardswish|elu|tanhshrink)\b/;
/** f(0) is infinite. */
const SINGULAR = new Set(["Reciprocal", "Log", "Div", "Pow", "Acosh"]);

/** y = f(0) + (f(x) - f(0)): what is there without x takes its share, as a bias does. */
const elementwise: Rules["elementwise"] = ({ ops, node, def, call, dy, x, y }) => {
  const [op] = ops;
  const single = ops.length === 1;
  if (isLinear(node) || (single ? KEEPS_ZERO.has(op) : KEEPS_ZERO_IN_TORCH.test(call.aten)))
    return { dx: tf.clone(dy) };
  if (!single || SINGULAR.has(op)) return undefined;
  const zero = tf.zerosLike(x);
  const at = {
    ...call,
    x: call.x.map((v) => (v === x ? zero : v)),
    derived: (_: string, make: () => Tensor) => make(),
  };
  const [alone] = [def.forward!(at)].flat() as Tensor[];
  return { dx: tf.mul(shared(dy, y, STABLE), tf.sub(bounded(y), bounded(alone))) };
};

export const exactRules = (ruleOf: RuleOf, epsilon: number, reference: Rules["reference"]): Rules => ({
  reference,
  made: making(ruleOf),
  elementwise,
  through: (visit) => {
    if (hasWeights(visit)) {
      const [x] = visit.call.x;
      const rule = ruleOf(visit.node);
      return rule.passes ? passed(visit, epsilon) : times(x, () => connected(visit, rule));
    }
    const { op } = visit.node;
    const alone = visit.active.filter(Boolean).length === 1;
    const known = Object.hasOwn(PROPAGATION, op) && !(alone && PROPAGATION[op] === halfOfProduct);
    return known ? PROPAGATION[op](visit, epsilon) : proportional(visit, epsilon);
  },
});
