/** Texts, rows, and pictures with questions in JupyterLab. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { before, describe, it } from "node:test";
import { root } from "../../scripts/environment.mjs";
import { features, NAMES } from "./features.mjs";
import { Explorer, launch, openLab, runAll, startJupyter } from "./harness.mjs";

const jupyter = await startJupyter();
const browser = await launch();

describe("the example's features in JupyterLab", () => {
  let page, truth, cells;
  const opened = {};
  const count = () => page.evaluate(() => window.jupyterapp.shell.currentWidget.context.model.cells.length);

  before(async () => {
    const notebook = JSON.parse(fs.readFileSync(root("examples", "features.ipynb"), "utf8"));
    const code = notebook.cells.filter(({ cell_type }) => cell_type === "code").map(({ source }) => source);
    const tests = JSON.stringify(root("tests", "browser"));
    const asked = [
      `import json, sys; sys.path.insert(0, ${tests}); import features_truth`,
      'json.dump(features_truth.truth(globals()), open("truth.json", "w"))',
    ];
    // As many samples as are held against Captum.
    const shown = code.map((source) => [source].flat().join("").replace(".render()", ".render(num_examples=4)"));
    jupyter.write("features.ipynb", [...shown, asked.join("\n")]);
    page = await browser.newPage();
    await openLab(page, jupyter, "features.ipynb");
    await runAll(page);
    truth = JSON.parse(fs.readFileSync(path.join(jupyter.folder, "truth.json"), "utf8"));
    for (const [i, name] of NAMES.entries()) {
      opened[name] = { page, explorer: new Explorer(page.locator(".jp-Notebook .jp-CodeCell").nth(i)) };
      await opened[name].explorer.settled();
    }
    cells = await count();
  });

  features(() => ({ ...opened, truth }));

  it("no key has reached the notebook", async () => assert.equal(await count(), cells));

  it("logs no error", () => assert.deepEqual(page.problems, []));
});
