/** The methods in menu order, and the one way to call them. */
import type { FloatArray, Layer, Model } from "../engine";
import { sizeOf } from "../graph";
import { EngineError } from "../support";
import { attentionRollout } from "./attention-rollout";
import { blurIntegratedGradients } from "./blur-integrated-gradients";
import { gradientWeightedAttention } from "./chefer";
import { deconvolution } from "./deconvolution";
import { deepLift } from "./deep-lift";
import { deepLiftShap } from "./deep-lift-shap";
import { eigenCam } from "./eigen-cam";
import { featureAblation } from "./feature-ablation";
import { featurePermutation } from "./feature-permutation";
import { gradCamPlusPlus } from "./grad-cam-plus-plus";
import { gradientShap } from "./gradient-shap";
import { guidedBackprop } from "./guided-backprop";
import { guidedGradCam } from "./guided-grad-cam";
import { guidedIntegratedGradients } from "./guided-integrated-gradients";
import { hiresCam } from "./hires-cam";
import { inputXGradient } from "./input-x-gradient";
import { integratedGradients } from "./integrated-gradients";
import { internalInfluence } from "./internal-influence";
import { layerActivation } from "./layer-activation";
import { layerCam } from "./layer-cam";
import { layerConductance } from "./layer-conductance";
import { layerGradCam } from "./layer-grad-cam";
import { layerGradientXActivation } from "./layer-gradient-x-activation";
import { layerIntegratedGradients } from "./layer-integrated-gradients";
import { isSpatial } from "./layers";
import { kernelShap } from "./kernel-shap";
import { gathered, leafValues, leavesOf } from "./leaves";
import { lime } from "./lime";
import { lrp } from "./lrp";
import type { Arguments, ArgumentValue, Call, LayerInfo, Method, MethodInfo, ParamSpec, Plan, Shapes } from "./method";
import { noiseTunnel } from "./noise-tunnel";
import { occlusion } from "./occlusion";
import { isGrouped } from "./perturbation";
import { attributedNames, baselineOf, baselineRows, filled, masksOf, stepOf, targetsOf, type Request } from "./request"; // prettier-ignore
import { rise } from "./rise";
import { saliency } from "./saliency";
import { scoreCam } from "./score-cam";
import { shapleyValueSampling } from "./shapley-value-sampling";
import { shapleyValues } from "./shapley-values";
import { rowsOf, scores } from "./steps";
import { xGradCam } from "./x-grad-cam";

export type { Request } from "./request";

export const METHODS: readonly Method[] = [
  deconvolution,
  deepLift,
  deepLiftShap,
  gradientShap,
  guidedBackprop,
  inputXGradient,
  integratedGradients,
  blurIntegratedGradients,
  guidedIntegratedGradients,
  lrp,
  noiseTunnel,
  saliency,
  featureAblation,
  featurePermutation,
  kernelShap,
  lime,
  occlusion,
  rise,
  shapleyValueSampling,
  shapleyValues,
  layerActivation,
  layerGradientXActivation,
  layerConductance,
  internalInfluence,
  layerIntegratedGradients,
  layerGradCam,
  guidedGradCam,
  gradCamPlusPlus,
  xGradCam,
  hiresCam,
  layerCam,
  eigenCam,
  scoreCam,
  attentionRollout,
  gradientWeightedAttention,
];

export interface Attribution {
  /** By input name: in the input's shape, or in a layer's or a map's, [N, ...]. */
  attributions: Record<string, FloatArray>;
  /** Per sample sum(attributions) - (f(x) - f(baseline)); null for a method that promises no such thing. */
  delta: Float32Array | null;
  /** Per sample f(x) - f(baseline); null where no baseline is used. */
  change: Float32Array | null;
  /** False where the arguments allow no negative value. */
  signed: boolean;
}

/**
 * Explains `target` by a method, with Captum's numbers for the same batch. Throws an EngineError naming the argument, input
 * or target that is wrong, and an AbortError when cancelled.
 */
