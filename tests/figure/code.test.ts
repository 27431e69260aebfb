/** @jest-environment node */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Model, type ResultArray } from "../../src/engine";
import { codeOf } from "../../src/figure/code";
import { attribute, describeLayers, describeMethods, METHODS } from "../../src/methods";
import type { Arguments } from "../../src/methods/method";
import type { Card, Result, State } from "../../src/state";
import type { FeatureSpec, NDArray, Sample } from "../../src/wire";
import { imageOf, itemsOf } from "../../src/items";
import { difference, type Net, netNames, readNet, revive } from "../engine/fixtures";
import { makeCard, makeComparison, makeInspection, makeState, summed } from "../gallery/fake-store";

const OFFERED: State["methods"] = METHODS.map((method) => ({ ...method, whyNot: undefined }));

// -- the numbers -----------------------------------------------------------------------------------------------------------

/** What is chosen for a net of the fixtures. */
interface Asked {
  net: string;
  method: string;
  arguments?: Arguments;
  /** How many of the net's samples are shown. */
  samples?: number;
  masked?: boolean;
  /** The page does not know the model's modules. */
  nameless?: boolean;
}

const everywhere = (method: string, args: Arguments = {}, more: Partial<Asked> = {}): Asked[] =>
  ["digits", "two-images"].map((net) => ({ net, method, arguments: args, ...more }));

/** Nets that read tokens, numbers, both, or a picture with a question. */
const WORDS = ["text_cnn", "mlp_batch_norm", "tokens", "image_text"];
const anywhere = (method: string, args: Arguments = {}, nets: readonly string[] = WORDS): Asked[] =>
  nets.map((net) => ({ net, method, arguments: args }));

