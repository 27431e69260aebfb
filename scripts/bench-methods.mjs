/**
 * `npm run bench:methods`: every method on ResNet-18 at 224 x 224 on WASM, one thread: until the first picture and until the
 * whole result, beside Captum on torch with one thread. Prints a table and writes it to bench/RESULTS.md.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { launch, serve } from "../bench/browser.mjs";
import { median, place, writeSection } from "../bench/results.mjs";
import { must, prepare, root, venv } from "./environment.mjs";

const MODEL = "resnet18";
const RUNS = 3;
/** No picture within this time is too late for those whose first stage is meant to be quick. */
const FIRST_MS = 1000;

const one = (method, args = {}, more = {}) => ({ method, arguments: args, ...more });
const steps = { n_steps: 25, method: "gausslegendre" };
/** 49 squares. */
const groups = { side: 32 };
const layer = "layer4";

const CASES = [
  { ...one("Saliency", { abs: true }), quick: true },
  one("Input X Gradient"),
  one("Guided Backprop"),
  one("Deconvolution"),
  { ...one("Integrated Gradients", steps), quick: true },
  one("Noise Tunnel", { attribution_method: "Saliency", nt_type: "smoothgrad", nt_samples: 5, stdevs: 0.1, seed: 0 }),
  one("Deep Lift"),
  one("Deep Lift Shap", {}, { rows: 4 }),
  one("Gradient Shap", { n_samples: 5, seed: 0 }, { rows: 4 }),
  one("LRP", { rule: "epsilon" }),
  one("Layer Activation", { layer }),
  one("Layer Gradient X Activation", { layer }),
  one("Layer Conductance", { layer, ...steps }),
  one("Internal Influence", { layer, ...steps }),
  one("Layer Integrated Gradients", { layer, ...steps }),
  { ...one("Layer Grad Cam", { layer, interpolate: "nearest" }), quick: true },
  one("Guided Grad Cam", { layer, interpolate: "nearest" }),
  ...["HiResCAM", "LayerCAM", "Grad-CAM++", "XGrad-CAM", "Eigen-CAM", "Score-CAM"].map((name) => one(name, { layer })),
  one("Guided Integrated Gradients", { n_steps: 50 }),
  one("Blur Integrated Gradients", { n_steps: 25 }),
  { ...one("Occlusion", { sliding_window_shapes: [3, 34, 34], strides: [3, 17, 17] }), quick: true },
  one("Feature Ablation", {}, groups),
  one("Feature Permutation", { seed: 0 }, { ...groups, samples: 2 }),
  one("Shapley Value Sampling", { n_samples: 3, seed: 0 }, groups),
  one("Lime", { n_samples: 50, seed: 0 }, groups),
  one("Kernel Shap", { n_samples: 50, seed: 0 }, groups),
  one("RISE", { n_masks: 100, seed: 0 }),
];
/** Captum has none of these. */
const OURS = [
  ...["HiResCAM", "LayerCAM", "Grad-CAM++", "XGrad-CAM", "Eigen-CAM", "Score-CAM"],
  ...["Guided Integrated Gradients", "Blur Integrated Gradients", "RISE"],
];

const ms = (value) => Math.round(value).toLocaleString("en");

async function ours(browser, url) {
  const page = await browser.newPage();
  page.setDefaultTimeout(600_000);
  await page.goto(`${url}/bench/page.html`);
  await page.waitForFunction("window.ready");
  await page.evaluate((name) => window.bench.load(name), MODEL);
  const results = [];
  for (const asked of CASES) {
    const runs = [];
    // The first prepares kernels, which happens once for a model.
    for (let i = 0; i <= RUNS && (i < 2 || runs[0].whole < 20_000); i++)
      runs.push(await page.evaluate(([c, target]) => window.bench.run(c, target), [asked, i]));
    const kept = runs.length > 1 ? runs.slice(1) : runs;
    const of = (key) => median(kept.map((row) => row[key]));
    results.push({ first: of("first"), whole: of("whole") });
    console.log(`${asked.method}: first ${ms(results.at(-1).first)} ms, whole ${ms(results.at(-1).whole)} ms`);
  }
  const occlusion = CASES.find(({ method }) => method === "Occlusion");
  const pairs = [];
  for (let i = 0; i < RUNS; i++)
    pairs.push(await page.evaluate(([c, target]) => window.bench.patches(c, target), [occlusion, i]));
  await page.close();
  return { results, pairs };
}

