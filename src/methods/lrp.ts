/**
 * Layer-wise relevance propagation (Bach et al. 2015; rules after Montavon et al. 2019): the output is handed back layer by
 * layer, each layer's input x getting x · Jᵀ(R / z), z being what the layer made of x with the weights of the rule.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Layer, Model } from "../engine";
import type { Node } from "../graph";
import { unbroadcast } from "../ops/broadcast";
import { grouped, lastAxes, normalised } from "../ops/norm";
import type { Call as NodeCall } from "../ops/op";
import type { HookCall, Rules, Visit } from "../program";
import { EngineError } from "../support";
import type { Call, Maps, Method } from "./method";
import { bounded, modeParam } from "./modes";
import { download, seedOf } from "./steps";

type Thunks = NonNullable<ReturnType<NonNullable<Rules["through"]>>>;

/** How a layer hands relevance back: z with other weights (as they are, if not given), kept off zero by epsilon. */
export interface LayerRule {
  epsilon: number;
  weights?: (w: Tensor) => Tensor;
  /** Relevance goes on as it is. */
  passes?: boolean;
}

const STABLE = 1e-9;
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

/** What a composite chooses by. */
interface Place {
  convolution: boolean;
  /** One of the first half of the convolutional layers. */
  low: boolean;
}

type Composite = (place: Place, epsilon: LayerRule, gamma: LayerRule) => LayerRule;

const COMPOSITES: Readonly<Record<string, Composite>> = {
  epsilon: (_, epsilon) => epsilon,
  gamma: (_, __, gamma) => gamma,
  alpha1_beta0: () => ALPHA1_BETA0,
  epsilon_gamma: ({ low }, epsilon, gamma) => (low ? gamma : epsilon),
  epsilon_plus: ({ convolution }, epsilon) => (convolution ? ALPHA1_BETA0 : epsilon),
};

const CONVOLUTIONS = ["Conv", "ConvTranspose"];

function composed(model: Model, rule: string, epsilon: number, gamma: number): RuleOf {
  const convolutions = model.layers.filter(({ class: name }) => /^torch\.nn\.Conv/.test(name)).map(({ name }) => name);
  const low = new Set(convolutions.slice(0, Math.ceil(convolutions.length / 2)));
  return ({ op, origin }) => {
    // A normalisation's scale is not what it connects by.
    if (op === "BatchNormalization") return epsilonRule(epsilon);
    const place = { convolution: CONVOLUTIONS.includes(op), low: low.has(origin?.path ?? "") };
    return COMPOSITES[rule](place, epsilonRule(epsilon), gammaRule(gamma));
  };
}

/** R / (z + ε·sgn z), where sgn 0 is 1. */
const shared = (relevance: Tensor, z: Tensor, epsilon: number): Tensor =>
  tf.div(relevance, tf.add(z, tf.sub(epsilon, tf.mul(tf.step(tf.neg(z)), 2 * epsilon))));

const WEIGHTED = new Set([...CONVOLUTIONS, "Gemm", "MatMul", "BatchNormalization"]);
const hasWeights = ({ node, active }: Pick<Visit, "node" | "active">): boolean =>
  WEIGHTED.has(node.op) && active[0] && !active.slice(1).some(Boolean);

const isLinear = ({ origin }: Node): boolean => /^aten\.(linear|addmm)\b/.test(origin?.aten ?? "");

/** The node with the weights of the rule, of which nothing is kept with the model. */
const modified = ({ call }: Pick<Visit, "call">, { weights }: LayerRule): NodeCall<unknown> => ({
  ...call,
  x: call.x.map((v, i) => (i === 1 && weights ? weights(v) : v)),
  derived: (key, make) => (weights ? make() : call.derived(key, make)),
});

/** Jᵀ(R / z) of a layer. A Linear may be a product and a sum, of which the sum passes everything on. */
function connected(visit: Visit, rule: LayerRule): Tensor {
  const { node, def, dy, call, ref, module } = visit;
  const z = isLinear(node) ? (module.ref ?? module).y : (ref ?? call).y[0];
  return def.vjp!([shared(dy[0], z, rule.epsilon)], modified(visit, rule))[0]!();
}

/** A walk that makes the z of the rules: every layer reads what it read in the first one. */
const making =
  (ruleOf: RuleOf): Rules["made"] =>
  (visit) => {
    if (!hasWeights(visit)) return undefined;
    return [visit.def.forward!(modified(visit, ruleOf(visit.node)))].flat() as Tensor[];
  };

// ------------------------------------------------------------------------------------------------------------- captum

const nn = (modules: string, names: readonly string[]) => names.map((name) => `torch.nn.modules.${modules}.${name}`);
const RULED = new Set([
  ...nn("conv", ["Conv2d"]),
  ...nn("linear", ["Linear"]),
  ...nn("batchnorm", ["BatchNorm2d"]),
  ...nn("pooling", ["MaxPool1d", "MaxPool2d", "MaxPool3d", "AvgPool2d", "AdaptiveAvgPool2d"]),
  "captum.attr._utils.custom_modules.Addition_Module",
]);
const PASSING = [...nn("activation", ["ReLU", "Tanh"]), ...nn("dropout", ["Dropout"])];
/** Leaves that only move values: Captum refuses them, but there is one way only to go on. */
const MOVING = [...nn("flatten", ["Flatten", "Unflatten"]), ...nn("linear", ["Identity"])];