const CASES: Asked[] = [
  ...anywhere("Saliency", { abs: false }),
  ...anywhere("Input X Gradient"),
  ...anywhere("Guided Backprop"),
  ...anywhere("Integrated Gradients", { n_steps: 7, method: "riemann_middle" }),
  ...anywhere("Integrated Gradients", { multiply_by_inputs: false }),
  ...anywhere("Deep Lift"),
  ...anywhere("Deep Lift Shap"),
  ...anywhere("Gradient Shap", { n_samples: 6, stdevs: 0.5, seed: 5 }),
  ...anywhere("Noise Tunnel", { nt_samples: 4, stdevs: 0.2, seed: 3, attribution_method: "Integrated Gradients" }),
  ...anywhere("Feature Ablation", { segments: "grid", n_segments: 9 }),
  ...anywhere("Feature Permutation", { segments: "grid", n_segments: 6, seed: 1 }),
  ...anywhere("Occlusion"),
  ...anywhere("Shapley Value Sampling", { segments: "grid", n_segments: 6, n_samples: 3, seed: 2 }),
  ...anywhere("Kernel Shap", { segments: "grid", n_segments: 6, n_samples: 40, seed: 4 }),
  ...anywhere("Feature Ablation", {}, ["tabular_embeddings"]),
  { net: "text_cnn", method: "Integrated Gradients", arguments: { n_steps: 5 }, nameless: true },
  { net: "text_cnn", method: "Saliency", nameless: true },
  ...anywhere("Layer Activation", { layer: "embedding" }, ["text_cnn", "tokens"]),
  ...anywhere("Layer Gradient X Activation", { layer: "embedding" }, ["text_cnn", "tokens"]),
  ...anywhere("Layer Integrated Gradients", { layer: "embedding", n_steps: 12 }, ["text_cnn", "tokens"]),
  ...anywhere("Layer Conductance", { layer: "head.1", n_steps: 12 }, ["text_cnn"]),
  ...anywhere("Layer Conductance", { layer: "mix", n_steps: 12 }, ["tokens"]),
  ...anywhere("Internal Influence", { layer: "mix", n_steps: 12 }, ["tokens"]),
  ...everywhere("Saliency", { abs: false }),
  ...everywhere("Input X Gradient"),
  ...everywhere("Guided Backprop"),
  ...everywhere("Deconvolution"),
  ...everywhere("Integrated Gradients", { n_steps: 7, method: "riemann_middle" }),
  ...everywhere("Integrated Gradients", { multiply_by_inputs: false }),
  ...everywhere("Deep Lift"),
  ...everywhere("Deep Lift", {}, { samples: 1 }),
  ...everywhere("Deep Lift Shap"),
  ...everywhere("Gradient Shap", { n_samples: 6, stdevs: 1, seed: 5 }),
  ...everywhere("Noise Tunnel", { nt_samples: 4, stdevs: 0.2, seed: 3 }),
  ...everywhere("Noise Tunnel", { attribution_method: "Integrated Gradients", nt_type: "vargrad", nt_samples: 3 }),
  ...everywhere("Feature Ablation", { perturbations_per_eval: 64 }),
  ...everywhere("Feature Ablation", { segments: "grid", n_segments: 9 }),
  ...everywhere("Feature Ablation", {}, { masked: true }),
  ...everywhere("Feature Permutation", { segments: "grid", n_segments: 6, seed: 1 }),
  ...everywhere("Occlusion"),
  { net: "digits", method: "Occlusion", arguments: { sliding_window_shapes: 3, strides: 2 } },
  { net: "two-images", method: "Occlusion", arguments: { sliding_window_shapes: [[3, 3, 3], [1, 2, 2]], strides: 1 } },
  ...everywhere("Shapley Value Sampling", { segments: "grid", n_segments: 6, n_samples: 3, seed: 2 }),
  ...everywhere("Shapley Values", { segments: "grid", n_segments: 3 }),
  ...everywhere("Lime", { segments: "grid", n_segments: 6, n_samples: 40, seed: 4 }),
  ...everywhere("Lime", { segments: "grid", n_segments: 6, n_samples: 40, alpha: 1e-3, distance_mode: "euclidean", kernel_width: 3 }), // prettier-ignore
  ...everywhere("Kernel Shap", { segments: "grid", n_segments: 6, n_samples: 40, seed: 4 }),
  ...everywhere("Layer Activation"),
  ...everywhere("Layer Gradient X Activation"),
  { net: "digits", method: "Layer Conductance", arguments: { layer: "8", n_steps: 12 } },
  { net: "digits", method: "Internal Influence", arguments: { layer: "7", n_steps: 12 } },
  { net: "digits", method: "Layer Integrated Gradients", arguments: { layer: "0", n_steps: 12 } },
  ...everywhere("Layer Grad Cam", { interpolate: "bilinear", relu_attributions: true }),
  { net: "two-images", method: "Layer Grad Cam", arguments: { layer: "relu1", interpolate: "none", attr_dim_summation: false } },
  { net: "two-images", method: "Guided Grad Cam", arguments: { layer: "relu1", interpolate: "nearest" } },
  ...["epsilon", "gamma", "alpha1_beta0", "epsilon_gamma", "epsilon_plus"].map((rule) => ({
    net: "golden-one-conv",
    method: "LRP",
    arguments: { rule, epsilon: 0.1 },
  })),
]; // prettier-ignore

const rowsOf = ({ data, shape }: { data: ArrayLike<number>; shape: number[] }): NDArray[] => {
  const size = data.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => ({
    dtype: "float32",
    shape: shape.slice(1),
    data: Float32Array.from(Array.from(data).slice(i * size, (i + 1) * size)),
  }));
};

/** Patches of the left and of the right, of all inputs. */
const maskOf = ({ shape }: NDArray, input: number): NDArray => ({
  dtype: "int32",
  shape,
  data: Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 2 * input + Number(i % 3 > 0)),
});

