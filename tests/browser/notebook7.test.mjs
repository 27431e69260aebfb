/** The quickstart in Notebook 7. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Explorer, launch, openNotebook, runAll, startJupyter } from "./harness.mjs";

/** Notebook 7 throws these without any extension, too. */
const ITS_OWN = /reading 'schema'|filebrowser:open-path|yjs#509/;

const jupyter = await startJupyter();
const browser = await launch();

describe("the quickstart in Notebook 7", () => {
  let page, explorer;

  before(async () => {
    page = await browser.newPage();
    await openNotebook(page, jupyter, "quickstart.ipynb");
    await runAll(page);
    explorer = new Explorer(page);
    await explorer.settled();
  });

  it("draws, live", async () => {
    await explorer.until("state.live && state.cards.length === 4");
    assert.equal(await explorer.locator("attriscope-card").count(), 4);
  });

  it("shows real mistakes", async () => {
    await explorer.locator('[data-value="incorrect"]').click();
    await explorer.settled("!state.scanning && state.cards.every(({ correct }) => correct === false)");
  });

  it("logs no error of ours", () =>
    assert.deepEqual(
      page.problems.filter((text) => !ITS_OWN.test(text)),
      [],
    ));
});
