/** What the browser may take away: the worker, the graphics hardware. And what many explorers share. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { Explorer, launch, openLab, quickstartPage, runAll, startJupyter } from "./harness.mjs";

const browser = await launch();

/** Keeps the page's workers where a test can reach them. */
const KEEP_WORKERS = () => {
  window.workers = [];
  window.Worker = class extends window.Worker {
    constructor(...args) {
      super(...args);
      window.workers.push(this);
    }
  };
};

/** Keeps a worker's WebGL contexts. */
const KEEP_CONTEXTS = () => {
  self.contexts = [];
  const original = OffscreenCanvas.prototype.getContext;
  OffscreenCanvas.prototype.getContext = function (...args) {
    const context = original.apply(this, args);
    if (context && !self.contexts.includes(context)) self.contexts.push(context);
    return context;
  };
};

const alive = (worker) => worker.evaluate(() => self.contexts.filter((context) => !context.isContextLost()).length);

describe("a page that loses what computes", () => {
  let page, explorer;
  const target = () => explorer.state(({ cards }) => cards[0].result.target);
  const kill = () =>
    page.evaluate(() => {
      const worker = window.workers.at(-1);
      worker.terminate();
      worker.onerror(new ErrorEvent("error", { message: "out of memory" }));
    });

  before(async () => {
    const file = await quickstartPage();
    page = await browser.newPage({ offline: true });
    await page.addInitScript(KEEP_WORKERS);
    await page.goto(pathToFileURL(file).href);
    explorer = new Explorer(page);
    await explorer.settled();
  });

  it("goes on on the processor when the graphics context is lost, and nothing chosen is", async () => {
    const second = await explorer.state(({ cards }) => cards[0].predictions[1].index);
    await explorer.locator("attriscope-card").first().locator(`[data-class="${second}"]`).click();
    await explorer.settled(`state.cards[0].result.target === ${second}`);
    const [worker] = page.workers();
    await worker.evaluate(KEEP_CONTEXTS);
    await explorer.locator('[data-control="backend"]').selectOption("webgl");
    await explorer.settled('state.engine.backend === "webgl" && state.progress === null');
    assert.equal(await alive(worker), 1);
    await worker.evaluate(() => self.contexts.at(-1).getExtension("WEBGL_lose_context").loseContext());
    await explorer.chooseMethod("Saliency");
    await explorer.settled(
      'state.engine.backend === "wasm" && state.cards.every(({ result }) => result.method === "Saliency")',
    );
    assert.match(await explorer.state(({ notice }) => notice.title), /graphics context was lost/);
    assert.equal(await target(), second);
    const wasm = await explorer.state(({ cards }) => cards[0].result.attributions[0].values);
    assert.ok(wasm.some((value) => value !== 0));
    await explorer.locator('attriscope-notice button:has-text("Retry WebGL")').click();
    await explorer.settled('state.engine.backend === "webgl" && state.progress === null');
    const webgl = await explorer.state(({ cards }) => cards[0].result.attributions[0].values);
    const most = Math.max(...wasm);
    assert.ok(Math.max(...wasm.map((value, i) => Math.abs(value - webgl[i]))) <= 1e-3 * most);
    await explorer.locator('[data-control="backend"]').selectOption("wasm");
    await explorer.settled('state.engine.backend === "wasm"');
  });

  it("starts the engine again when the worker dies; twice, it says so", async () => {
    const before_ = await target();
    await kill();
    await explorer.chooseMethod("Deep Lift");
    await explorer.settled('state.cards.every(({ result }) => result.method === "Deep Lift")');
    assert.match(await explorer.state(({ notice }) => notice.title), /started again/);
    assert.equal(await target(), before_);
    await kill();
    await explorer.chooseMethod("Integrated Gradients");
    await explorer.until('state.phase.name === "stopped"');
    assert.match(await explorer.state(({ phase }) => phase.notice.text), /out of memory/);
    await explorer.locator('attriscope-notice button:has-text("Start again")').click();
    await explorer.settled('state.cards.every(({ result }) => result.method === "Integrated Gradients")');
    assert.equal(await target(), before_);
  });

  it("logs no error", () => assert.deepEqual(page.problems, []));
});

describe("twenty explorers in one notebook", () => {
  it("share one engine and one WebGL context", async () => {
    const jupyter = await startJupyter();
    jupyter.write("twenty.ipynb", [
      `import torch
from torch import nn
from attriscope import AttributionVisualizer
from attriscope.features import ImageFeature

for seed in range(20):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 3))
    AttributionVisualizer(net, ["a", "b", "c"], ImageFeature("x", None, None), [(torch.rand(2, 3, 8, 8), [0, 1])]).render(num_examples=2)`,
    ]);
    const page = await browser.newPage();
    await openLab(page, jupyter, "twenty.ipynb");
    await runAll(page);
    const all = page.locator(Explorer.TAG);
    await page.waitForFunction((tag) => document.querySelectorAll(tag).length === 20, Explorer.TAG);
    const states = () =>
      all.evaluateAll((explorers) =>
        explorers.map(({ store }) => {
          const { engine, cards, phase } = store?.state ?? {};
          return phase?.name === "ready" && cards.every(({ status }) => status === "ready") ? engine.backend : null;
        }),
      );
    const until = async (backend) => {
      for (let tries = 0; (await states()).some((found) => found !== backend); tries++) {
        assert.ok(tries < 1200, JSON.stringify(await states()));
        await page.waitForTimeout(100);
      }
    };
    await until("wasm");
    const workers = page.workers().filter((worker) => worker.url().startsWith("blob:"));
    const engines = [];
    for (const worker of workers) if (await worker.evaluate(() => self.name === "attriscope")) engines.push(worker);
    assert.equal(engines.length, 1);
    await engines[0].evaluate(KEEP_CONTEXTS);
    await all.evaluateAll((explorers) => explorers.forEach(({ store }) => store.setBackend("webgl")));
    await until("webgl");
    assert.equal(await alive(engines[0]), 1);
    assert.deepEqual(page.problems, []);
  });
});
