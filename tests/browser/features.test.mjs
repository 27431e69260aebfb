/** Texts, rows, and pictures with questions as pages: used, and photographed for the documentation. */
import assert from "node:assert/strict";
import path from "node:path";
import { before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { features, NAMES } from "./features.mjs";
import { Explorer, launch, python, scratch } from "./harness.mjs";
import { dress, matches } from "./pictures.mjs";

const browser = await launch();

describe("the example's features in pages", () => {
  const folder = scratch();
  let truth;
  const opened = {};

  before(async () => {
    truth = await python("features_truth.py", { folder });
    for (const name of NAMES) {
      const page = await browser.newPage({ offline: true });
      await page.goto(pathToFileURL(path.join(folder, `${name}.html`)).href);
      opened[name] = { page, explorer: new Explorer(page) };
      await opened[name].explorer.settled();
    }
  });

  features(() => ({ ...opened, truth }));

  it("logs no error", () => {
    for (const name of NAMES) assert.deepEqual(opened[name].page.problems, []);
  });

  for (const scheme of ["light", "dark"]) {
    for (const name of NAMES) {
      it(`picture: ${name}, ${scheme}`, async () => {
        const viewport = { width: 1040, height: 1000 };
        const page = await browser.newPage({ offline: true, colorScheme: scheme, viewport });
        await page.goto(pathToFileURL(path.join(folder, `${name}.html`)).href);
        await dress(page);
        const explorer = new Explorer(page);
        await explorer.settled();
        await explorer.still();
        await matches(explorer.locator(".frame").first(), `docs/${name}-${scheme}.png`);
      });
    }
  }
});
