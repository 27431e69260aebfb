/**
 * The payload: MessagePack bytes <-> values. Twin of `attriscope/wire.py`; both are tested on the same fixture bytes.
 * The bytes are untrusted (a saved notebook may come from anywhere): what is malformed throws a {@link WireError}.
 */
import { decode as unpack, encode as pack } from "@msgpack/msgpack";

/** Raised whenever a field changes its meaning; both twins refuse another number. */
export const PROTOCOL = 1;

const DTYPES = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;
export type DType = keyof typeof DTYPES;
export type TypedArray = InstanceType<(typeof DTYPES)[DType]>;

/** An n-dimensional array, C order. On the wire `data` is little-endian bytes. */
export interface NDArray {
  dtype: DType;
  shape: number[];
  data: TypedArray;
}

/** What a model input is, in Captum Insights' words, and what it is shown as; "empty" is attributed but not shown. */
const SHOWN = { image: "a picture", text: "a list", general: "a list", empty: "null" } as const;

export interface FeatureSpec {
  name: string;
  kind: keyof typeof SHOWN;
  /** Name of the model's graph input that this feature feeds. */
  input: string;
  /** Names of the baseline choices; every sample carries one array for each. */
  baselines: string[];
  /** What the numbers of a general feature are called; empty for all others. */
  categories: string[];
}

/** Tokens of a text, or the values of a row. */
export type Items = readonly (string | number)[];

export interface ModelSpec {
  name: string;
  /** Size of the ONNX bytes, also where they are left out. */
  size: number;
  /** ONNX with the outputs `raw` and `scores`; null where too large to be stored: ask the kernel. */
  onnx: Uint8Array | null;
}

export interface Sample {
  /** Position in the dataset, from 0. */
  id: number;
  /** Index into `classes`, or null where the dataset has none. */
  label: number | null;
  /**
   * Per feature: what to show. Image: [C, H, W] (C = 1, 3, 4), uint8 0..255 or float32 0..1. Text: one entry for each
   * token. General: one for each category. Empty: null.
   */
  display: (NDArray | Items | null)[];
  /** Per feature: what the model sees (transformed), without the batch dimension. float32. */
  inputs: NDArray[];
  /** Per feature, per baseline choice: same shape as the input. */
  baselines: NDArray[][];
  /** Per feature: which values are one feature, int32 in the input's shape; null where every method may decide. */
  feature_masks: (NDArray | null)[];
  /** Further forward arguments by graph input name, without the batch dimension; not attributed. */
  additional: Record<string, NDArray>;
  /** Per model: PyTorch's own outputs for this sample, without the batch dimension; compared with ours. */
  outputs: { raw: NDArray; scores: NDArray }[];
  /** Why this sample cannot be explained (NaN in the input, label out of range ...); null if it can. */
  error: string | null;
}

/** Samples found by one scan of the dataset, in dataset order. */
export interface Scan {
  samples: Sample[];
  /** How many dataset entries this scan looked at. */
  scanned: number;
  /** Dataset position at which a further scan goes on. */
  next: number;
  /** The dataset has ended: nothing lies at `next`. */
  exhausted: boolean;
}

export interface Filter {
  /** Names of predicted classes to keep; empty keeps all. */
  classes: string[];
  /** Names of true classes to keep; empty keeps all. */
  labels: string[];
  prediction: "all" | "correct" | "incorrect";
}

/** Page -> kernel: at most `count` samples that pass `filter`, looking at no more than `scan` entries from `start` on. */
export interface FetchRequest {
  op: "fetch";
  filter: Filter;
  start: number;
  count: number;
  scan: number;
}

/** Page -> kernel: the ONNX bytes of models that were left out of the payload. */
export interface ModelRequest {
  op: "model";
  model: number;
}

/** Page -> kernel: the payload that was rendered last, gzip'ed. */
export interface PayloadRequest {
  op: "payload";
}

/** Kernel -> page, as JSON content; `for` repeats the request's id. What was asked for travels as the one buffer. */
export type Reply = { for: string; op: "scan" | "model" | "payload" } | { for: string; op: "error"; message: string };

export interface Payload {
  protocol: typeof PROTOCOL;
  /** Version of the Python package that wrote it. */
  version: string;
  classes: string[];
  features: FeatureSpec[];
  models: ModelSpec[];
  /** False: outputs have no class dimension to choose from (regression). */
  use_label_for_attr: boolean;
  /** How many samples the explorer shows at first. */
  show: number;
  /** What is chosen at the start, as in `choice.ts`; what is missing has the explorer's own start. */
  choice: Record<string, unknown>;
  scan: Scan;
}

