/** Deep Lift, Deep Lift Shap, LRP, Guided Backprop, Deconvolution and Noise Tunnel against what relevance.make.py had Captum say. */
import { readFileSync } from "fs";
import { join } from "path";
import * as tf from "@tensorflow/tfjs-core";
import { Model, type FloatArray } from "../../src/engine";
import { attribute, describeMethods } from "../../src/methods";
import { propagate } from "../../src/methods/lrp";
import { ALPHA1_BETA0, epsilonRule, gammaRule, IDENTITY, type LayerRule } from "../../src/methods/lrp-rules";
import type { Arguments, Maps } from "../../src/methods/method";
import { decode, difference, revive } from "../engine/fixtures";

interface Net {
  onnx: string;
  inputs: Record<string, FloatArray>;
  baselines: Record<string, FloatArray>;
  target: number[];
}

interface Case {
  net: string;
  method: string;
  arguments: Arguments;
  rules: Record<string, string> | null;
  attributions: Record<string, FloatArray>;
  call: string;
  /** How far rounding moves Captum: float32 from float64, or other last digits of the weights. */
  rounding?: number;
}

const { nets, cases } = JSON.parse(readFileSync(join(__dirname, "relevance.json"), "utf8"), revive) as {
  nets: Record<string, Net>;
  cases: Case[];
};

const RULES: Record<string, LayerRule> = {
  epsilon: epsilonRule(),
  "gamma 1": gammaRule(1),
  "gamma 0.25": gammaRule(),
  alpha1_beta0: ALPHA1_BETA0,
  identity: IDENTITY,
};

/** Golden cases 24 and 25: what Captum's own tests publish, beside what Captum said here. */
test.each<[string, Record<string, string> | null, number[]]>([
  ["lrp-simple", null, [18, 36, 54]],
  ["lrp-simple-negative", { linear: "gamma 1", linear2: "gamma 0.25" }, [28 / 3, 104 / 3, 52]],
  ["lrp-simple-negative", { linear: "alpha1_beta0", linear2: "alpha1_beta0" }, [12, 33.6, 50.4]],
  ["lrp-simple-negative", { linear: "identity", linear2: "epsilon" }, [24, 36, 36]],
  ["lrp-skip", null, [10, 18]],
  ["lrp-tanh", null, [0.0269, 0.0537, 0.0806]],
])("%s %j", (net, rules, expected) => {
  const found = cases.find((c) => c.net === net && JSON.stringify(c.rules) === JSON.stringify(rules))!;
  const [{ data }] = Object.values(found.attributions);
  expected.forEach((value, i) => expect(data[i]).toBeCloseTo(value, 4));
  expect(data).toHaveLength(expected.length);
});

describe.each([...new Set(cases.map(({ net }) => net))])("%s", (name) => {
  const { onnx, inputs, baselines, target } = nets[name];
  let model: Model;

  beforeEach(async () => {
    model = await Model.load(decode(onnx), { backend: "wasm" });
  });
  afterEach(() => {
    model.dispose();
    expect(tf.memory().numTensors).toBe(0);
  });

  const explain = async (c: Case): Promise<Maps> => {
    if (c.rules) {
      await model.activate();
      const ruleOf = ({ origin }: { origin: { path: string } | null }) => RULES[c.rules![origin!.path]];
      return propagate({ model, inputs, additional: {}, target }, ruleOf, "captum");
    }
    return (await attribute(model, { method: c.method, arguments: c.arguments, inputs, baselines, target }))
      .attributions;
  };

  const own = cases.filter((c) => c.net === name);
  const title = (c: Case) => `${c.method} ${JSON.stringify(c.rules ?? c.arguments)}: ${c.call}`;
  test.each(own.map((c) => [title(c), c] as const))("%s", async (_, c) => {
    const { whyNot } = describeMethods(model).find((info) => info.name === c.method)!;
    if (whyNot) return expect(explain(c)).rejects.toThrow(whyNot);
    const first = await explain(c);
    const before = tf.memory().numTensors;
    const maps = await explain(c);
    expect(tf.memory().numTensors).toBe(before);
    const tolerance = Math.max(1e-5, 8 * (c.rounding ?? 0));
    // A model that has never run goes by small chunks, later ones are as large as fits.
    for (const [input, expected] of Object.entries(c.attributions))
      for (const found of [first, maps]) expect(difference(found[input], expected)).toBeLessThan(tolerance);
  });
});