/** One of the small nets, or of the zoo's, whose baselines are other samples and zeros. */
function netOf(name: string): Net {
  if (netNames().includes(name)) return readNet(name);
  const file = path.join(__dirname, "../fixtures/data/zoo", name);
  const net = JSON.parse(readFileSync(`${file}.json`, "utf8"), revive) as Net;
  const baselines = (change: (data: ResultArray["data"], size: number) => ArrayLike<number>): Net["inputs"] =>
    Object.fromEntries(
      Object.entries(net.inputs).map(([input, { data, shape }]) => {
        const changed = change(data, data.length / shape[0]);
        return [input, { data: Float32Array.from(changed), shape }];
      }),
    );
  const others = baselines((data, size) => [...data.slice(size), ...data.slice(0, size)]);
  const onnx = new Uint8Array(readFileSync(`${file}.onnx`));
  return { ...net, onnx, baselines: { random: others, zero: baselines((data) => data.map(() => 0)) } };
}

const kindOf = ({ dtype, shape }: Model["inputs"][number]): FeatureSpec["kind"] =>
  dtype !== "float32" ? "text" : shape.length === 2 ? "general" : "image";

/** What is shown of an input. */
function shownOf(input: NDArray, kind: FeatureSpec["kind"]): Sample["display"][number] {
  const items = Array.from(input.data as Float32Array);
  return kind === "image" ? input : kind === "text" ? items.map((id) => `word ${id}`) : items;
}

/** The state of an explorer that shows a net's first samples, explained by our engine as the session asks it. */
async function stateOf(net: Net, model: Model, { method, arguments: args = {}, samples = 2, masked, nameless }: Asked) {
  const names = model.inputs.map(({ name }) => name);
  const inputs = names.map((name) => rowsOf(net.inputs[name]));
  const kinds = model.inputs.map(kindOf);
  const choices = ["random", "zero"];
  const info = METHODS.find(({ name }) => name === method)!;
  const count = Math.min(samples, inputs[0].length);
  const made = Array.from({ length: count }, (_, i): Sample => ({
    ...makeCard(i).sample,
    inputs: inputs.map((all) => all[i]),
    display: inputs.map((all, f) => shownOf(all[i], kinds[f])),
    baselines: names.map((name) => choices.map((choice) => rowsOf(net.baselines[choice][name])[i])),
    outputs: [{ raw: rowsOf(net.raw)[i], scores: rowsOf(net.scores)[i] }],
    feature_masks: inputs.map((all, f) => (masked ? maskOf(all[i], f) : null)),
  }));
  const batched = (arrays: NDArray[][]) =>
    Object.fromEntries(
      names.map((name, f) => [
        name,
        {
          data: Float32Array.from(arrays.flatMap((each) => Array.from(each[f].data as Float32Array))),
          shape: [arrays.length, ...arrays[0][f].shape],
        },
      ]),
    );
  const explain = async (some: Sample[], target: number[]) =>
    attribute(model, {
      method,
      arguments: args,
      inputs: batched(some.map((sample) => sample.inputs)),
      baselines:
        info.baselines === "none"
          ? undefined
          : info.baselines === "one"
            ? batched(some.map((sample) => sample.baselines.map(([first]) => first)))
            : batched(choices.map((_, b) => some[0].baselines.map((all) => all[b]))),
      feature_mask: masked ? batched(some.map((sample) => sample.feature_masks as NDArray[])) : undefined,
      target,
    });
  const targets = (net.target ?? []).slice(0, count);
  const answers = info.together
    ? [await explain(made, targets)]
    : await Promise.all(made.map((sample, i) => explain([sample], [targets[i]])));
  const cards = made.map((sample, i): Card => {
    const attributions = names.map((name) => {
      const map = answers[info.together ? 0 : i].attributions[name];
      return map ? summed(map.data.slice(0), map.shape.slice(1)) : null;
    });
    const result: Result = { ...makeCard(0).result!, method, arguments: args, attributions };
    return { ...makeCard(i), sample, target: targets[i], result };
  });
  const state = makeState({
    cards,
    method,
    arguments: args,
    methods: describeMethods(model),
    layers: nameless ? [] : describeLayers(model),
    features: names.map((name, f) => ({ name, kind: kinds[f], input: name, baselines: choices, categories: [] })),
  });
  return { state, answers };
}

