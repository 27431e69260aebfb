/**
 * ONNX's own node cases, on both Node backends. What is not supported stands in unsupported.txt with its reason; that list
 * only shrinks: an operator that has an entry, and a case that passes, must leave it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type ResultArray } from "../../src/engine";
import { OPS } from "../../src/ops";
import { modelOf, readCases, type OpCase } from "./cases";

interface Listed {
  operators: string[];
  /** Pattern (with *) -> reason. */
  cases: Map<string, string>;
}

/** Sections [operators] and [cases]; a line of # above the cases is their reason. */
function readList(): Listed {
  const listed: Listed = { operators: [], cases: new Map() };
  let [section, reason] = ["", ""];
  for (const line of readFileSync(join(__dirname, "unsupported.txt"), "utf8").split("\n")) {
    if (line.startsWith("[")) section = line;
    else if (line.startsWith("#")) reason = line.slice(1).trim();
    else if (section === "[operators]") listed.operators.push(...line.split(/\s+/).filter(Boolean));
    else for (const pattern of line.split(/\s+/).filter(Boolean)) listed.cases.set(pattern, reason);
  }
  return listed;
}

const matches = (pattern: string, name: string): boolean => new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);

const list = readList();
/** Constants are read with the graph; they need no entry. */
const isKnown = (op: string): boolean => OPS.has(op) || op === "Constant";
const cases = readCases("conformance").filter(({ domains, opset }) => !domains?.length && opset !== null);
const covered = cases.filter(({ ops }) => ops.every(isKnown));
const patternOf = ({ name }: OpCase) => [...list.cases.keys()].find((pattern) => matches(pattern, name));

test("operators without an entry are listed", () => {
  const missing = new Set(cases.flatMap(({ ops }) => ops.filter((op) => !isKnown(op))));
  expect([...missing].sort()).toEqual([...list.operators].sort());
});

/** What is wrong with a result, if anything; tolerances are the case's own, but not below float32's. */
function complaint(
  got: ResultArray | undefined,
  expected: ResultArray,
  { rtol = 1e-3, atol = 1e-7 }: OpCase,
): string | undefined {
  if (!got) return "is not there";
  if (got.shape.join() !== expected.shape.join()) return `has the shape [${got.shape}], expected [${expected.shape}]`;
  const at = expected.data.findIndex((e: number, i: number) => {
    const g = got.data[i];
    const same = g === e || (Number.isNaN(g) && Number.isNaN(e));
    return !same && !(Math.abs(g - e) <= Math.max(atol, 1e-5) + Math.max(rtol, 1e-4) * Math.abs(e));
  });
  return at < 0 ? undefined : `is ${got.data[at]} at ${at}, expected ${expected.data[at]}`;
}

async function run(c: OpCase, backend: "cpu" | "wasm"): Promise<string[]> {
  if (c.unreadable) return [`${c.name}: ${c.unreadable}`];
  let model: Model | undefined;
  try {
    model = await Model.load(modelOf(c), { backend });
    const outputs = await model.run(c.inputs as Parameters<Model["run"]>[0]);
    return Object.entries(c.outputs).flatMap(([name, expected]) => {
      const text = complaint(outputs[name], expected, c);
      return text ? [`${c.name}: output ${name} ${text}`] : [];
    });
  } catch (error) {
    return [`${c.name}: ${(error as Error).message}`];
  } finally {
    model?.dispose();
  }
}

const byOp = new Map<string, OpCase[]>();
for (const c of covered) {
  const [op] = c.ops.filter((name) => name !== "Constant");
  byOp.set(op, [...(byOp.get(op) ?? []), c]);
}

describe.each(["cpu", "wasm"] as const)("%s", (backend) => {
  afterAll(() => expect(tf.memory().numTensors).toBe(0));

  test.each([...byOp])("%s", async (_, all) => {
    const failures: string[] = [];
    for (const c of all) {
      const failed = await run(c, backend);
      if (!patternOf(c)) failures.push(...failed);
    }
    expect(failures).toEqual([]);
  });
});

test("a listed case has a reason, and fails on some backend", async () => {
  const stale: string[] = [];
  for (const [pattern, reason] of list.cases) {
    const listed = covered.filter((c) => matches(pattern, c.name));
    expect(reason).not.toBe("");
    if (!listed.length) stale.push(`${pattern} matches no case`);
    for (const c of listed) {
      const failed = [...(await run(c, "cpu")), ...(await run(c, "wasm"))];
      if (!failed.length) stale.push(`${c.name} passes`);
    }
  }
  expect(stale).toEqual([]);
});
