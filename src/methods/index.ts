/** The methods in menu order, and the one way to call them. */
import type { ArrayLike, FloatArray, Model } from "../engine";
import { sizeOf } from "../graph";
import { EngineError } from "../support";
import { deconvolution } from "./deconvolution";
import { deepLift } from "./deep-lift";
import { featureAblation } from "./feature-ablation";
import { guidedBackprop } from "./guided-backprop";
import { inputXGradient } from "./input-x-gradient";
import { integratedGradients } from "./integrated-gradients";
import type { Arguments, ArgumentValue, Method, MethodInfo, ParamSpec, Plan, Shapes } from "./method";
import { occlusion } from "./occlusion";
import { saliency } from "./saliency";
import { scores } from "./steps";

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
  /** Arrays by input name, [N, ...]. Inputs of integer type are fed, not attributed. */
  inputs: Record<string, ArrayLike>;
  /** By input name, [N, ...] or [1, ...]; zeros where none is given. */
  baselines?: Record<string, ArrayLike>;
  /** Names of the inputs to attribute; all float32 ones if not given. */
  attributed?: readonly string[];
  /** Per sample, or one for all: a class, or an index tuple into an output with more dimensions. Not needed for one output. */
  target?: number | readonly (number | readonly number[])[] | null;
  arguments?: Arguments;
  signal?: AbortSignal;
  /** 0..1, between chunks of work. */
  onProgress?: (done: number) => void;
}

export interface Attribution {
  /** By input name, in the input's shape. */
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
  const reason = method.whyNot?.(model);
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
  const { args, errors } = planOf(method, request.arguments ?? {}, shapes);
  const [wrong] = Object.entries(errors);
  if (wrong) throw new EngineError(`${method.name}, argument ${wrong[0]}: ${wrong[1]}`);

  const count = inputs[names[0]].shape[0];
  const baselines = Object.fromEntries(
    names.map((name) => [name, baselineOf(name, inputs[name], request.baselines?.[name])]),
  );
  const target = await targetsOf(model, all, request.target, count);
  const step = async (done: number) => {
    request.onProgress?.(done);
    await letMessagesIn();
    request.signal?.throwIfAborted();
  };
  request.signal?.throwIfAborted();
  const maps = await method.attribute({ model, inputs, baselines, additional, target, arguments: args, step });
  request.signal?.throwIfAborted();

  const attributions = Object.fromEntries(names.map((name) => [name, { data: maps[name], shape: inputs[name].shape }]));
  if (!method.usesBaselines) return { attributions, delta: null, change: null, signed: method.signed(args) };
  const fx = await scores(model, all, target);
  const fb = await scores(model, { ...baselines, ...additional }, target);
  const change = fx.map((v, i) => v - fb[i]);
  const delta = method.complete ? change.map((c, i) => sumOf(attributions, i) - c) : null;
  return { attributions, delta, change, signed: method.signed(args) };
}

/** What a call would take, and what is wrong with its arguments, without computing. `shapes` without the batch. */
export function plan(name: string, args: Arguments, shapes: Shapes): Plan {
  const { errors, workload } = planOf(find(name), args, shapes);
  return { errors, workload };
}

/** What each method declares, and why it cannot be applied to this model where it cannot. */
export const describeMethods = (model: Model): (MethodInfo & { whyNot?: string })[] =>
  METHODS.map(({ name, group, cost, summary, source, params, usesBaselines, complete, whyNot }) => ({
    ...{ name, group, cost, summary, source, params, usesBaselines, complete },
    whyNot: whyNot?.(model),
  }));

function find(name: string): Method {
  const method = METHODS.find((m) => m.name === name);
  if (!method)
    throw new EngineError(`method "${name}" does not exist; choose one of ${METHODS.map((m) => m.name).join(", ")}`);
  return method;
}

function planOf(method: Method, given: Arguments, shapes: Shapes): Plan & { args: Arguments } {
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
    const error = checkValue(spec, args[spec.name]);
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
    case "shape": {
      const numbers = [value].flat(2);
      return numbers.length &&
        numbers.every((v) => v === null || (typeof v === "number" && Number.isInteger(v) && v >= 1))
        ? undefined
        : `whole numbers from 1 on, such as 5 or 3 5 5; ${got}`;
    }
  }
}

function attributedNames(model: Model, { attributed, inputs }: Request): string[] {
  const floats = model.inputs.filter(({ dtype }) => dtype === "float32").map(({ name }) => name);
  const names = [...(attributed ?? floats)];
  const wrong = names.find((name) => !floats.includes(name) || !inputs[name]);
  if (wrong !== undefined)
    throw new EngineError(`input "${wrong}" cannot be attributed; the model's float inputs are ${floats.join(", ")}`);
  if (!names.length) throw new EngineError("the model has no float32 input to attribute");
  return names;
}

function baselineOf(name: string, input: FloatArray, given?: ArrayLike): FloatArray {
  const data = new Float32Array(input.data.length);
  if (!given) return { data, shape: input.shape };
  const size = sizeOf(input.shape.slice(1));
  if (given.data.length !== data.length && given.data.length !== size) {
    throw new EngineError(
      `baseline of "${name}" has the shape [${given.shape.join(", ")}], expected [${input.shape.join(", ")}] or one sample of it`,
    );
  }
  for (let i = 0; i < data.length; i++) data[i] = given.data[i % given.data.length];
  return { data, shape: input.shape };
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