export async function attribute(model: Model, request: Request): Promise<Attribution> {
  const method = find(request.method);
  await model.activate();
  model.checkInputs(request.inputs);
  const reason = whyNot(method, model);
  if (reason) throw new EngineError(`${method.name} cannot explain this model: ${reason}`);

  const names = attributedNames(model, request);
  const all = Object.fromEntries(
    Object.entries(request.inputs).map(([name, { data, shape }]) => [name, { data: Float32Array.from(data), shape }]),
  );
  const inputs = Object.fromEntries(names.map((name) => [name, all[name]]));
  const additional = Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
  for (const [name, { data }] of Object.entries(inputs)) {
    const bad = data.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0)
      throw new EngineError(`input "${name}" holds ${data[bad]} at position ${bad}; attributions need finite numbers`);
  }
  const shapes = names.map((name) => inputs[name].shape.slice(1));
  const feature_mask = masksOf(inputs, request.feature_mask);
  const { args, errors } = planOf(model, method, request.arguments ?? {}, shapes, feature_mask);
  const [wrong] = Object.entries(errors);
  if (wrong) throw new EngineError(`${method.name}, argument ${wrong[0]}: ${wrong[1]}`);

  const count = inputs[names[0]].shape[0];
  const own = method.baselines === "none" || method.baselines === "one";
  const rows = own ? count : baselineRows(method, request.baselines, names);
  const baselines = Object.fromEntries(
    names.map((name) => [name, baselineOf(name, inputs[name], rows, request.baselines?.[name])]),
  );
  const target = await targetsOf(model, all, request.target, count);
  const step = stepOf(request);
  request.signal?.throwIfAborted();

  const leaves = method.embeds ? await leavesOf(model, all, names) : {};
  type Arrays = Call["inputs"];
  const replaced = (arrays: Arrays) => Object.entries(arrays).filter(([name]) => !leaves[name]);
  const embedded = async (arrays: Arrays) => ({
    ...Object.fromEntries(replaced(arrays)),
    ...(await leafValues(model, leaves, { ...rowsOf(additional, Array<number>(rowCount(arrays)).fill(0)), ...arrays })),
  });
  let offered = performance.now();
  const preview: Call["preview"] = async (maps) => {
    if (!request.onPreview || performance.now() - offered < PREVIEW_MS) return;
    request.onPreview(gathered(leaves, await maps(), inputs));
    offered = performance.now();
  };
  const integers = Object.fromEntries(Object.entries(inputs).filter(([name]) => leaves[name]));
  // What else follows from the integers, as a mask of padding, stays the sample's own: the path leads through embeddings.
  const from = { baselines: await embedded(baselines), additional: { ...additional, ...integers } };
  const maps = await method.attribute({
    model,
    inputs: await embedded(inputs),
    ...from,
    target,
    arguments: args,
    layer: layerOf(model, method, args),
    feature_mask,
    step,
    preview,
  });
  request.signal?.throwIfAborted();

  const attributions = gathered(leaves, maps, inputs);
  checkMaps(method, attributions);
  const signed = method.signed(args);
  if (method.baselines === "none") return { attributions, delta: null, change: null, signed };
  const fx = await scores(model, all, target);
  const fb = own
    ? await scores(model, { ...from.baselines, ...from.additional }, target)
    : await meanScores(model, from.baselines, from.additional, target);
  const change = fx.map((v, i) => v - fb[i]);
  const addsUp = method.complete && args.multiply_by_inputs !== false && !isGrouped(args, shapes, feature_mask);
  const delta = addsUp ? change.map((c, i) => sumOf(attributions, i) - c) : null;
  return { attributions, delta, change, signed };
}

/** A map with holes would be drawn as if nothing were there. */
function checkMaps({ name }: Method, maps: Record<string, FloatArray>): void {
  for (const [input, { data }] of Object.entries(maps)) {
    const bad = data.filter((v) => !Number.isFinite(v));
    if (bad.length)
      throw new EngineError(
        `${name} gives ${bad[0]} for ${bad.length} of the ${data.length} values of "${input}": the model's output, its gradient or one of its layers is no finite number there`,
      );
  }
}

/** Between two previews. */
const PREVIEW_MS = 150;

const rowCount = (arrays: Readonly<Record<string, FloatArray>>): number => Object.values(arrays)[0].shape[0];

/** For each sample the mean output over all baselines. */
async function meanScores(
  model: Model,
  baselines: Call["baselines"],
  additional: Call["additional"],
  target: readonly number[],
): Promise<Float32Array> {
  const rows = rowCount(baselines);
  const means = new Float32Array(target.length);
  for (let i = 0; i < target.length; i++) {
    const inputs = { ...baselines, ...rowsOf(additional, Array<number>(rows).fill(i)) };
    means[i] = (await scores(model, inputs, [target[i]])).reduce((sum, v) => sum + v, 0) / rows;
  }
  return means;
}