/** The first leaf module that Captum has no rule for. */
function refused({ layers }: Model): Layer | undefined {
  const known = new Set([...RULED, ...PASSING, ...MOVING].map((name) => name.replace(/modules\.\w+\./, "")));
  const isLeaf = ({ name }: Layer) => !layers.some((other) => other.name.startsWith(`${name}.`));
  return layers.find((layer) => isLeaf(layer) && !known.has(layer.class));
}

/**
 * Captum's hooks: a layer's output is divided by z, the total gradient at its input, that of other readers included, is
 * multiplied by x, once. What is no module, such as a sum of two branches or a functional relu, hands relevance on by its
 * gradient, where the layers before it with the weights of their rules have brought it.
 */
function captumRules(ruleOf: RuleOf, reference: Rules["reference"]): Rules {
  const multiplied = new WeakSet<Tensor>();
  /** What became of the gradient at a tensor: an activation before it looks there. */
  const replaced = new WeakMap<Tensor, Tensor>();
  /** Relevance that an identity hands to its input. */
  const given = new WeakMap<Tensor, Tensor>();
  const layer = ({ x, gradInput }: HookCall): Tensor => {
    if (multiplied.has(x)) return gradInput;
    multiplied.add(x);
    const relevance = given.get(x) ?? tf.mul(gradInput, x);
    replaced.set(gradInput, relevance);
    return relevance;
  };
  const activation = ({ gradOutput }: HookCall): Tensor => replaced.get(gradOutput) ?? gradOutput;
  const made = making(ruleOf)!;
  const isRuled = ({ origin }: Node) => !!origin && RULED.has(origin.class);
  return {
    hooks: {
      ...Object.fromEntries([...RULED].map((name) => [name, layer])),
      ...Object.fromEntries(PASSING.map((name) => [name, activation])),
    },
    reference,
    made: (visit) => {
      if (!isRuled(visit.node)) return undefined;
      return hasWeights(visit) || isLinear(visit.node) ? made(visit) : visit.call.y.map((y) => y && tf.clone(y));
    },
    through: (visit) => {
      const { node, def, dy, call, ref, module } = visit;
      if (!isRuled(node)) return def.vjp!(dy, ref!);
      if (hasWeights(visit)) {
        const rule = ruleOf(node);
        if (rule.passes) given.set(call.x[0], dy[0]);
        return [() => connected(visit, rule)];
      }
      return isLinear(node) || call.y[0] !== module.y ? undefined : def.vjp!([shared(dy[0], call.y[0], STABLE)], call);
    },
  };
}

// -------------------------------------------------------------------------------------------------------------- exact

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
  const { parts, axes, parameter } = grouped(call as NodeCall<object>);
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

const exactRules = (ruleOf: RuleOf, epsilon: number, reference: Rules["reference"]): Rules => ({
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

/** Relevance of the inputs for the targets' outputs, with a rule for each node that has weights. */
export function propagate(
  { model, inputs, additional, target }: Pick<Call, "model" | "inputs" | "additional" | "target">,
  ruleOf: RuleOf,
  mode: "captum" | "exact",
  epsilon = STABLE,
): Promise<Maps> {
  const layer = mode === "captum" ? refused(model) : undefined;
  if (layer)
    throw new EngineError(
      `LRP, argument mode: Captum has no rule for ${layer.class} "${layer.name}"; choose exact, which has one for every operator`,
    );
  const seed = (output: Tensor) => tf.mul(seedOf(output, target), output);
  return download(
    tf.tidy(() => {
      const given = model.upload({ ...inputs, ...additional });
      const rules = mode === "captum" ? captumRules(ruleOf, given) : exactRules(ruleOf, epsilon, given);
      return model.gradients(given, Object.keys(inputs), seed, { rules });
    }),
  );
}

export const lrp: Method = {
  name: "LRP",
  group: "Relevance",
  cost: "2 passes",
  summary: "The output, handed back layer by layer in proportion to what each value contributed",
  source: "Bach et al. 2015; Montavon et al. 2019; captum.attr.LRP",
  params: [
    {
      name: "rule",
      kind: "enum",
      default: "epsilon",
      options: Object.keys(COMPOSITES),
      help: "Of layers with weights; epsilon_gamma: gamma in the lower half of the convolutions, epsilon above; epsilon_plus: alpha1_beta0 in convolutions, epsilon in dense layers",
    },
    {
      name: "epsilon",
      kind: "float",
      default: STABLE,
      min: 1e-12,
      help: "Keeps denominators of the epsilon rule off zero; more takes out what is weak",
    },
    { name: "gamma", kind: "float", default: 0.25, min: 0, help: "How much the gamma rule favours positive weights" },
    modeParam(
      "Captum's numbers, for its modules only; a sum of two branches gives both all of the relevance. exact: every operator has a rule and sums share; recurrent layers get gradient times input, which need not add up",
    ),
  ],
  baselines: "none",
  embeds: true,
  complete: false,
  signed: () => true,
  attribute: (call) => {
    const { rule, epsilon, gamma, mode } = call.arguments as {
      rule: string;
      epsilon: number;
      gamma: number;
      mode: "captum" | "exact";
    };
    return propagate(call, composed(call.model, rule, epsilon, gamma), mode, epsilon);
  },
};
