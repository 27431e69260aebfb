/** The methods in menu order, and the one way to call them. */
import type { ArrayLike, FloatArray, Layer, Model } from "../engine";
import { sizeOf } from "../graph";
import { EngineError } from "../support";
import { deconvolution } from "./deconvolution";
import { deepLift } from "./deep-lift";
import { featureAblation } from "./feature-ablation";
import { guidedBackprop } from "./guided-backprop";
import { inputXGradient } from "./input-x-gradient";
import { integratedGradients } from "./integrated-gradients";
import { isSpatial } from "./layers";
import { gathered, leafValues, leavesOf } from "./leaves";
import type { Arguments, ArgumentValue, Call, LayerInfo, Method, MethodInfo, ParamSpec, Plan, Shapes } from "./method";
import { occlusion } from "./occlusion";
import { saliency } from "./saliency";
import { rowsOf, scores } from "./steps";

export const METHODS: readonly Method[] = [
  deconvolution,
  deepLift,
  guidedBackprop,
  inputXGradient,
  integratedGradients,
  saliency,
  featureAblation,
  occlusion,
];

export interface Request {
  /** Captum's name, e.g. "Integrated Gradients". */
  method: string;
  /** Arrays by input name, [N, ...]. */
  inputs: Record<string, ArrayLike>;
  /**
   * By input name, [N, ...] or [1, ...]; zeros where none is given. For a method that uses all baselines [B, ...]: the same
   * for every sample.
   */
  baselines?: Record<string, ArrayLike>;
  /** By input name, [N, ...] or [1, ...]: values with the same number are one feature, across inputs too. */
  feature_mask?: Record<string, ArrayLike>;
  /** Names of the inputs to attribute; if not given, all of floats and all integers that are looked up in embeddings. */
  attributed?: readonly string[];
  /** Per sample, or one for all: a class, or an index tuple into an output with more dimensions. Not needed for one output. */
  target?: number | readonly (number | readonly number[])[] | null;
  arguments?: Arguments;
  signal?: AbortSignal;
  /** 0..1, between chunks of work. */
  onProgress?: (done: number) => void;
  /** Gets what is known so far, now and then. */
  onPreview?: (attributions: Record<string, FloatArray>) => void;
}

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
  const { args, errors } = planOf(model, method, request.arguments ?? {}, shapes);
  const [wrong] = Object.entries(errors);
  if (wrong) throw new EngineError(`${method.name}, argument ${wrong[0]}: ${wrong[1]}`);

  const count = inputs[names[0]].shape[0];
  const own = method.baselines === "none" || method.baselines === "one";
  const rows = own ? count : baselineRows(method, request.baselines, names);
  const baselines = Object.fromEntries(
    names.map((name) => [name, baselineOf(name, inputs[name], rows, request.baselines?.[name])]),
  );
  const target = await targetsOf(model, all, request.target, count);
  const step = async (done: number) => {
    request.onProgress?.(done);
    await letMessagesIn();
    request.signal?.throwIfAborted();
  };
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
  const maps = await method.attribute({
    model,
    inputs: await embedded(inputs),
    baselines: await embedded(baselines),
    additional: { ...additional, ...Object.fromEntries(Object.entries(inputs).filter(([name]) => leaves[name])) },
    target,
    arguments: args,
    layer: layerOf(model, method, args),
    feature_mask: masksOf(inputs, request.feature_mask),
    step,
    preview,
  });
  request.signal?.throwIfAborted();

  const attributions = gathered(leaves, maps, inputs);
  const signed = method.signed(args);
  if (method.baselines === "none") return { attributions, delta: null, change: null, signed };
  const fx = await scores(model, all, target);
  const fb = own
    ? await scores(model, { ...baselines, ...additional }, target)
    : await meanScores(model, baselines, additional, target);
  const change = fx.map((v, i) => v - fb[i]);
  const delta = method.complete ? change.map((c, i) => sumOf(attributions, i) - c) : null;
  return { attributions, delta, change, signed };
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
  const { errors, workload } = planOf(model, find(name), args, shapes);
  return { errors, workload };
}

/** What each method declares, and why it cannot be applied to this model where it cannot. */
export const describeMethods = (model: Model): (MethodInfo & { whyNot?: string })[] =>
  METHODS.map((method) => {
    const { name, group, cost, summary, source, params, baselines, complete } = method;
    return { name, group, cost, summary, source, params, baselines, complete, whyNot: whyNot(method, model) };
  });

