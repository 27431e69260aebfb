/**
 * `npm run bench`: from click to picture, Attriscope against Captum Insights 0.8.0, on the tutorial's model and images, in
 * the same headless Chromium. Prints a table and writes it to bench/RESULTS.md.
 */
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { launch } from "../bench/browser.mjs";
import { openAttriscope, openInsights } from "../bench/explorers.mjs";
import { median, place, writeSection } from "../bench/results.mjs";
import { env, must, prepare, root, venv } from "./environment.mjs";

const WINDOWS = { sliding_window_shapes: [3, 8, 8], strides: [3, 4, 4] };

/**
 * In the order of Captum Insights' menu. `runs`: how many follow the first one there. Without `perturbations_per_eval`
 * each explorer takes its own default: one at a time there, as many as memory allows here. `heavy`: left out on WebGL,
 * where a software renderer would take minutes for it.
 */
const CASES = [
  { method: "Deconvolution", arguments: {} },
  { method: "Deep Lift", arguments: {} },
  { method: "Guided Backprop", arguments: {} },
  { method: "Input X Gradient", arguments: {} },
  { method: "Integrated Gradients", arguments: { n_steps: 25, method: "gausslegendre" } },
  { method: "Saliency", arguments: {} },
  { method: "Feature Ablation", arguments: {}, runs: 2, heavy: true },
  { method: "Feature Ablation", arguments: { perturbations_per_eval: 100 }, heavy: true },
  { method: "Occlusion", arguments: WINDOWS },
  { method: "Occlusion", arguments: { ...WINDOWS, perturbations_per_eval: 100 } },
];
const RUNS = 5;
/** Runs after the first one, by backend. */
const BACKENDS = { wasm: RUNS, webgl: 2 };

/** The first run and the median of the others, in ms. `cycle(i)` is one run. */
async function measure(runs, cycle) {
  const first = await cycle(0);
  const warm = [];
  for (let i = 1; i <= runs; i++) warm.push(await cycle(i));
  return { first, warm: median(warm), runs };
}

async function measureInsights(browser, port) {
  const results = [];
  for (const { method, arguments: args, runs = RUNS } of CASES) {
    const explorer = await openInsights(browser, port);
    // As in Attriscope's page, the default method is on the screen; the server would remember the last one.
    await explorer.choose("Integrated Gradients", {});
    await explorer.show();
    await explorer.choose(method, args);
    results.push(await measure(runs, () => explorer.show()));
    console.log(`Captum Insights, ${method}: ${Math.round(results.at(-1).warm)} ms`);
    await explorer.close();
  }
  return results;
}

async function measureAttriscope(browser, url, backend) {
  const results = [];
  for (const { method, arguments: args, heavy } of CASES) {
    if (heavy && backend === "webgl") {
      results.push(null);
      continue;
    }
    const explorer = await openAttriscope(browser, url, backend);
    if (!explorer.available) {
      console.log(`Attriscope: ${backend} does not start in this browser`);
      await explorer.close();
      return null;
    }
    // Another class in every run: what has been computed for one class cannot answer for another.
    results.push(
      await measure(Math.min(BACKENDS[backend], explorer.runs - 1), async (i) => {
        await explorer.choose(method, args, i);
        return explorer.show(method);
      }),
    );
    console.log(`Attriscope on ${backend}, ${method}: ${Math.round(results.at(-1).warm)} ms`);
    await explorer.close();
  }
  return results;
}

/** The Python of Captum Insights' environment, which is made if its packages are others than bench/insights.txt asks for. */
async function insightsEnvironment() {
  const home = root("bench", ".insights");
  const python = path.join(home, path.relative(root(".venv"), venv("python")));
  const [wanted, installed] = [root("bench", "insights.txt"), path.join(home, "installed.txt")];
  const upToDate = fs.existsSync(installed) && fs.readFileSync(installed).equals(fs.readFileSync(wanted));
  if (upToDate) return python;
  console.log("\n== Installing Captum Insights 0.8.0 into bench/.insights");
  await must(venv("python"), ["-m", "venv", home]);
  await must(python, ["-m", "pip", "install", "--quiet", "-r", wanted]);
  fs.copyFileSync(wanted, installed);
  return python;
}