/** What a user would put in for the placeholders. */
function tensorsOf({ cards, features }: State) {
  const stacked = (rows: NDArray[], kind = "float") => ({
    kind,
    shape: [rows.length, ...rows[0].shape],
    data: rows.flatMap(({ data }) => Array.from(data as Float32Array)),
  });
  const whole = <T>(parts: T[]) => (parts.length > 1 ? parts : parts[0]);
  const kindOf = (f: number): string => (features[f].kind === "text" ? "int" : "float");
  const byFeature = (rows: (sample: Sample, f: number) => NDArray, kind?: string) =>
    whole(features.map((_, f) => stacked(cards.map(({ sample }) => rows(sample, f)), kind ?? kindOf(f)))); // prettier-ignore
  const each = cards.map(({ sample }) => whole(sample.baselines.map((all, f) => stacked(all, kindOf(f)))));
  const [image, text] = [features, features].map((all, i) =>
    all.findIndex(({ kind }) => kind === ["image", "text"][i]),
  );
  const masked = cards[0].sample.feature_masks[0] !== null;
  return {
    inputs: byFeature(({ inputs }, f) => inputs[f]),
    ...(image < 0 ? {} : { images: stacked(cards.map(({ sample }) => imageOf(sample, image)!)) }),
    ...(text < 0 ? {} : { tokens: cards.map(({ sample }) => itemsOf(sample, text)) }),
    baselines: byFeature(({ baselines }, f) => baselines[f][0]),
    all_baselines: cards.length > 1 ? each : each[0],
    embedding_path: "embedding",
    ...(masked ? { feature_mask: byFeature((sample, f) => sample.feature_masks[f]!, "int") } : {}),
  };
}

interface Ran {
  attributions: ResultArray[];
  delta: ResultArray | null;
}

/** What Python makes of it; where no net is named, it is only read. */
function run(cases: { net?: string; code: string; tensors?: object }[]): Ran[] {
  const bin = process.platform === "win32" ? "Scripts/python.exe" : "bin/python";
  const python = path.join(__dirname, "../../.venv", bin);
  const input = JSON.stringify(cases);
  const output = execFileSync(python, [path.join(__dirname, "run_code.py")], { input, maxBuffer: 2 ** 28 });
  return JSON.parse(output.toString(), revive) as Ran[];
}

test("run by Captum, the code gives our numbers", async () => {
  const asked = [];
  const expected: { about: string; maps: ResultArray[]; deltas: (number | null)[] }[] = [];
  for (const name of new Set(CASES.map(({ net }) => net))) {
    const net = netOf(name);
    const model = await Model.load(net.onnx, { backend: "wasm" });
    for (const one of CASES.filter((other) => other.net === name)) {
      const { state, answers } = await stateOf(net, model, one);
      asked.push({ net: name, code: codeOf(state, state.display), tensors: tensorsOf(state) });
      const maps = model.inputs.flatMap(({ name: input }) => {
        const parts = answers.flatMap(({ attributions }) => (attributions[input] ? [attributions[input]] : []));
        const data = Float32Array.from(parts.flatMap((part) => Array.from(part.data)));
        return parts.length > 0 ? [{ data, shape: [data.length] }] : [];
      });
      const about = `${name} ${one.method} ${JSON.stringify(one.arguments ?? {})}`;
      expected.push({ about, maps, deltas: answers.map(({ delta }) => delta?.[0] ?? null) });
    }
    model.dispose();
  }
  const found = run(asked);
  const problems = expected.flatMap(({ about, maps, deltas }, i) => {
    const { attributions, delta } = found[i];
    const off = maps.map((map, k) => difference(attributions[k], map, 1e-3));
    if (attributions.length !== maps.length || !off.every((d) => d < 1e-4)) return [`${about}: ${off.join(", ")}`];
    const far = delta && deltas.some((d, k) => d === null || !(Math.abs(d - delta.data[k]) < 1e-3));
    return far ? [`${about}: delta ${deltas.join()}, Captum's ${delta.data.join()}`] : [];
  });
  expect(problems).toEqual([]);
}, 300_000);

