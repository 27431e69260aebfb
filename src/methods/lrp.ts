/**
 * Layer-wise relevance propagation (Bach et al. 2015; rules after Montavon et al. 2019): the output is handed back layer by
 * layer, each layer's input x getting x · Jᵀ(R / z), z being what the layer made of x with the weights of the rule.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Model } from "../engine";
import { captumRules, refused } from "./lrp-captum";
import { exactRules } from "./lrp-exact";
import { ALPHA1_BETA0, CONVOLUTIONS, epsilonRule, gammaRule, STABLE, type LayerRule, type RuleOf } from "./lrp-rules";
import type { Call, Maps, Method, Plan } from "./method";
import { modeParam } from "./modes";
import { download, seedOf } from "./steps";

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

/** Relevance of the inputs for the targets' outputs, with a rule for each node that has weights. */
export function propagate(
  { model, inputs, additional, target }: Pick<Call, "model" | "inputs" | "additional" | "target">,
  ruleOf: RuleOf,
  mode: "captum" | "exact",
  epsilon = STABLE,
): Promise<Maps> {
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
  plan: ({ mode }, _shapes, _mask, model) => {
    const errors: Plan["errors"] = {};
    const layer = mode === "captum" ? refused(model) : undefined;
    if (layer)
      errors.mode = `Captum has no rule for ${layer.class} "${layer.name}"; choose exact, which has one for every operator`;
    return { errors, workload: null };
  },
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
