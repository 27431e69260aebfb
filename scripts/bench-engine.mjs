/**
 * `npm run bench:engine`: the engine on WASM against its own forward pass, ONNX Runtime Web and tfjs alone, each with one
 * thread, turn by turn in the same headless Chromium. Prints a table and writes it to bench/RESULTS.md.
 */
import fs from "node:fs";
import { launch, serve } from "../bench/browser.mjs";
import { median, place, writeSection } from "../bench/results.mjs";
import { must, prepare, root, venv } from "./environment.mjs";

const MODELS = ["resnet18", "mobilenet_v2", "efficientnet_b0"];
const RUNS = 21;
/** Slow, and not what is judged. */
const STOCK_RUNS = 5;
/** Before the first that counts: the browser compiles what is hot. */
const WARM = 4;

const folder = root("bench/engine");
const packages = root("bench/engine/node_modules");

async function installPackages() {
  const { dependencies } = JSON.parse(fs.readFileSync(`${folder}/package.json`, "utf8"));
  const installed = (name) => {
    const file = `${packages}/${name}/package.json`;
    return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).version : undefined;
  };
  if (Object.entries(dependencies).some(([name, version]) => installed(name) !== version)) {
    console.log("\n== Installing ONNX Runtime Web and tfjs into bench/engine");
    await must("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", folder]);
  }
  return dependencies;
}

async function open(browser, url) {
  const page = await browser.newPage();
  page.setDefaultTimeout(600_000);
  page.on("pageerror", (error) => console.error(`${url}: ${error.message}`));
  await page.goto(url);
  await page.waitForFunction("window.ready");
  return {
    load: (name) => page.evaluate((n) => window.bench.load(n), name),
    run: (i) => page.evaluate((n) => window.bench.run(n), i),
    close: () => page.close(),
  };
}

async function measure(browser, url, name) {
  const [ours, stock] = [await open(browser, `${url}/bench/page.html`), await open(browser, `${url}/bench/stock.html`)];
  const loaded = await ours.load(name);
  await stock.load(name);
  const runs = [];
  const stockRuns = [];
  for (let i = 0; i < WARM + RUNS; i++) {
    runs.push(await ours.run(i));
    if (i < 1 + STOCK_RUNS) stockRuns.push(await stock.run(i));
  }
  await ours.close();
  await stock.close();
  const of = (rows, key) => median(rows.map((row) => row[key]));
  const kept = runs.slice(WARM);
  const result = {
    name,
    ...loaded,
    forward: of(kept, "forward"),
    gradient: of(kept, "gradient"),
    ort: of(kept, "ort"),
    ratio: median(kept.map(({ gradient, forward }) => gradient / forward)),
    toOrt: median(kept.map(({ forward, ort }) => forward / ort)),
    stockForward: of(stockRuns.slice(1), "forward"),
    stockGradient: stockRuns[0].error ? null : of(stockRuns.slice(1), "gradient"),
    stockError: stockRuns[0].error,
  };
  console.log(`${name}: gradient ${result.ratio.toFixed(2)} × forward, forward ${result.toOrt.toFixed(2)} × ORT`);
  return result;
}

const ms = (value) => (value === null ? "–" : Math.round(value).toLocaleString("en"));

function report(results, facts) {
  const rows = results.map((r) => {
    const stock = r.stockGradient === null ? "none" : `${(r.stockGradient / r.stockForward).toFixed(1)}×`;
    const cells = [ms(r.load), ms(r.first), ms(r.firstGradient), ms(r.forward), ms(r.gradient)];
    cells.push(`${r.ratio.toFixed(2)}×`, ms(r.ort), `${r.toOrt.toFixed(2)}×`, ms(r.stockForward));
    cells.push(ms(r.stockGradient), stock, r.difference.toExponential(0));
    return `| ${r.name} | ${cells.join(" | ")} |`;
  });
  const errors = results.filter(({ stockError }) => stockError);
  return [
    "# The engine",
    "",
    `Milliseconds on WASM, one thread, one image of 224², in a page. Medians of ${RUNS} runs after ${WARM} others (tfjs alone: of`,
    `${STOCK_RUNS}), turn by turn; ratios are medians of the ratios within a turn. *Gradient* is Saliency from call to array,`,
    "forward pass included. *Load* is from ONNX bytes to a model; the first runs prepare weights and are not in the medians.",
    "*tfjs* is the same net written for tfjs by hand with `tf.grad`. *Apart*: the outputs of Attriscope and ONNX Runtime.",
    "",
    "| model | load | first forward | first gradient | forward | gradient | gradient / forward | ORT forward | forward / ORT | tfjs forward | tfjs gradient | its ratio | apart |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ...rows,
    "",
    ...errors.map(({ name, stockError }) => `tfjs has no gradient for ${name}: ${stockError.split("\n")[0]}\n`),
    ...Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`),
    "",
  ].join("\n");
}

async function main() {
  await prepare();
  const versions = await installPackages();
  await must(venv("python"), ["tests/fixtures/zoo.py", "make", root("build/zoo"), ...MODELS]);
  const server = await serve({ build: root("build"), models: root("build/zoo"), bench: folder, packages });
  const browser = await launch();
  try {
    const results = [];
    for (const name of MODELS) results.push(await measure(browser, server.url, name));
    const { version } = JSON.parse(fs.readFileSync(root("package.json"), "utf8"));
    await writeSection(
      report(results, {
        Attriscope: version,
        "Compared with": Object.entries(versions)
          .map((entry) => entry.join(" "))
          .join(", "),
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
  console.error(`\nnpm run bench:engine: ${error.message}`);
  process.exitCode = 1;
}