/** What a call would take, and what is wrong with its arguments, without computing. `shapes` without the batch. */
export function plan(model: Model, name: string, args: Arguments, shapes: Shapes): Plan {
  const { errors, workload } = planOf(model, find(name), args, shapes, null);
  return { errors, workload };
}

/** What each method declares, and why it cannot be applied to this model where it cannot. */
export const describeMethods = (model: Model): (MethodInfo & { whyNot?: string })[] =>
  METHODS.map((method) => {
    const { name, group, cost, summary, source, params, baselines, together, complete } = method;
    return { name, group, cost, summary, source, params, baselines, together, complete, whyNot: whyNot(method, model) };
  });

/** The layer menu. */
export function describeLayers(model: Model): LayerInfo[] {
  const embeds = new Map<string, LayerInfo["embeds"]>();
  for (const { name: input } of model.inputs) {
    for (const { value, indices } of model.embeddings(input)) {
      // A module around an embedding gives the same value.
      const innermost = model.layers.filter((layer) => layer.value === value).sort(byDepth)[0];
      if (innermost) embeds.set(innermost.name, { input, all: indices === input });
    }
  }
  return model.layers.map((layer) => ({
    name: layer.name,
    class: layer.class,
    shape: layer.shape,
    spatial: isSpatial(model, layer),
    embeds: embeds.get(layer.name),
  }));
}

/** The deepest first. */
const byDepth = (a: Layer, b: Layer): number => b.name.split(".").length - a.name.split(".").length;

function whyNot(method: Method, model: Model): string | undefined {
  for (const spec of method.params) {
    if (spec.kind === "layer" && !model.layers.some((layer) => fits(model, spec, layer)))
      return spec.spatial ? "no module of it gives an image, [N, C, H, W]" : "it has no modules";
  }
  return method.whyNot?.(model);
}

function find(name: string): Method {
  const method = METHODS.find((m) => m.name === name);
  if (!method)
    throw new EngineError(`method "${name}" does not exist; choose one of ${METHODS.map((m) => m.name).join(", ")}`);
  return method;
}

function planOf(
  model: Model,
  method: Method,
  given: Arguments,
  shapes: Shapes,
  feature_mask: Call["feature_mask"],
): Plan & { args: Arguments } {
  const { args, errors } = filled(method, given);
  for (const spec of method.params) {
    const error = errors[spec.name] ?? checkLayer(model, spec, args[spec.name]);
    if (error) errors[spec.name] = error;
  }
  if (Object.keys(errors).length) return { args, errors, workload: null };
  return { args, ...(method.plan?.(args, shapes, feature_mask, model) ?? { errors, workload: null }) };
}

/** Modules that an argument of the kind "layer" can name. */
const layersFor = (model: Model, spec: { spatial: boolean }): readonly Layer[] =>
  model.layers.filter((layer) => fits(model, spec, layer));

const fits = (model: Model, { spatial }: { spatial: boolean }, layer: Layer): boolean =>
  !spatial || isSpatial(model, layer);

function checkLayer(model: Model, spec: ParamSpec, value: ArgumentValue): string | undefined {
  if (spec.kind !== "layer" || value === null) return undefined;
  const layer = model.layers.find(({ name }) => name === value);
  if (layer)
    return fits(model, spec, layer)
      ? undefined
      : `the output of "${layer.name}" has the shape [${layer.shape.map((d) => d ?? "N").join(", ")}], expected an image [N, C, H, W]`;
  const names = layersFor(model, spec).map(({ name }) => name);
  const some = names.length > 8 ? [...names.slice(0, 3), "…", ...names.slice(-4)] : names;
  return `the model has no module "${String(value)}"; choose one of ${some.join(", ")}`;
}

/** The last one that fits is the nearest to what the model says. */
function layerOf(model: Model, { params }: Method, args: Arguments): Layer | null {
  const spec = params.find((param) => param.kind === "layer");
  if (!spec) return null;
  const layers = layersFor(model, spec);
  return layers.find(({ name }) => name === args[spec.name]) ?? layers.at(-1) ?? null;
}

function sumOf(attributions: Record<string, FloatArray>, sample: number): number {
  let sum = 0;
  for (const { data, shape } of Object.values(attributions)) {
    const size = sizeOf(shape.slice(1));
    for (let k = sample * size; k < (sample + 1) * size; k++) sum += data[k];
  }
  return sum;
}
