/** The tutorial's notebook in JupyterLab, held against torch and Captum; then the same file, saved, without a kernel. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import {
  CIFAR,
  countKernelMessages,
  Explorer,
  launch,
  openLab,
  python,
  runAll,
  save,
  startJupyter,
} from "./harness.mjs";

const METHODS = [
  ...["Deconvolution", "Deep Lift", "Guided Backprop", "Input X Gradient", "Integrated Gradients", "Saliency"],
  ...["Feature Ablation", "Occlusion", "Layer Grad Cam", "Layer Conductance", "LRP", "Noise Tunnel", "Gradient Shap"],
];
/** What is not left as it is in the form; Captum has no window of its own. */
const ENTERED = { Occlusion: { sliding_window_shapes: "3 8 8", strides: "3 4 4" } };
const SELECTED = {
  "Layer Grad Cam": { layer: "conv2", interpolate: "nearest" },
  "Layer Conductance": { layer: "conv2" },
};
/** What is not in the input's shape. */
const SHAPES = { "Layer Grad Cam": [1, 32, 32], "Layer Conductance": [16, 10, 10] };
/** Largest difference from Captum, as a share of the map's maximum. */
const TOLERANCE = { wasm: 1e-4, webgl: 1e-3 };
/** Thousands of forward passes by a graphics processor that is none. */
const SOFTWARE_GL_MS = 300_000;
const NOTEBOOK = "cifar10.ipynb";

const skip = fs.existsSync(CIFAR) ? false : `the tutorial's images and weights are not in ${CIFAR}`;
const jupyter = skip ? null : await startJupyter();
const browser = skip ? null : await launch();

const shown = (explorer) =>
  explorer.state(({ cards }) =>
    cards.map(({ sample, predictions, target, correct, result }) => ({
      id: sample.id,
      predictions,
      target,
      correct,
      result,
    })),
  );

describe("the tutorial's notebook in JupyterLab", { skip }, () => {
  let page, sent, explorer;

  before(async () => {
    page = await browser.newPage();
    sent = countKernelMessages(page);
    await openLab(page, jupyter, NOTEBOOK);
    await runAll(page);
    explorer = new Explorer(page);
    await explorer.settled();
  });

  it("shows four images with torch's predictions, live", async () => {
    const cards = await shown(explorer);
    assert.deepEqual(
      cards.map(({ id }) => id),
      [0, 1, 2, 3],
    );
    const { scores } = await python("captum_maps.py", { samples: [0, 1, 2, 3], runs: [] });
    cards.forEach(({ predictions }, i) => {
      assert.deepEqual(
        predictions.map(({ index }) => index),
        descending(scores[i]),
      );
      for (const { index, score } of predictions) assert.ok(Math.abs(score - scores[i][index]) < 1e-5, `${score}`);
    });
    assert.equal(await explorer.locator("attriscope-card").count(), 4);
    assert.equal(await explorer.locator('attriscope-card [role="radio"][aria-checked="true"]').count(), 4);
    await explorer.until("state.live");
  });

  for (const backend of ["wasm", "webgl"]) {
    describe(`on ${backend}`, () => {
      const ours = {};
      let captum;

      before(async () => {
        await explorer.locator('[data-control="backend"]').selectOption(backend);
        await explorer.until(`state.engine?.backend === "${backend}"`);
        for (const method of METHODS) {
          await explorer.chooseMethod(method);
          for (const [name, value] of Object.entries(ENTERED[method] ?? {})) {
            const field = await explorer.argument(name);
            await field.fill(value);
            await field.press("Enter");
          }
          for (const [name, value] of Object.entries(SELECTED[method] ?? {}))
            await (await explorer.argument(name)).selectOption(value);
          await explorer.settled(
            `state.cards.every(({ result }) => result.method === "${method}" && !result.partial && ` +
              "JSON.stringify(result.arguments) === JSON.stringify(state.arguments))",
            SOFTWARE_GL_MS,
          );
          ours[method] = (await shown(explorer)).map(({ result }) => result);
        }
        const runs = METHODS.map((method) => ({
          method,
          arguments: ours[method][0].arguments,
          targets: ours[method].map(({ target }) => target),
        }));
        captum = await python("captum_maps.py", { samples: [0, 1, 2, 3], runs });
      });

      after(() => explorer.locator('[data-control="backend"]').selectOption("wasm"));

      METHODS.forEach((method, m) =>
        it(`${method} draws Captum's numbers`, () => {
          ours[method].forEach(({ attributions: [{ values, shape }] }, i) => {
            const expected = captum.runs[m][i];
            assert.deepEqual(shape, SHAPES[method] ?? [3, 32, 32]);
            assert.equal(values.length, expected.length);
            const difference = Math.max(...expected.map((value, k) => Math.abs(value - values[k])));
            const most = Math.max(...expected.map(Math.abs));
            assert.ok(most > 0);
            assert.ok(difference <= TOLERANCE[backend] * most, `image ${i}: ${difference} of ${most}`);
          });
        }),
      );
    });
  }

  it("explains another class on a click, without asking the kernel", async () => {
    const [before_] = await shown(explorer);
    const messages = sent();
    const other = before_.predictions[1].index;
    await explorer.locator("attriscope-card").first().locator(`[data-class="${other}"]`).click();
    await explorer.settled(`state.cards[0].result.target === ${other}`);
    const [after_] = await shown(explorer);
    assert.equal(after_.target, other);
    assert.notDeepEqual(after_.result.attributions[0].values, before_.result.attributions[0].values);
    await page.waitForTimeout(300);
    assert.equal(sent(), messages);
  });

  it("asks the kernel for the next four", async () => {
    const messages = sent();
    await explorer.locator('[data-action="next"]').click();
    await explorer.settled("state.cards[0].sample.id === 4");
    assert.deepEqual(
      (await shown(explorer)).map(({ id }) => id),
      [4, 5, 6, 7],
    );
    assert.ok(sent() > messages);
    const again = sent();
    await explorer.locator('[data-action="previous"]').click();
    await explorer.settled("state.cards[0].sample.id === 0");
    assert.equal(sent(), again, "samples that are here need no kernel");
  });

  it("keeps to the wrong predictions", async () => {
    const samples = Array.from({ length: 200 }, (_, i) => i);
    const { scores, labels } = await python("captum_maps.py", { samples, runs: [] });
    const wrong = samples.filter((i) => descending(scores[i])[0] !== labels[i]);
    await explorer.locator('[data-value="incorrect"]').click();
    await explorer.settled(
      "!state.scanning && state.cards.length === 4 && state.cards.every(({ correct }) => correct === false)",
    );
    assert.deepEqual(
      (await shown(explorer)).map(({ id }) => id),
      wrong.slice(0, 4),
    );
  });

  it("goes on in the endless dataset, beyond the images' number", async () => {
    await explorer.locator('attriscope-filter [data-class="Plane"]').click();
    await explorer.settled(ONLY_PLANES);
    for (let last = 0, pages = 0; last < 200; pages++) {
      assert.ok(pages < 20, `20 pages, and only at ${last}`);
      await explorer.locator('[data-action="next"]').click();
      await explorer.settled(`${ONLY_PLANES} && state.cards[0].sample.id > ${last}`);
      last = (await shown(explorer)).at(-1).id;
    }
  });

  it("logs no error", () => assert.deepEqual(page.problems, []));

  after(async () => {
    await save(page);
    await jupyter.shutDownKernels();
    await page.context().close();
  });
});

