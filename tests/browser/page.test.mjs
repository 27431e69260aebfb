/** `npm start -- --page`, and the page that it writes: from the disk, with the network off. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { env, root } from "../../scripts/environment.mjs";
import { Explorer, launch, quickstartPage } from "./harness.mjs";

const browser = await launch();

describe("the self-contained page", () => {
  let file, page, explorer;
  const requests = [];

  before(async () => {
    file = await quickstartPage();
    page = await browser.newPage({ offline: true });
    page.on("request", (request) => requests.push(request.url()));
    await page.route(/^https?:/, (route) => route.abort());
    await page.goto(pathToFileURL(file).href);
    explorer = new Explorer(page);
    await explorer.settled();
  });

  it("is named in the command's last line", () => assert.equal(file, root("examples", "quickstart.html")));

  it("draws, static, computing what PyTorch computed", async () => {
    await explorer.until("!state.live && state.engine.maxDiff !== null");
    assert.ok((await explorer.state(({ engine }) => engine.maxDiff)) < 1e-3);
    assert.equal(await explorer.locator("attriscope-card").count(), await explorer.state(({ cards }) => cards.length));
  });

  it("recomputes another class and method, and finds the mistakes", async () => {
    const other = await explorer.state(({ cards }) => cards[0].predictions[1].index);
    await explorer.locator("attriscope-card").first().locator(`[data-class="${other}"]`).click();
    await explorer.chooseMethod("Feature Ablation");
    await explorer.settled(
      `state.cards[0].result.target === ${other} && state.cards.every(({ result }) => result.method === "Feature Ablation")`,
    );
    await explorer.locator('[data-value="incorrect"]').click();
    await explorer.settled("state.cards.every(({ correct }) => correct === false)");
  });

  it("shows how far WebGL's shaders are compiled, and computes the same there", async () => {
    const values = () => explorer.state(({ cards }) => Array.from(cards[0].result.attributions[0].values));
    await explorer.chooseMethod("Saliency");
    await explorer.settled('state.cards.every(({ result }) => result.method === "Saliency")');
    const before = await values();
    await explorer.locator('[data-control="backend"]').selectOption("webgl");
    const bar = explorer.locator('[role="progressbar"][aria-label="Compiling shaders"]');
    await bar.waitFor();
    assert.ok(Number(await bar.getAttribute("aria-valuemax")) > 4);
    await explorer.settled('state.engine.backend === "webgl" && state.progress === null');
    const after = await values();
    const most = Math.max(...before.map(Math.abs));
    assert.ok(Math.max(...before.map((v, i) => Math.abs(v - after[i]))) <= 1e-3 * most);
    await explorer.locator('[data-control="backend"]').selectOption("wasm");
    await explorer.settled('state.engine.backend === "wasm"');
  });

  it("requests nothing but itself", () => {
    const others = requests.filter((url) => !/^(data|blob):/.test(url));
    assert.deepEqual(others, [pathToFileURL(file).href]);
  });

  it("names no path, user or host", () => {
    const text = fs.readFileSync(file, "utf8");
    for (const secret of [root(), env.HOME, env.USER && `/${env.USER}/`].filter(Boolean)) {
      assert.ok(!text.includes(secret), secret);
    }
  });

  it("logs no error", () => assert.deepEqual(page.problems, []));
});