/** The layer menu. */
export const describeLayers = (model: Model): LayerInfo[] =>
  model.layers.map((layer) => ({
    name: layer.name,
    class: layer.class,
    shape: layer.shape,
    spatial: isSpatial(model, layer),
  }));

function whyNot(method: Method, model: Model): string | undefined {
  for (const spec of method.params) {
    if (spec.kind === "layer" && !layersFor(model, spec).length)
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

function planOf(model: Model, method: Method, given: Arguments, shapes: Shapes): Plan & { args: Arguments } {
  const errors: Record<string, string> = {};
  const known = method.params.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (!known.includes(name))
      errors[name] = `does not exist; ${method.name} takes ${known.length ? known.join(", ") : "no arguments"}`;
  }
  const args = Object.fromEntries(
    method.params.map((spec) => [spec.name, given[spec.name] === undefined ? spec.default : given[spec.name]]),
  );
  for (const spec of method.params) {
    const error = checkValue(spec, args[spec.name]) ?? checkLayer(model, spec, args[spec.name]);
    if (error) errors[spec.name] = error;
  }
  if (Object.keys(errors).length) return { args, errors, workload: null };
  return { args, ...(method.plan?.(args, shapes) ?? { errors, workload: null }) };
}

/** Why a value does not fit its spec, or undefined. */
export function checkValue(spec: ParamSpec, value: ArgumentValue): string | undefined {
  if (value === null) return spec.auto ? undefined : "a value is needed";
  const got = `got ${JSON.stringify(value)}`;
  switch (spec.kind) {
    case "int":
    case "float": {
      const range = spec.max === undefined ? `from ${spec.min} on` : `from ${spec.min} to ${spec.max}`;
      const number = spec.kind === "int" ? "a whole number" : "a number";
      const fits =
        typeof value === "number" && (spec.kind === "int" ? Number.isInteger(value) : Number.isFinite(value));
      return fits && value >= spec.min && value <= (spec.max ?? Infinity) ? undefined : `${number} ${range}; ${got}`;
    }
    case "enum":
      return spec.options.includes(value as string) ? undefined : `one of ${spec.options.join(", ")}; ${got}`;
    case "bool":
      return typeof value === "boolean" ? undefined : `true or false; ${got}`;
    case "layer":
      return typeof value === "string" ? undefined : `the path of a module; ${got}`;
    case "shape": {
      const numbers = [value].flat(2);
      return numbers.length &&
        numbers.every((v) => v === null || (typeof v === "number" && Number.isInteger(v) && v >= 1))
        ? undefined
        : `whole numbers from 1 on, such as 5 or 3 5 5; ${got}`;
    }
  }
}

/** Modules that an argument of the kind "layer" can name. */
export const layersFor = (model: Model, { spatial }: { spatial: boolean }): readonly Layer[] =>
  spatial ? model.layers.filter((layer) => isSpatial(model, layer)) : model.layers;

function checkLayer(model: Model, spec: ParamSpec, value: ArgumentValue): string | undefined {
  if (spec.kind !== "layer" || value === null || layersFor(model, spec).some(({ name }) => name === value))
    return undefined;
  const layer = model.layers.find(({ name }) => name === value);
  if (layer)
    return `the output of "${layer.name}" has the shape [${layer.shape.map((d) => d ?? "N").join(", ")}], expected an image [N, C, H, W]`;
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

function attributedNames(model: Model, { attributed, inputs }: Request): string[] {
  const possible = model.inputs
    .filter(({ name, dtype }) => dtype === "float32" || model.embeddings(name).length)
    .map(({ name }) => name);
  const names = [...(attributed ?? possible)];
  const wrong = names.find((name) => !possible.includes(name) || !inputs[name]);
  if (wrong !== undefined)
    throw new EngineError(
      `input "${wrong}" cannot be attributed; the model's inputs of floats, and of integers that are looked up in embeddings, are ${possible.join(", ")}`,
    );
  if (!names.length)
    throw new EngineError("the model has nothing to attribute: no input of floats, and none that is looked up in embeddings"); // prettier-ignore
  return names;
}

function baselineRows({ name, baselines }: Method, given: Request["baselines"], names: readonly string[]): number {
  const counts = names.flatMap((input) => (given?.[input] ? [given[input].shape[0]] : []));
  const rows = counts[0] ?? 1;
  if (counts.some((count) => count !== rows))
    throw new EngineError(`the inputs have ${counts.join(" and ")} baselines; expected the same number for all`);
  if (baselines === "several" && rows < 2)
    throw new EngineError(`${name} compares with several baselines, got ${rows}; give baselines [B, ...] with B of 2 or more`); // prettier-ignore
  return rows;
}

/** `rows` rows; what is given may be one for all. */
function baselineOf(name: string, { shape: [, ...shape] }: FloatArray, rows: number, given?: ArrayLike): FloatArray {
  const size = sizeOf(shape);
  const data = new Float32Array(rows * size);
  const whole = [rows, ...shape];
  if (!given) return { data, shape: whole };
  if (given.data.length !== data.length && given.data.length !== size) {
    throw new EngineError(
      `baseline of "${name}" has the shape [${given.shape.join(", ")}], expected [${whole.join(", ")}] or one sample of it`,
    );
  }
  for (let i = 0; i < data.length; i++) data[i] = given.data[i % given.data.length];
  return { data, shape: whole };
}

function masksOf(inputs: Readonly<Record<string, FloatArray>>, given: Request["feature_mask"]): Call["feature_mask"] {
  if (!given) return null;
  const unknown = Object.keys(given).find((name) => !inputs[name]);
  if (unknown !== undefined)
    throw new EngineError(`feature_mask has "${unknown}", which is not attributed; expected ${Object.keys(inputs).join(", ")}`); // prettier-ignore
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => {
      const mask = given[name];
      if (!mask) throw new EngineError(`feature_mask lacks "${name}"; give one for every attributed input`);
      const one = [1, ...shape.slice(1)];
      if (![shape.join(), one.join(), shape.slice(1).join()].includes(mask.shape.join()) || sizeOf(mask.shape) !== mask.data.length)
        throw new EngineError(`feature_mask of "${name}" has the shape [${mask.shape.join(", ")}], expected [${one.join(", ")}]${shape[0] > 1 ? ` or [${shape.join(", ")}]` : ""}`); // prettier-ignore
      const bad = Array.from(mask.data).findIndex((v) => !Number.isInteger(v) || v < 0);
      if (bad >= 0)
        throw new EngineError(`feature_mask of "${name}" holds ${mask.data[bad]} at position ${bad}; expected whole numbers from 0 on`); // prettier-ignore
      return [name, Int32Array.from(data, (_, i) => mask.data[i % mask.data.length])];
    }),
  );
}

