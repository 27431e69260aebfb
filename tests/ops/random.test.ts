/**
 * Seeded cases of our own, on both Node backends: outputs against ONNX's reference, gradients against torch's own for the
 * same operation, and smooth ones against central differences in a random direction.
 */
import * as tf from "@tensorflow/tfjs-core";
import { OPS } from "../../src/ops";
import { readCases, type OpCase } from "./cases";
import { compare } from "./compare";

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

describe.each(["cpu", "wasm"] as const)("%s", (backend) => {
  test.each([...byOp])("%s", async (_, all) => {
    const failures: string[] = [];
    for (const c of all) failures.push(...(await compare(c, backend, TOLERANCE)));
    expect(failures).toEqual([]);
    expect(tf.memory().numTensors).toBe(0);
  });
});