/** Malformed bytes: the place in the payload, what stands there, what was expected. */
export class WireError extends Error {
  override name = "WireError";
}

/** The bytes of `render()` or of a page. Throws a {@link WireError}. */
export function decodePayload(bytes: Uint8Array): Payload {
  const value = unpacked(bytes, "payload");
  const { protocol, version } = fields({ protocol: number, version: string })(value, "payload");
  if (protocol !== PROTOCOL) {
    throw new WireError(
      `payload.protocol: got ${protocol} (attriscope ${version}); expected ${PROTOCOL}. ` +
        "Run the cell again with the installed version, or open it with the version that wrote it.",
    );
  }
  const result = payload(value, "payload");
  checkScan(result.scan, result, "payload.scan");
  return result;
}

/** The buffer of a "scan" reply to an explorer that shows `of`. Throws a {@link WireError}. */
export function decodeScan(bytes: Uint8Array, of?: Pick<Payload, "classes" | "features" | "models">): Scan {
  const result = scan(unpacked(bytes, "scan"), "scan");
  if (of) checkScan(result, of, "scan");
  return result;
}

/** The same bytes that Python writes for the same values, but for floats without a fraction: they become integers. */
export function encodePayload(value: Payload): Uint8Array {
  return pack(value);
}

export function encodeScan(value: Scan): Uint8Array {
  return pack(value);
}

/** Takes what was unpacked at `place`, gives it back checked. */
type Reader<T> = (value: unknown, place: string) => T;

const number: Reader<number> = (value, place) => (typeof value === "number" ? value : refuse(place, value, "a number"));
const string: Reader<string> = (value, place) => (typeof value === "string" ? value : refuse(place, value, "a string"));
const boolean: Reader<boolean> = (value, place) =>
  typeof value === "boolean" ? value : refuse(place, value, "true or false");
const count: Reader<number> = (value, place) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : refuse(place, value, "an integer >= 0");
/** A copy: typed arrays need aligned offsets, and a buffer of its own can be transferred to the worker. */
const binary: Reader<Uint8Array<ArrayBuffer>> = (value, place) =>
  value instanceof Uint8Array ? new Uint8Array(value) : refuse(place, value, "bytes");

function oneOf<const T extends string | number>(...choices: T[]): Reader<T> {
  return (value, place) =>
    choices.includes(value as T)
      ? (value as T)
      : refuse(place, value, choices.map((c) => JSON.stringify(c)).join(" or "));
}

function nullable<T>(read: Reader<T>): Reader<T | null> {
  return (value, place) => (value === null ? null : read(value, place));
}

function list<T>(read: Reader<T>): Reader<T[]> {
  return (value, place) =>
    Array.isArray(value) ? value.map((item, i) => read(item, `${place}[${i}]`)) : refuse(place, value, "a list");
}

const map: Reader<Record<string, unknown>> = (value, place) => {
  const isMap = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isMap ? (value as Record<string, unknown>) : refuse(place, value, "a map");
};

function dictionary<T>(read: Reader<T>): Reader<Record<string, T>> {
  return (value, place) =>
    Object.fromEntries(Object.entries(map(value, place)).map(([key, item]) => [key, read(item, `${place}.${key}`)]));
}

/** Fields that are not named are left out: a later version may add some. */
function fields<T>(readers: { [K in keyof T]: Reader<T[K]> }): Reader<T> {
  const names = Object.keys(readers) as (keyof T & string)[];
  return (value, place) => {
    const found = map(value, place);
    return Object.fromEntries(names.map((name) => [name, readers[name](found[name], `${place}.${name}`)])) as T;
  };
}

const rawArray = fields({
  dtype: oneOf(...(Object.keys(DTYPES) as DType[])),
  shape: list(count),
  data: binary,
});

const array: Reader<NDArray> = (value, place) => {
  const { dtype, shape, data } = rawArray(value, place);
  const type = DTYPES[dtype];
  const expected = shape.reduce((product, size) => product * size, 1) * type.BYTES_PER_ELEMENT;
  if (data.byteLength !== expected) {
    throw new WireError(
      `${place}: got ${data.byteLength} bytes; expected ${expected} for ${dtype} of shape [${shape.join(", ")}]`,
    );
  }
  return { dtype, shape, data: new type(data.buffer) };
};

const image: Reader<NDArray> = (value, place) => {
  const result = array(value, place);
  const fits = result.shape.length === 3 && [1, 3, 4].includes(result.shape[0]!) && !result.shape.includes(0);
  const described = `${result.dtype} [${result.shape.join(", ")}]`;
  if (!fits || !["uint8", "float32"].includes(result.dtype)) {
    throw new WireError(`${place}: got ${described}; expected uint8 or float32 [C, H, W] with C = 1, 3 or 4`);
  }
  return result;
};