const ONLY_PLANES =
  "!state.scanning && state.cards.length > 0 && state.cards.every(({ correct, predictions }) => !correct && predictions[0].index === 0)";

for (const trusted of [true, false]) {
  describe(`the saved notebook without a kernel, ${trusted ? "trusted" : "untrusted"}`, { skip }, () => {
    let page, explorer, sent;

    before(async () => {
      const name = `reopened-${trusted}.ipynb`;
      const saved = fs.readFileSync(path.join(jupyter.folder, NOTEBOOK), "utf8");
      // The server has signed the outputs of its own kernel; any change makes the signature void.
      const text = trusted ? saved : saved.replace("# Model interpretation", "# My model interpretation");
      assert.equal(text === saved, trusted);
      fs.writeFileSync(path.join(jupyter.folder, name), text);
      page = await browser.newPage();
      sent = countKernelMessages(page);
      await openLab(page, jupyter, name, { kernel: false });
      explorer = new Explorer(page);
      await explorer.settled();
    });

    it("is as trusted as meant", async () => {
      const cells = await page.evaluate(() =>
        [...window.jupyterapp.shell.currentWidget.context.model.cells].map(
          ({ type, trusted }) => type !== "code" || trusted,
        ),
      );
      assert.equal(cells.every(Boolean), trusted);
    });

    it("draws and recomputes", async () => {
      await explorer.until("!state.live");
      const [first] = await shown(explorer);
      const other = first.predictions[1].index;
      await explorer.locator("attriscope-card").first().locator(`[data-class="${other}"]`).click();
      await explorer.chooseMethod("Occlusion");
      await explorer.settled(
        `state.cards[0].result.method === "Occlusion" && state.cards[0].result.target === ${other}`,
      );
      assert.equal(sent(), 0);
      assert.deepEqual(page.problems, []);
    });

    after(() => page.context().close());
  });
}

/** Indexes of a list, largest value first. */
function descending(values) {
  return values.map((_, index) => index).sort((a, b) => values[b] - values[a]);
}
