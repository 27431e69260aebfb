/** The tutorial's explorer as a page: its three views used, and photographed for the documentation. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { CIFAR, Explorer, launch, python, scratch } from "./harness.mjs";
import { interactions } from "./interactions.mjs";
import { dress, matches } from "./pictures.mjs";

const skip = fs.existsSync(CIFAR) ? false : `the tutorial's images and weights are not in ${CIFAR}`;
const browser = skip ? null : await launch();
const folder = scratch();

describe("the tutorial's page", { skip }, () => {
  let page, explorer, url;

  before(async () => {
    const file = path.join(folder, "tutorial.html");
    await python("tutorial_page.py", { path: file, samples: 24 });
    url = pathToFileURL(file).href;
    page = await browser.newPage({ offline: true });
    await page.goto(url);
    explorer = new Explorer(page);
    await explorer.settled();
  });

  interactions(() => ({ page, explorer }));

  it("logs no error", () => assert.deepEqual(page.problems, []));

  for (const scheme of ["light", "dark"]) {
    describe(`pictures, ${scheme}`, () => {
      let page, explorer;
      const picture = async (name) => {
        await explorer.still();
        await matches(explorer.locator(".frame").first(), `docs/${name}-${scheme}.png`);
      };

      before(async () => {
        page = await browser.newPage({ offline: true, colorScheme: scheme, viewport: { width: 1040, height: 1000 } });
        await page.goto(url);
        await dress(page);
        explorer = new Explorer(page);
        await explorer.settled();
        await explorer.locator('[data-control="show"]').selectOption("8");
        await explorer.settled("state.cards.length === 8");
      });

      it("Samples", () => picture("samples"));

      it("Compare", async () => {
        await explorer.show("compare");
        await explorer.locator('[data-action="pin-all"]').click();
        await explorer.locator('attriscope-display [data-value="Heat map"]').click();
        await explorer.until(
          "state.comparison?.columns.length && state.comparison.rows.flat().every(({ status, result }) => status === 'ready' && result?.faithfulness)",
          120_000,
        );
        await picture("compare");
      });

      it("Inspect", async () => {
        await explorer.show("inspect");
        await explorer.locator('attriscope-film [data-sample="1"]').click();
        await explorer.until("state.inspection?.card.sample.id === 1 && state.inspection.card.result?.faithfulness");
        await page.evaluate(() => {
          const { store } = document.querySelector("attriscope-explorer");
          store.setInspect({ top: 60 });
          store.setInspect({ at: 0.156 });
          const pixels = new Uint8Array(32 * 32);
          for (let y = 14; y < 22; y++) pixels.fill(1, y * 32 + 3, y * 32 + 17);
          store.paint(pixels, true);
        });
        await explorer.until("state.inspection.after?.scores && state.inspection.deleted?.scores");
        await picture("inspect");
      });

      it("narrow", async () => {
        await page.setViewportSize({ width: 400, height: 1000 });
        for (const view of ["samples", "compare", "inspect"]) {
          await explorer.show(view);
          if (view === "samples") await explorer.locator('[data-control="show"]').selectOption("4");
          await explorer.until("state.progress === null");
          await picture(`${view}-narrow`);
        }
      });
    });
  }
});
