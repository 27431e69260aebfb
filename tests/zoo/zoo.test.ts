/**
 * Whole models as torch exports them: output and input gradient against torch's own, on WASM. In `npm test` the small ones,
 * in `npm run zoo` all: then ZOO names their folder, ZOO_NAMES which of them, and ZOO_TABLE the file that gets a row for each.
 */
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type ResultArray } from "../../src/engine";
import { seedOf } from "../../src/methods/steps";
import { decodeArray, difference } from "../engine/fixtures";

const TOLERANCE = 1e-4;
const FOLDER = process.env.ZOO ?? join(__dirname, "../fixtures/data/zoo");

interface ZooModel {
  nodes: number;
  inputs: Record<string, ResultArray>;
  target: number[];
  raw: ResultArray;
  scores: ResultArray;
  gradient: Record<string, ResultArray>;
}

const read = (name: string): ZooModel =>
  JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"), (_, value) => decodeArray(value) ?? value) as ZooModel;

const names =
  process.env.ZOO_NAMES?.split(",") ??
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(".onnx"))
    .map((file) => file.replace(".onnx", ""));

/** The largest gradient by any of the values: one of several inputs may hardly matter. */
const magnitude = (arrays: readonly ResultArray[]): number =>
  Math.max(...arrays.flatMap(({ data }) => Array.from(data, Math.abs).reduce((a, b) => Math.max(a, b), 0)));

/** Of the first sample alone. */
const first = <T extends { data: ResultArray["data"]; shape: number[] }>(arrays: Record<string, T>) =>
  Object.fromEntries(
    Object.entries(arrays).map(
      ([
        key,
        {
          data,
          shape: [rows, ...rest],
        },
      ]) => [key, { data: data.slice(0, data.length / rows), shape: [1, ...rest] }],
    ),
  );

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await work(), Math.round(performance.now() - began)];
}

test.each(names)(
  "%s",
  async (name) => {
    const zoo = read(name);
    const bytes = Uint8Array.from(readFileSync(join(FOLDER, `${name}.onnx`)));
    const [model, load] = await timed(() => Model.load(bytes, { backend: "wasm" }));
    const [outputs, forward] = await timed(() => model.run(zoo.inputs));
    const wrt = Object.keys(zoo.gradient);
    const gradientOf = (inputs: ZooModel["inputs"], target: number[]) =>
      tf.tidy(() => {
        const found = model.gradients(model.upload(inputs), wrt, (output) => seedOf(output, target));
        return Object.fromEntries(wrt.map((key) => [key, { data: found[key].dataSync(), shape: found[key].shape }]));
      });
    const [gradient, backward] = await timed(() => gradientOf(zoo.inputs, zoo.target));
    // Kernels treat a batch of one in ways of their own.
    const alone = gradientOf(first(zoo.inputs), zoo.target.slice(0, 1));
    model.dispose();
    const floor = 1e-3 * magnitude(Object.values(zoo.gradient));
    const found = {
      raw: difference(outputs.raw, zoo.raw),
      scores: difference(outputs.scores, zoo.scores),
      gradient: Math.max(...wrt.map((key) => difference(gradient[key] as ResultArray, zoo.gradient[key], floor))),
    };
    if (process.env.ZOO_TABLE)
    appendFileSync(process.env.ZOO_TABLE, `${JSON.stringify({ name, nodes: zoo.nodes, ...found, load, forward, backward })}\n`); // prettier-ignore
    expect(outputs.raw.shape).toEqual(zoo.raw.shape);
    for (const key of wrt) expect(gradient[key].shape).toEqual(zoo.gradient[key].shape);
    const expected = first(zoo.gradient);
    for (const key of wrt) expect(difference(alone[key] as ResultArray, expected[key], floor)).toBeLessThan(TOLERANCE);
    for (const difference of Object.values(found)) expect(difference).toBeLessThan(TOLERANCE);
    expect(tf.memory().numTensors).toBe(0);
  },
  300_000,
);