// -- the words -------------------------------------------------------------------------------------------------------------

const LAYERS: State["layers"] = [
  { name: "features.0", class: "torch.nn.Conv2d", shape: [null, 6, 28, 28], spatial: true },
  { name: "features.3", class: "torch.nn.Conv2d", shape: [null, 16, 10, 10], spatial: true },
  { name: "head", class: "torch.nn.Linear", shape: [null, 10], spatial: false },
];

/** The code of one method on two samples. */
function codeFor(method: string, args: Arguments = {}, change: Partial<State> = {}): string {
  const cards = [20, 21].map((id) => makeCard(id));
  for (const card of cards) card.result = { ...card.result!, method, arguments: args };
  const state = makeState({ cards, methods: OFFERED, layers: LAYERS, method, arguments: args, ...change });
  return codeOf(state, state.display);
}

test("a batch, its placeholders, the call and the picture", () => {
  expect(codeFor("Integrated Gradients", { n_steps: 25 })).toBe(`# Captum 0.9.0
# model: "Net", in evaluation mode; explained is its own output, without score_func
# inputs: float tensor [2, 3, 32, 32], as the model sees them: samples 20, 21
# baselines: float tensor [2, 3, 32, 32], "zero (grey)": each sample's own
# images: tensor [2, 3, 32, 32], as shown: floats 0..1 or integers 0..255

from captum.attr import IntegratedGradients, visualization

target = [2, 6]  # "Bird", "Frog"

explainer = IntegratedGradients(model)
attributions, delta = explainer.attribute(
    inputs,
    baselines=baselines,
    target=target,
    n_steps=25,
    method="gausslegendre",
    return_convergence_delta=True,
)

for image, attribution in zip(images, attributions):
    visualization.visualize_image_attr(
        attribution.detach().permute(1, 2, 0).numpy(),
        image.permute(1, 2, 0).numpy(),
        method="blended_heat_map",
        sign="all",
        outlier_perc=2,
        cmap="PuOr_r",
        alpha_overlay=0.85,
        show_colorbar=True,
    )
`);
});

test("random numbers start anew for every sample, as on the page", () => {
  const code = codeFor("Gradient Shap", { n_samples: 5, stdevs: 1, seed: 7 });
  expect(code).toContain("import numpy as np\nimport torch\nfrom captum.attr import GradientShap, visualization");
  expect(code).toContain(`found = []
for x, x0, y in zip(inputs.split(1), all_baselines, target):
    torch.manual_seed(7)
    np.random.seed(7)
    attribution = explainer.attribute(
        x,
        baselines=x0,
        target=y,
        n_samples=5,
        stdevs=1.0,
    )
    found.append(attribution)
attributions = torch.cat(found)`);
});

test.each([
  [{ layer: "features.3" }, "model.features[3]"],
  [{ layer: "body.my layer.0" }, 'model.get_submodule("body.my layer.0")'],
  [{}, "model.features[3]"],
])("layer %j is %s", (args, expected) => {
  const code = codeFor("Layer Grad Cam", args);
  expect(code).toContain(`LayerGradCam(model, ${expected})`);
  expect(code).toContain('LayerAttribution.interpolate(attributions, (32, 32), "nearest")');
});

test("what Captum lacks is ours", () => {
  expect(codeFor("HiResCAM", { layer: "features.3", interpolate: "bilinear" }))
    .toBe(`# visualizer: the AttributionVisualizer

# Captum has no HiResCAM (Draelos and Carin 2020): Attriscope computes it.
visualizer.render(
    method="HiResCAM",
    arguments={"layer": "features.3", "relu_attributions": False, "interpolate": "bilinear"},
)
`);
  expect(codeFor("Deep Lift", { mode: "exact" })).toContain("# Captum's DeepLift has no such mode");
});

