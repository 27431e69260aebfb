/** The tutorial's notebook in JupyterLab, its three views used; no key of it reaches the notebook. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { before, describe, it } from "node:test";
import { CIFAR, Explorer, launch, openLab, runAll, startJupyter } from "./harness.mjs";
import { interactions } from "./interactions.mjs";

const skip = fs.existsSync(CIFAR) ? false : `the tutorial's images and weights are not in ${CIFAR}`;
const jupyter = skip ? null : await startJupyter();
const browser = skip ? null : await launch();

describe("the tutorial's notebook in JupyterLab", { skip }, () => {
  let page, explorer, cells;
  const count = () => page.evaluate(() => window.jupyterapp.shell.currentWidget.context.model.cells.length);

  before(async () => {
    page = await browser.newPage();
    await openLab(page, jupyter, "cifar10.ipynb");
    await runAll(page);
    explorer = new Explorer(page);
    await explorer.settled();
    cells = await count();
  });

  interactions(() => ({ page, explorer }));

  it("the notebook's one-letter commands stay its own", async () => {
    await explorer.show("inspect");
    await explorer.locator('[data-pane="input"]').first().focus();
    for (const key of ["a", "b", "d", "d", "x", "v", "m", "1", "Backspace"]) await page.keyboard.press(key);
    await page.waitForTimeout(200);
    assert.equal(await count(), cells);
    assert.equal(await explorer.state(({ view }) => view), "inspect");
  });

  it("logs no error", () => assert.deepEqual(page.problems, []));
});
