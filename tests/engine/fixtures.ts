/** Reads what tests/fixtures/make.py wrote: nets with PyTorch's outputs and gradients and Captum's attributions. */
import { readdirSync, readFileSync } from "fs";
import { join } from "path";
import type { FloatArray, ResultArray } from "../../src/engine";
import type { Arguments } from "../../src/methods/method";

const folder = () => join(__dirname, "../fixtures/data");

export interface Case {
  method: string;
  arguments: Arguments;
  baseline: string | null;
  per_sample?: boolean;
  feature_mask?: Record<string, FloatArray> | null;
  attributions?: Record<string, FloatArray>;
  delta?: FloatArray | null;
  /** What Captum says where it refuses. */
  raises?: string;
}

export interface Net {
  name: string;
  onnx: Uint8Array;
  inputs: Record<string, FloatArray>;
  baselines: Record<string, Record<string, FloatArray>>;
  target: number[] | null;
  raw: FloatArray;
  scores: FloatArray;
  gradient: Record<string, FloatArray>;
  methods: Case[];
}

export const decode = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const READERS: Record<string, (buffer: ArrayBuffer) => ResultArray["data"]> = {
  float32: (b) => new Float32Array(b),
  float64: (b) => new Float64Array(b),
  int64: (b) => Float64Array.from(new BigInt64Array(b), Number),
  int32: (b) => Float64Array.from(new Int32Array(b)),
  int16: (b) => Float64Array.from(new Int16Array(b)),
  int8: (b) => Float64Array.from(new Int8Array(b)),
  uint64: (b) => Float64Array.from(new BigUint64Array(b), Number),
  uint32: (b) => Float64Array.from(new Uint32Array(b)),
  uint16: (b) => Float64Array.from(new Uint16Array(b)),
  uint8: (b) => Float64Array.from(new Uint8Array(b)),
  bool: (b) => Float64Array.from(new Uint8Array(b)),
};

/** {dtype, shape, data: base64} -> array; undefined for anything else. */
export function decodeArray(value: unknown): ResultArray | undefined {
  const array = value as { dtype?: string; shape?: number[]; data?: string } | null;
  const read = READERS[array?.dtype ?? ""];
  if (!read || !array?.shape || typeof array.data !== "string") return undefined;
  return { data: read(decode(array.data).buffer as ArrayBuffer), shape: array.shape };
}

/** For JSON.parse. */
export const revive = (_: string, value: unknown): unknown => decodeArray(value) ?? value;

export const netNames = (): string[] =>
  readdirSync(folder())
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.replace(".json", ""));

/** Of these, the nets that are recorded: the tutorial's needs its images, which are not everywhere. */
export function recorded(names: readonly string[]): string[] {
  const known = netNames();
  const lost = names.find((name) => !known.includes(name) && name !== "cifar");
  if (lost !== undefined) throw new Error(`make.py records no net "${lost}"`);
  return names.filter((name) => known.includes(name));
}

export function readNet(name: string): Net {
  const net = JSON.parse(readFileSync(join(folder(), `${name}.json`), "utf8"), revive) as Net & { onnx: string };
  return { ...net, onnx: decode(net.onnx as string) };
}

/**
 * Largest difference relative to the largest expected magnitude, or to `floor` where that is larger: a map that is tiny
 * beside the output it was subtracted from holds only rounding. Infinite where sizes or finiteness differ.
 */
export function difference(got: ResultArray, expected: ResultArray, floor = 1e-6): number {
  if (got.data.length !== expected.data.length) return Infinity;
  let [most, scale] = [0, 0];
  expected.data.forEach((e, i) => {
    const d = Math.abs(got.data[i] - e);
    most = Math.max(most, Number.isNaN(d) ? Infinity : d);
    scale = Math.max(scale, Math.abs(e));
  });
  return most / Math.max(scale, floor);
}

/** A model that takes texts of any length, and what torch and Captum say of some. */
export interface Lengths {
  onnx: string;
  calls: {
    inputs: Record<string, FloatArray>;
    baselines: Record<string, FloatArray>;
    target: number[];
    raw: FloatArray;
    cases: { method: string; arguments: Arguments; attributions: Record<string, FloatArray> }[];
  }[];
}

/** By model: what lengths.make.py recorded. */
export const readLengths = (): Record<string, Lengths> =>
  JSON.parse(readFileSync(join(__dirname, "lengths.json"), "utf8"), revive) as Record<string, Lengths>;