/** Flat indices, one per sample. */
async function targetsOf(
  model: Model,
  inputs: Record<string, FloatArray>,
  target: Request["target"],
  count: number,
): Promise<number[]> {
  const declared = model.outputs.find(({ name }) => name === model.main)!.shape;
  const known = declared.length > 0 && declared.slice(1).every((d) => d !== null);
  const shape = (known ? (declared as number[]) : (await model.run(inputs))[model.main].shape).slice(1);
  const size = sizeOf(shape);
  if (target === undefined || target === null) {
    if (size !== 1)
      throw new EngineError(`a target is needed: the model's output has the shape [N, ${shape.join(", ")}]`);
    return Array<number>(count).fill(0);
  }
  const list = typeof target === "number" ? Array<number>(count).fill(target) : [...target];
  if (list.length !== count)
    throw new EngineError(`${list.length} targets for ${count} samples; give one for all, or one each`);
  return list.map((one) => {
    const index = typeof one === "number" ? [one] : one;
    const fits = index.length === shape.length || (shape.length === 0 && index.length === 1);
    if (!fits)
      throw new EngineError(
        `target ${JSON.stringify(one)} has ${index.length} numbers; the output [N, ${shape.join(", ")}] needs ${shape.length}`,
      );
    return index.reduce((flat, k, d) => {
      const length = shape[d] ?? 1;
      if (!Number.isInteger(k) || k < 0 || k >= length)
        throw new EngineError(
          `target ${k} is out of range: the model's output has ${length} classes (0 to ${length - 1})`,
        );
      return flat * length + k;
    }, 0);
  });
}

function sumOf(attributions: Record<string, FloatArray>, sample: number): number {
  let sum = 0;
  for (const { data, shape } of Object.values(attributions)) {
    const size = sizeOf(shape.slice(1));
    for (let k = sample * size; k < (sample + 1) * size; k++) sum += data[k];
  }
  return sum;
}

/** A task of its own, so that a waiting cancel message is handled before the next chunk. */
const letMessagesIn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