test("the rules of LRP by layer", () => {
  expect(codeFor("LRP", { rule: "epsilon_gamma" })).toContain(`lower = ["features.0"]
for name, module in model.named_modules():
    if isinstance(module, torch.nn.Conv2d):
        module.rule = GammaRule(gamma=0.25) if name in lower else EpsilonRule(epsilon=1e-9)
    elif isinstance(module, torch.nn.Linear):
        module.rule = EpsilonRule(epsilon=1e-9)
    elif isinstance(module, torch.nn.BatchNorm2d):
        module.rule = EpsilonRule(epsilon=1e-9)`);
});

test.each([
  ["Masked", "signed", "PuOr", ["masked_image", "positive", "PuOr_r"]],
  ["Alpha", "signed", "RdBu", ["alpha_scaling", "absolute_value", "RdBu_r"]],
  ["Heat map", "negative", "PuOr", ["heat_map", "negative", "Purples"]],
  ["Overlay", "absolute", "Greys", ["blended_heat_map", "absolute_value", "Greys"]],
] as const)("%s, %s, %s is Captum's %j", (style, sign, cmap, [method, shown, colours]) => {
  const state = makeState({ methods: OFFERED });
  const code = codeOf(state, { ...state.display, style, sign, cmap });
  expect(code).toContain(
    `method="${method}",\n        sign="${shown}",\n        outlier_perc=2,\n        cmap="${colours}"`,
  );
});