const item: Reader<string | number> = (value, place) =>
  typeof value === "string" || typeof value === "number" ? value : refuse(place, value, "a string or a number");

const display: Reader<NDArray | Items | null> = (value, place) =>
  value === null ? null : Array.isArray(value) ? list(item)(value, place) : image(value, place);

const sample = fields<Sample>({
  id: count,
  label: nullable(count),
  display: list(display),
  inputs: list(array),
  baselines: list(list(array)),
  feature_masks: list(nullable(array)),
  additional: dictionary(array),
  outputs: list(fields({ raw: array, scores: array })),
  error: nullable(string),
});

const scan = fields<Scan>({ samples: list(sample), scanned: count, next: count, exhausted: boolean });

const payload = fields<Payload>({
  protocol: oneOf(PROTOCOL),
  version: string,
  classes: list(string),
  features: list(
    fields<FeatureSpec>({
      name: string,
      kind: oneOf(...(Object.keys(SHOWN) as FeatureSpec["kind"][])),
      input: string,
      baselines: list(string),
      categories: list(string),
    }),
  ),
  models: list(fields<ModelSpec>({ name: string, size: count, onnx: nullable(binary) })),
  use_label_for_attr: boolean,
  show: count,
  choice: map,
  scan,
});

/** What lies in a sample must fit the features, models and classes that the payload names. */
function checkScan(scan: Scan, of: Pick<Payload, "classes" | "features" | "models">, place: string): void {
  scan.samples.forEach((sample, i) => {
    const here = `${place}.samples[${i}]`;
    if (sample.label !== null && sample.label >= of.classes.length) {
      refuse(`${here}.label`, sample.label, `less than ${of.classes.length}, the number of classes`);
    }
    checkLength(sample.display, of.features.length, `${here}.display`, "features");
    checkLength(sample.inputs, of.features.length, `${here}.inputs`, "features");
    checkLength(sample.baselines, of.features.length, `${here}.baselines`, "features");
    checkLength(sample.feature_masks, of.features.length, `${here}.feature_masks`, "features");
    checkLength(sample.outputs, of.models.length, `${here}.outputs`, "models");
    of.features.forEach((feature, f) => {
      const input = sample.inputs[f]!;
      checkLength(sample.baselines[f]!, feature.baselines.length, `${here}.baselines[${f}]`, "baseline names");
      const mask = sample.feature_masks[f];
      checkDisplay(sample.display[f]!, feature, input, `${here}.display[${f}]`);
      sample.baselines[f]!.forEach((baseline, b) => checkShape(baseline, input, `${here}.baselines[${f}][${b}]`));
      if (mask) checkShape(mask, input, `${here}.feature_masks[${f}]`);
    });
  });
}

/** As many tokens or values as the input has. */
function checkDisplay(shown: Sample["display"][number], feature: FeatureSpec, { shape }: NDArray, place: string): void {
  const { kind, categories } = feature;
  const got = shown === null ? "null" : "dtype" in shown ? "a picture" : "a list";
  if (got !== SHOWN[kind])
    throw new WireError(`${place}: got ${got}; expected ${SHOWN[kind]} for a feature of kind "${kind}"`);
  if (shown === null || "dtype" in shown) return;
  const isText = kind === "text";
  const count = isText ? shape[0] : categories.length;
  if (shown.length !== count || shape[0] !== count || shape.length > (isText ? 2 : 1))
    throw new WireError(
      `${place}: got ${shown.length} entries for an input [${shape.join(", ")}]; expected ` +
        (isText ? "T for an input [T] or [T, D]" : `${count} for an input [${count}], one for each category`),
    );
}

function checkShape({ shape }: NDArray, { shape: expected }: NDArray, place: string): void {
  if (String(shape) !== String(expected)) {
    throw new WireError(`${place}: got shape [${shape.join(", ")}]; expected the input's, [${expected.join(", ")}]`);
  }
}

function checkLength(items: unknown[], expected: number, place: string, what: string): void {
  if (items.length !== expected) {
    throw new WireError(`${place}: got ${items.length} entries; expected ${expected}, the number of ${what}`);
  }
}

function unpacked(bytes: Uint8Array, place: string): unknown {
  try {
    return unpack(bytes);
  } catch (error) {
    throw new WireError(`${place}: got ${bytes.byteLength} bytes that are no MessagePack (${String(error)})`, {
      cause: error,
    });
  }
}

function refuse(place: string, got: unknown, expected: string): never {
  throw new WireError(`${place}: got ${describe(got)}; expected ${expected}`);
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "a map";
  return typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value);
}
