/** LRP with Captum 0.9's numbers. */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Layer, Model } from "../engine";
import type { Node } from "../graph";
import type { HookCall, Rules } from "../program";
import { connected, hasWeights, isLinear, making, shared, STABLE, type RuleOf } from "./lrp-rules";

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
export function refused({ layers }: Model): Layer | undefined {
  const known = new Set([...RULED, ...PASSING, ...MOVING].map((name) => name.replace(/modules\.\w+\./, "")));
  const isLeaf = ({ name }: Layer) => !layers.some((other) => other.name.startsWith(`${name}.`));
  return layers.find((layer) => isLeaf(layer) && !known.has(layer.class));
}

/**
 * Captum's hooks: a layer's output is divided by z, the total gradient at its input, that of other readers included, is
 * multiplied by x, once. What is no module, such as a sum of two branches or a functional relu, hands relevance on by its
 * gradient, where the layers before it with the weights of their rules have brought it.
 */
export function captumRules(ruleOf: RuleOf, reference: Rules["reference"]): Rules {
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
