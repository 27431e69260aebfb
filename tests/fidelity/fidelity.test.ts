/**
 * Whole models, every method that Captum has, against what tests/fixtures/fidelity.py recorded, on WASM. Only in
 * `npm run fidelity`, which judges the numbers: FIDELITY names the folder, FIDELITY_NAMES the models, FIDELITY_ROWS the file
 * that gets a line for each run.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Model, type ArrayLike, type FloatArray } from "../../src/engine";
import { attribute, describeMethods } from "../../src/methods";
import type { Arguments } from "../../src/methods/method";
import { revive } from "../engine/fixtures";

type Arrays = Record<string, FloatArray>;

interface Run {
  label: string;
  method: string;
  arguments: Arguments;
  baseline: string | null;
  feature_mask: Arrays | null;
  per_sample: boolean;
  attributions?: Arrays;
  raises?: string;
}

interface Recorded {
  title: string;
  inputs: Arrays;
  baselines: Record<string, Arrays>;
  target: number[];
  runs: Run[];
}

const { FIDELITY = "", FIDELITY_NAMES, FIDELITY_ROWS = "" } = process.env;
const names = FIDELITY_NAMES?.split(",") ?? [];

const part = (arrays: Record<string, ArrayLike>, i: number): Record<string, ArrayLike> =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape }]) => {
      const size = data.length / shape[0];
      return [
        name,
        { data: Float32Array.from(data).subarray(i * size, (i + 1) * size), shape: [1, ...shape.slice(1)] },
      ];
    }),
  );

const largest = ({ data }: FloatArray): number => data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** Of each map from its own maximum, or from a thousandth of that of all. Throws where there is nothing to compare. */
function deviation(found: Arrays, expected: Arrays): number {
  const most = Math.max(...Object.values(expected).map(largest));
  const each = Object.entries(expected).map(([name, map]) => {
    const ours = found[name];
    if (ours?.shape.join() !== map.shape.join())
      throw new Error(`"${name}" has the shape [${ours?.shape.join(", ")}], expected [${map.shape.join(", ")}]`);
    const off = map.data.reduce((worst, e, i) => Math.max(worst, Math.abs(ours.data[i] - e)), 0);
    if (!Number.isFinite(off)) throw new Error(`"${name}" holds ${off}`);
    return off / Math.max(largest(map), 1e-3 * most, 1e-12);
  });
  return Math.max(...each);
}

async function explained(model: Model, { inputs, baselines, target }: Recorded, run: Run): Promise<Arrays> {
  const request = { method: run.method, arguments: run.arguments, feature_mask: run.feature_mask ?? undefined };
  const several = run.baseline === "several";
  const given = run.baseline ? baselines[run.baseline] : undefined;
  if (!run.per_sample) return (await attribute(model, { ...request, inputs, baselines: given, target })).attributions;
  const parts: Arrays[] = [];
  for (const [i, one] of target.entries()) {
    const baseline = given && !several ? part(given, i) : given;
    parts.push((await attribute(model, { ...request, inputs: part(inputs, i), baselines: baseline, target: one })).attributions); // prettier-ignore
  }
  return Object.fromEntries(
    Object.entries(parts[0]).map(([name, { shape }]) => [
      name,
      {
        data: Float32Array.from(parts.flatMap((arrays) => Array.from(arrays[name].data))),
        shape: [parts.length, ...shape.slice(1)],
      },
    ]),
  );
}

if (!names.length) test.skip("runs in npm run fidelity", () => undefined);
else
  test.each(names)(
    "%s",
    async (name) => {
      const recorded = JSON.parse(readFileSync(join(FIDELITY, `${name}.json`), "utf8"), revive) as Recorded;
      const model = await Model.load(Uint8Array.from(readFileSync(join(FIDELITY, `${name}.onnx`))), {
        backend: "wasm",
      });
      const known = describeMethods(model);
      for (const run of recorded.runs) {
        const { label, method, raises, attributions } = run;
        const offered = known.find((info) => info.name === method);
        const row: Record<string, unknown> = { model: name, title: recorded.title, label, raises };
        if (!offered) row.missing = true;
        else if (offered.whyNot) row.whyNot = offered.whyNot;
        else
          try {
            const found = await explained(model, recorded, run);
            if (attributions) row.difference = deviation(found, attributions);
            row.zero = attributions && Object.values(attributions).every((map) => !largest(map));
          } catch (error) {
            row.error = (error as Error).message;
          }
        appendFileSync(FIDELITY_ROWS, `${JSON.stringify(row)}\n`);
      }
      model.dispose();
    },
    600_000,
  );