/** Starts the server of Captum Insights; it ends with `stop()`. */
async function serveInsights(python, environment) {
  const child = spawn(python, [root("bench", "tutorial.py"), "insights"], { env: environment });
  let log = "";
  const announced = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      log += chunk;
      const line = log.match(/^\{"port".*\}$/m);
      if (line) resolve(JSON.parse(line[0]));
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => reject(new Error(`Captum Insights ended with exit code ${code}:\n${log}`)));
  });
  return { ...announced, stop: () => child.kill("SIGKILL") };
}

const ms = (value) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en"));
const ratio = (theirs, ours) => `${(theirs / ours).toFixed(theirs / ours < 20 ? 1 : 0)}×`;
const labelled = ({ method, arguments: args }) =>
  [
    method,
    ...Object.entries(args).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(" ") : value}`),
  ].join(", ");

function report(insights, attriscope, environment) {
  const { wasm, webgl } = attriscope;
  const rows = CASES.map((entry, i) => {
    const cells = [ms(insights[i].first), ms(insights[i].warm)];
    cells.push(ms(wasm[i].first), ms(wasm[i].warm), ratio(insights[i].warm, wasm[i].warm));
    cells.push(insights[i].warm >= 10 * wasm[i].warm ? "yes" : "no", webgl?.[i] ? ms(webgl[i].warm) : "–");
    return `| ${labelled(entry)} | ${cells.join(" | ")} |`;
  });
  return [
    "# From click to picture",
    "",
    "Milliseconds from the click (Fetch there, the method menu here) until the pictures of all four samples are on the",
    "screen: the CIFAR-10 tutorial's network, its first four test images, the same arguments, the same headless Chromium.",
    `*First*: the method's first run in a freshly opened page. *Then*: the median of ${RUNS} further runs (Feature Ablation`,
    "with Insights' default: of 2). In every run Attriscope explains another class, so that nothing comes out of its cache.",
    "Where no `perturbations_per_eval` is given, each takes its default: one at a time there, what fits the memory here.",
    "",
    "| method and arguments | Insights first | Insights then | Attriscope first | Attriscope then | ratio | ≤ 1/10 | on WebGL, then |",
    "|---|--:|--:|--:|--:|--:|:-:|--:|",
    ...rows,
    "",
    "Attriscope's columns are the WASM backend. WebGL is listed for information (2 runs): without graphics hardware Chromium",
    "computes with a software renderer, which tells nothing about a real one.",
    "",
    ...Object.entries(environment).map(([name, value]) => `- ${name}: ${value}`),
    "",
  ].join("\n");
}

async function main() {
  await prepare();
  const python = await insightsEnvironment();
  const shared = root("..", "shared", "data", "cifar10");
  const folder = process.env.ATTRISCOPE_CIFAR10 ?? (fs.existsSync(shared) ? shared : root("examples", "data"));
  const environment = { ...env, ATTRISCOPE_CIFAR10: folder };
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "attriscope-bench-"));
  const file = path.join(scratch, "page.html");
  const browser = await launch();
  let server;
  try {
    const arguments_ = [root("bench", "tutorial.py"), "attriscope", file];
    const written = await promisify(execFile)(venv("python"), arguments_, { env: environment });
    const ours = JSON.parse(written.stdout.trim().split("\n").at(-1));
    const attriscope = {};
    for (const backend of Object.keys(BACKENDS))
      attriscope[backend] = await measureAttriscope(browser, pathToFileURL(file).href, backend);
    server = await serveInsights(python, environment);
    const insights = await measureInsights(browser, server.port);
    const named = (versions) =>
      Object.entries(versions)
        .map((entry) => entry.join(" "))
        .join(", ");
    const text = report(insights, attriscope, {
      Attriscope: named(ours.versions),
      "Captum Insights": named(server.versions),
      ...place(browser),
    });
    await writeSection(text);
  } finally {
    server?.stop();
    await browser.close();
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`\nnpm run bench: ${error.message}`);
  process.exitCode = 1;
}
