/** What is asked of a method: the request, checked and brought into the form that methods work with. */
import type { ArrayLike, FloatArray, Model } from "../engine";
import { sizeOf } from "../graph";
import { EngineError } from "../support";
import type { Arguments, ArgumentValue, Call, Method, ParamSpec } from "./method";

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
  /** Awaited between chunks of work. */
  between?: () => Promise<void>;
  /** Gets what is known so far, now and then. */
  onPreview?: (attributions: Record<string, FloatArray>) => void;
}

/** Arguments with the defaults for those that are not given; `errors` by name for what does not fit. */
export function filled(
  { name, params }: { readonly name: string; readonly params: readonly ParamSpec[] },
  given: Arguments,
): { args: Arguments; errors: Record<string, string> } {
  const errors: Record<string, string> = {};
  const known = params.map((spec) => spec.name);
  for (const argument of Object.keys(given)) {
    if (!known.includes(argument))
      errors[argument] = `does not exist; ${name} takes ${known.length ? known.join(", ") : "no arguments"}`;
  }
  const args: Arguments = {};
  for (const spec of params) {
    args[spec.name] = given[spec.name] === undefined ? spec.default : given[spec.name];
    const error = checkValue(spec, args[spec.name]);
    if (error) errors[spec.name] = error;
  }
  return { args, errors };
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

export function attributedNames(model: Model, { attributed, inputs }: Request): string[] {
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

export function baselineRows(
  { name, baselines }: Method,
  given: Request["baselines"],
  names: readonly string[],
): number {
  const counts = names.flatMap((input) => (given?.[input] ? [given[input].shape[0]] : []));
  const rows = counts[0] ?? 1;
  if (counts.some((count) => count !== rows))
    throw new EngineError(`the inputs have ${counts.join(" and ")} baselines; expected the same number for all`);
  if (baselines === "several" && rows < 2)
    throw new EngineError(`${name} compares with several baselines, got ${rows}; give baselines [B, ...] with B of 2 or more`); // prettier-ignore
  return rows;
}

/** `rows` rows; what is given may be one for all. */
export function baselineOf(
  name: string,
  { shape: [, ...shape] }: FloatArray,
  rows: number,
  given?: ArrayLike,
): FloatArray {
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

export function masksOf(
  inputs: Readonly<Record<string, FloatArray>>,
  given: Request["feature_mask"],
): Call["feature_mask"] {
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
export async function targetsOf(
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

/** What a call does between two chunks of work. */
export const stepOf =
  ({ onProgress, between, signal }: Pick<Request, "onProgress" | "between" | "signal">) =>
  async (done: number): Promise<void> => {
    onProgress?.(done);
    await letMessagesIn();
    await between?.();
    signal?.throwIfAborted();
  };

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