test("Compare: a section for each column that can be computed, drawn by one function", () => {
  const state = makeState({ view: "compare", methods: OFFERED });
  const comparison = makeComparison(state.cards);
  comparison.columns[2].whyNot = "not here";
  const code = codeOf({ ...state, comparison }, state.display);
  expect(code.match(/^# \d\. .*$/gm)).toEqual(["# 1. Integrated Gradients", "# 2. Deep Lift", "# 3. Occlusion"]);
  expect(code.match(/^target = /gm)).toHaveLength(1);
  expect(code.match(/^show\(attributions\)$/gm)).toHaveLength(3);
});

test("Compare of models: each of them in its turn", () => {
  const state = makeState({ view: "compare", methods: OFFERED, models: ["Net", "Other"] });
  const comparison = makeComparison(state.cards, [
    { method: "Saliency", arguments: {} },
    { method: "Saliency", arguments: {} },
  ]);
  comparison.columns[1].model = 1;
  const code = codeOf({ ...state, comparison }, state.display);
  expect(code).toContain('# models: ["Net", "Other"]');
  expect(code).toContain('# 2. Saliency of model "Other"\nmodel = models[1]');
});

test("Inspect: the selected sample alone", () => {
  const state = makeState({ view: "inspect", methods: OFFERED });
  const code = codeOf({ ...state, inspection: makeInspection(state.cards[3]) }, state.display);
  expect(code).toContain("inputs: float tensor [1, 3, 32, 32], as the model sees them: sample 23");
});

describe("texts", () => {
  const TOKENS = [
    ["a", "dull", "film"],
    ["superb", "!"],
  ];
  const feature = (name: string, kind: FeatureSpec["kind"]): FeatureSpec => {
    return { name, kind, input: name, baselines: ["zero"], categories: [] };
  };
  const cards = (lengths: "same" | "different"): Card[] =>
    TOKENS.map((tokens, i) => makeCard(i, { display: [lengths === "same" ? TOKENS[0] : tokens] }));
  const codeOfTexts = (method: string, of: Card[], change: Partial<State> = {}): string => {
    for (const card of of) card.result = { ...card.result!, method, arguments: {} };
    const features = [feature("review", "text")];
    return codeOf(
      makeState({ cards: of, features, methods: OFFERED, layers: [], method, ...change }),
      makeState().display,
    );
  };
  const embedding = (name: string, input: string, all: boolean): State["layers"][number] => {
    return { name, class: "torch.nn.Embedding", shape: [null, 3, 8], spatial: false, embeds: { input, all } };
  };

  test("their ids are explained at the layer that looks them up", () => {
    const code = codeOfTexts("Integrated Gradients", cards("same"), {
      layers: [embedding("bert.word", "review", true)],
    });
    expect(code).toContain("# inputs: int64 tensor [2, 3]");
    expect(code).toContain("explainer = LayerIntegratedGradients(model, model.bert.word)");
    expect(code).toContain("\nattributions = attributions.sum(-1)\n");
    expect(code).not.toContain("pixel");
  });

  test("or at a placeholder, which is explained, where the page knows no layer", () => {
    const code = codeOfTexts("Deep Lift", cards("same"));
    expect(code).toContain('# embedding_path: which of model.named_modules() looks up "review", its path');
    expect(code).toContain("explainer = LayerDeepLift(model, model.get_submodule(embedding_path))");
    expect(codeOfTexts("Guided Backprop", cards("same"))).toContain(
      "embedding = configure_interpretable_embedding_layer(model, embedding_path)",
    );
  });

  test("where several layers look them up, or one looks up some, Captum cannot", () => {
    const [word, type] = [embedding("word", "review", true), embedding("type", "review", true)];
    const why = "# Captum explains integers at the one embedding that looks up all of them, which these do not have";
    expect(codeOfTexts("Saliency", cards("same"), { layers: [word, type] })).toContain(why);
    expect(codeOfTexts("Saliency", cards("same"), { layers: [embedding("a", "review", false)] })).toContain(why);
    expect(codeOfTexts("Feature Ablation", cards("same"), { layers: [word, type] })).toContain("explainer = FeatureAblation(model)"); // prettier-ignore
  });

  test("are drawn by Captum with what it says beside them", () => {
    const code = codeOfTexts("Feature Ablation", cards("same"));
    const [first] = cards("same");
    const [{ label, score }] = first.predictions;
    expect(code).toContain('# tokens: list with the tokens of each sample of "review", list of str');
    expect(code).toContain(`    (${Number(score.toFixed(4))}, "${label}", `);
    expect(code).toContain(
      "for words, attribution, (probability, prediction, truth, explained) in zip(tokens, attributions, said):",
    );
    expect(code).toContain("visualization.visualize_text(records)");
  });

  test("of different lengths go one by one", () => {
    const code = codeOfTexts("Integrated Gradients", cards("different"));
    expect(code).toContain(
      "# inputs: list with one for each sample: int64 tensor [1, T], as the model sees them: samples 0, 1",
    );
    expect(code).toContain("for x, x0, y in zip(inputs, baselines, target):");
    expect(code).toContain("    found.append(attribution.sum(-1))\n");
    expect(code).toContain("attributions = [one[0] for one in found]\n");
  });
});

test("names, paths and arguments from anywhere end no comment and no string", () => {
  const evil = 'x"\n__import__("os").system("false")\r#\u2028\ud800';
  const cards = [20, 21].map((id) => makeCard(id));
  const change: Partial<State> = {
    cards,
    models: [evil],
    classes: Array<string>(10).fill(evil),
    features: [{ name: evil, kind: "image", input: evil, baselines: [evil], categories: [] }],
  };
  const args: Arguments = {
    layer: evil,
    [evil]: 1,
    rule: "constructor",
    n_segments: evil,
    segments: "grid",
    strides: [evil as never],
  };
  const methods = ["Layer Grad Cam", "HiResCAM", "Occlusion", "LRP", "Lime", evil];
  const codes = methods.map((method) =>
    codeFor(method, args, { ...change, cards: cards.map((card) => ({ ...card, result: null })) }),
  );
  for (const code of codes) expect(code).not.toMatch(/^__import__/m);
  expect(run(codes.map((code) => ({ code })))).toHaveLength(methods.length);
});

test("without samples there is nothing to explain", () => {
  const state = makeState({ cards: [] });
  expect(codeOf(state, state.display)).toBe("# There are no samples to explain.\n");
});