function captums() {
  const comparable = CASES.filter(({ method }) => !OURS.includes(method));
  const input = JSON.stringify({ model: MODEL, runs: RUNS, cases: comparable });
  const text = execFileSync(venv("python"), [root("bench/methods/captum_times.py")], {
    input,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answers = JSON.parse(text);
  return CASES.map(({ method }) => answers[comparable.findIndex((other) => other.method === method)] ?? null);
}

function report({ results, pairs }, theirs, facts) {
  const notes = [];
  const rows = CASES.map(({ method, arguments: args, quick, rows: baselines, side }, i) => {
    const { first, whole } = results[i];
    const their = theirs[i];
    const given = Object.entries({ ...args, ...(baselines && { baselines }), ...(side && { "squares of": side }) })
      .map(([name, value]) => `${name} ${[value].flat().join(" ")}`)
      .join(", ");
    if (their?.raises) notes.push(`Captum refuses ${method}: ${their.raises}`);
    const captum = their?.ms ? ms(their.ms) : their?.raises ? "raises" : "has none";
    const ratio = their?.ms ? `${(their.ms / whole).toFixed(2)}×` : "–";
    const early = quick ? (first <= FIRST_MS ? "yes" : "no") : "";
    return `| ${method}${given ? `, ${given}` : ""} | ${ms(first)} | ${early} | ${ms(whole)} | ${captum} | ${ratio} |`;
  });
  return [
    "# The methods",
    "",
    `Milliseconds for one image of 224² and ResNet-18 on WASM, one thread, in a page, beside Captum on torch with one thread.`,
    `_First_: until there is something to see, a preview or the result. Medians of ${RUNS} runs after one other (fewer of what takes`,
    `longer than 20 s). The ratio is Captum's time by ours.`,
    "",
    `| method and arguments | first | ≤ ${FIRST_MS} | whole | Captum | ratio |`,
    "|---|--:|:-:|--:|--:|--:|",
    ...rows,
    "",
    `Occlusion computes only what a window can change, layer by layer: ${ms(median(pairs.map(({ patches }) => patches)))} ms instead of`,
    `${ms(median(pairs.map(({ plain }) => plain)))} ms by whole pictures, ${median(pairs.map(({ plain, patches }) => plain / patches)).toFixed(2)}× as fast`,
    `(the windows above; alternating runs); the maps differ by ${Math.max(...pairs.map(({ apart }) => apart)).toExponential(0)} of their maximum.`,
    "",
    ...notes.flatMap((note) => [note, ""]),
    ...Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`),
    "",
  ].join("\n");
}

async function main() {
  await prepare();
  await must(venv("python"), ["tests/fixtures/zoo.py", "make", root("build/zoo"), MODEL]);
  const theirs = captums();
  const server = await serve({ build: root("build"), models: root("build/zoo"), bench: root("bench/methods") });
  const browser = await launch();
  try {
    const results = await ours(browser, server.url);
    const { version } = JSON.parse(fs.readFileSync(root("package.json"), "utf8"));
    const versions = execFileSync(venv("python"), [
      "-c",
      "import captum, torch; print(captum.__version__, torch.__version__)",
    ]);
    const [captum, torch] = versions.toString().trim().split(" ");
    await writeSection(
      report(results, theirs, {
        Attriscope: version,
        "Compared with": `captum ${captum}, torch ${torch}`,
        ...place(browser),
      }),
    );
  } finally {
    await browser.close();
    server.close();
  }
}

try {
  await main();
} catch (error) {
  console.error(`\nnpm run bench:methods: ${error.message}`);
  process.exitCode = 1;
}
