/**
 * `npm run bench:explorer`: whether the explorer stays smooth. The tutorial's page with 200 images on WASM: the longest task of
 * the page's own thread while it is scrolled and methods are switched, and the time from a stroke of the brush to the model's
 * new scores. Prints a table and writes it to bench/RESULTS.md.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "../bench/browser.mjs";
import { median, place, writeSection } from "../bench/results.mjs";
import { env, prepare, root, venv } from "./environment.mjs";

const SAMPLES = 200;
const STROKES = 40;
/** From here on a task is felt, and a stroke drags. */
const LIMIT_MS = 50;

const settled = (page) =>
  page.waitForFunction(
    () => {
      const { state } = document.querySelector("attriscope-explorer").store ?? {};
      return (
        state?.phase.name === "ready" &&
        state.cards.length &&
        state.cards.every((card) => card.status === "ready" && !card.stale)
      );
    },
    undefined,
    { timeout: 300_000, polling: 100 },
  );

/** The page's tasks of more than 50 ms while something is done. */
async function longest(page, work) {
  await page.evaluate(() => {
    window.tasks = [];
    window.observer = new PerformanceObserver((list) =>
      list.getEntries().forEach(({ duration }) => window.tasks.push(duration)),
    );
    window.observer.observe({ entryTypes: ["longtask"] });
  });
  await work();
  await page.waitForTimeout(200);
  return page.evaluate(() => {
    window.observer.disconnect();
    return window.tasks;
  });
}

async function main() {
  await prepare();
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "attriscope-bench-"));
  const file = path.join(scratch, "page.html");
  const shared = root("..", "shared", "data", "cifar10");
  const folder = process.env.ATTRISCOPE_CIFAR10 ?? (fs.existsSync(shared) ? shared : root("examples", "data"));
  const browser = await launch();
  try {
    execFileSync(venv("python"), [root("tests", "browser", "tutorial_page.py")], {
      input: JSON.stringify({ path: file, samples: SAMPLES }),
      env: { ...env, ATTRISCOPE_CIFAR10: folder },
    });
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    await page.goto(pathToFileURL(file).href);
    await settled(page);
    const store = (call, value) =>
      page.evaluate(([call, value]) => document.querySelector("attriscope-explorer").store[call](value), [call, value]);
    const rows = [];
    const measure = async (what, work) => {
      const tasks = await longest(page, work);
      const most = Math.max(0, ...tasks);
      rows.push([what, tasks.length, most ? `${Math.round(most)} ms` : `under ${LIMIT_MS} ms`]);
      console.log(rows.at(-1).join(": "));
    };
    await measure(`showing ${SAMPLES} samples, explained`, async () => {
      await store("setShow", SAMPLES);
      await settled(page);
    });
    for (const method of ["Saliency", "Deep Lift", "Integrated Gradients"])
      await measure(`switching to ${method}`, async () => {
        await store("setMethod", method);
        await settled(page);
      });
    await measure("scrolling from end to end", async () => {
      await page.mouse.move(600, 500);
      for (let i = 0; i < 150; i++) {
        await page.mouse.wheel(0, 160);
        await page.waitForTimeout(16);
      }
    });
    await measure("changing the style", async () => {
      for (const style of ["Heat map", "Masked", "Overlay"]) await store("setDisplay", { style });
      await page.waitForTimeout(1000);
    });
    await store("setShow", 8);
    await settled(page);
    await store("setView", "inspect");
    await page.waitForFunction(
      () => document.querySelector("attriscope-explorer").store.state.inspection?.card.result?.faithfulness,
    );
    const strokes = await page.evaluate(async (count) => {
      const { store } = document.querySelector("attriscope-explorer");
      const pixels = new Uint8Array(32 * 32);
      const times = [];
      for (let i = 0; i < count; i++) {
        const before = store.state.inspection.after?.scores;
        const start = performance.now();
        store.paint(pixels.slice().fill(1, 0, 20 * (i + 1)), false);
        await new Promise((resolve) => {
          const look = () => {
            const now = store.state.inspection.after?.scores;
            if (!now || now === before) return;
            store.removeEventListener("change", look);
            resolve();
          };
          store.addEventListener("change", look);
        });
        times.push(performance.now() - start);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return times;
    }, STROKES);
    const [middle, worst] = [median(strokes), Math.max(...strokes)].map((ms) => `${ms.toFixed(1)} ms`);
    const lines = [
      "# The explorer",
      "",
      `The tutorial's page with ${SAMPLES} images on WASM: tasks of more than ${LIMIT_MS} ms on the page's own thread.`,
      "",
      "| while | such tasks | longest |",
      "| ----- | ---------: | ------: |",
      ...rows.map((row) => `| ${row.join(" | ")} |`),
      "",
      `From a stroke of the brush in Inspect to the model's new scores: median of ${STROKES} ${middle}, worst ${worst} (at most ${LIMIT_MS} ms are wanted).`,
      "",
      ...Object.entries(place(browser)).map(([name, value]) => `- ${name}: ${value}`),
      "",
    ];
    await writeSection(lines.join("\n"));
    console.log(lines.join("\n"));
  } finally {
    await browser.close();
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`\nnpm run bench:explorer: ${error.message}`);
  process.exitCode = 1;
}
