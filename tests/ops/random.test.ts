/**
 * Seeded cases of our own, on both Node backends: outputs against ONNX's reference, gradients against torch's own for the
 * same operation, and smooth ones against central differences in a random direction.
 */
import * as tf from "@tensorflow/tfjs-core";
import { Model, type ResultArray } from "../../src/engine";
import { OPS } from "../../src/ops";
import { difference } from "../engine/fixtures";
import { modelOf, readCases, type OpCase } from "./cases";

const TOLERANCE = 1e-4;

const cases = readCases("random");
const byOp = new Map<string, OpCase[]>();
for (const c of cases) byOp.set(c.op, [...(byOp.get(c.op) ?? []), c]);

test("every operator has a case, and one with a gradient where a gradient flows", () => {
  const conformance = new Set(readCases("conformance").flatMap(({ ops }) => ops));
  const differentiated = new Set(cases.filter(({ gradient }) => gradient).map(({ op }) => op));
  const names = [...OPS.keys()];
  expect(names.filter((name) => !byOp.has(name) && !conformance.has(name))).toEqual([]);
  const flowing = names.filter((name) => OPS.get(name)!.some(({ vjp }) => vjp));
  expect(flowing.filter((name) => !differentiated.has(name))).toEqual([]);
});

type Inputs = Parameters<Model["run"]>[0];

function complaint(what: string, got: ResultArray | undefined, expected: ResultArray): string[] {
  if (!got) return [`${what} is not there`];
  if (got.shape.join() !== expected.shape.join())
    return [`${what} has the shape [${got.shape}], expected [${expected.shape}]`];
  const d = difference(withoutInfinities(got, expected), withoutInfinities(expected, expected));
  return d < TOLERANCE
    ? []
    : [`${what} differs by ${d}: ${got.data.slice(0, 5)}, expected ${expected.data.slice(0, 5)}`];
}

/** What is infinite or NaN must be the same in both; it is then left out of the comparison. */
function withoutInfinities(array: ResultArray, expected: ResultArray): ResultArray {
  const data = Float64Array.from(array.data, (v, i) =>
    Number.isFinite(expected.data[i]) ? v : Object.is(v, expected.data[i]) ? 0 : Infinity,
  );
  return { ...array, data };
}

/** d(sum(seed * outputs))/d(input), by input. */
function gradientOf(model: Model, inputs: Inputs, { seed, inputs: wanted }: NonNullable<OpCase["gradient"]>) {
  const wrt = Object.keys(wanted);
  const total = Object.fromEntries(wrt.map((name) => [name, new Float64Array(wanted[name].data.length)]));
  for (const [output, { data, shape }] of Object.entries(seed)) {
    tf.tidy(() => {
      const seedOf = () => tf.tensor(Float32Array.from(data), shape);
      const found = model.gradients(model.upload(inputs), wrt, seedOf, { output });
      for (const name of wrt) found[name].dataSync().forEach((v, i) => (total[name][i] += v));
    });
  }
  return total;
}

/** The change of sum(seed * outputs) along a random direction, by central differences, against the gradient's. */
async function centralDifference(
  model: Model,
  inputs: Inputs,
  gradient: NonNullable<OpCase["gradient"]>,
  total: Record<string, Float64Array>,
): Promise<string[]> {
  // prettier-ignore
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
  const direction = Object.fromEntries(Object.entries(total).map(([name, g]) => [name, g.map(() => random())]));
  const step = 5e-3;
  const value = async (sign: number) => {
    const moved = Object.fromEntries(
      Object.entries(inputs).map(([name, { data, shape }]) => [
        name,
        { data: Float64Array.from(data, (v, i) => v + sign * step * (direction[name]?.[i] ?? 0)), shape },
      ]),
    );
    const outputs = await model.run(moved);
    let [sum, magnitude] = [0, 0];
    for (const [name, { data }] of Object.entries(gradient.seed)) {
      data.forEach((s: number, i: number) => {
        sum += s * outputs[name].data[i];
        magnitude += Math.abs(s * outputs[name].data[i]);
      });
    }
    return { sum, magnitude };
  };
  const [up, down] = [await value(1), await value(-1)];
  const slope = (up.sum - down.sum) / (2 * step);
  let [expected, scale] = [0, 0];
  for (const [name, g] of Object.entries(total)) {
    g.forEach((v, i) => {
      expected += v * direction[name][i];
      scale += Math.abs(v * direction[name][i]);
    });
  }
  const rounding = (up.magnitude * 1e-6) / step;
  const allowed = 0.02 * scale + rounding + 1e-3;
  return Math.abs(slope - expected) <= allowed
    ? []
    : [`the central difference is ${slope}, the gradient's ${expected} (allowed ${allowed})`];
}

async function run(c: OpCase, backend: "cpu" | "wasm"): Promise<string[]> {
  let model: Model | undefined;
  try {
    model = await Model.load(modelOf(c), { backend });
    const inputs = c.inputs as Inputs;
    const outputs = await model.run(inputs);
    const complaints = Object.entries(c.outputs).flatMap(([name, e]) => complaint(name, outputs[name], e));
    if (c.gradient) {
      const total = gradientOf(model, inputs, c.gradient);
      for (const [name, e] of Object.entries(c.gradient.inputs))
        complaints.push(...complaint(`the gradient by ${name}`, { data: total[name], shape: e.shape }, e));
      if (c.smooth && backend === "cpu")
        complaints.push(...(await centralDifference(model, inputs, c.gradient, total)));
    }
    return complaints.map((text) => `${c.name}: ${text}`);
  } catch (error) {
    return [`${c.name}: ${(error as Error).message}`];
  } finally {
    model?.dispose();
  }
}

describe.each(["cpu", "wasm"] as const)("%s", (backend) => {
  test.each([...byOp])("%s", async (_, all) => {
    const failures: string[] = [];
    for (const c of all) failures.push(...(await run(c, backend)));
    expect(failures).toEqual([]);
    expect(tf.memory().numTensors).toBe(0);
  });
});
