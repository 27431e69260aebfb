/** One case of an operator: what differs from what ONNX's reference and torch say about it. Runs in Node and in a page. */
import * as tf from "@tensorflow/tfjs-core";
import type { Backend } from "../../src/backend";
import { Model, type ResultArray } from "../../src/engine";
import { difference } from "../engine/fixtures";
import { modelOf, type OpCase } from "./cases";

type Inputs = Parameters<Model["run"]>[0];

function complaint(what: string, got: ResultArray | undefined, expected: ResultArray, tolerance: number): string[] {
  if (!got) return [`${what} is not there`];
  if (got.shape.join() !== expected.shape.join())
    return [`${what} has the shape [${got.shape}], expected [${expected.shape}]`];
  const d = difference(withoutInfinities(got, expected), withoutInfinities(expected, expected));
  return d < tolerance
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

/**
 * Complaints about a case's outputs and gradients, on differences from `tolerance` on; on the CPU also about its gradient and
 * central differences.
 */
export async function compare(c: OpCase, backend: Backend, tolerance: number): Promise<string[]> {
  let model: Model | undefined;
  try {
    model = await Model.load(modelOf(c), { backend });
    const inputs = c.inputs as Inputs;
    const outputs = await model.run(inputs);
    const complaints = Object.entries(c.outputs).flatMap(([name, e]) => complaint(name, outputs[name], e, tolerance));
    if (c.gradient) {
      const total = gradientOf(model, inputs, c.gradient);
      for (const [name, e] of Object.entries(c.gradient.inputs))
        complaints.push(...complaint(`the gradient by ${name}`, { data: total[name], shape: e.shape }, e, tolerance));
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
