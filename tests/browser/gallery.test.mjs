/** Every state of the gallery: axe-core finds no violation, in light and dark, wide and narrow; and what they look like. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { after, describe, it } from "node:test";
import { serve } from "../../bench/browser.mjs";
import { root } from "../../scripts/environment.mjs";
import { Explorer, launch } from "./harness.mjs";
import { dress, matches } from "./pictures.mjs";

const AXE = fs.readFileSync(root("node_modules", "axe-core", "axe.min.js"), "utf8");
/** States that the tests of the views do not photograph, one of a kind: the others would only make the repository large. */
const PICTURES = [
  ...["computing", "broken", "sizes", "nasty names", "one class", "regression", "unlabelled", "empty", "scanning"],
  ...["stopped", "failed", "preparing", "compiling shaders", "method menu", "confusion", "filtered", "all arguments"],
  ...["texts computing", "rows computing", "rows of 40", "features of all kinds"],
  ...["compare computing", "compare nothing pinned", "compare two models"],
  ...["compare texts", "compare rows", "compare texts of two models"],
  ...["inspect: channels apart", "inspect: all zero", "inspect: queued", "inspect: 1 x 500"],
  ...["inspect: text with hidden tokens", "inspect: row with edits and strings", "inspect: nothing shown"],
];
/** Rules for whole pages, of which a widget is a part. */
const OFF = ["region", "landmark-one-main", "page-has-heading-one", "document-title", "html-has-lang", "bypass"];

const folder = root("build", "gallery");
execFileSync("node", [root("node_modules", "webpack", "bin", "webpack.js"), "--mode=development", "--config-name=gallery", `--output-path=${folder}`], { cwd: root(), stdio: "inherit" }); // prettier-ignore
fs.copyFileSync(root("tests", "gallery", "index.html"), `${folder}/index.html`);

const browser = await launch();
const server = await serve({ gallery: folder });
after(() => server.close());

const open = async (page, state, theme, width) => {
  await page.goto(`${server.url}/gallery/index.html?${new URLSearchParams({ bare: "", page: state, theme, width })}`);
  await page.waitForFunction(() => window.explorer?.isConnected);
  await dress(page);
  // Pictures are painted in slices.
  await page.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve), 200)));
};

const page = await browser.newPage({ viewport: { width: 1100, height: 1000 } });
await open(page, "ready", "lab-light", 1040);
const states = await page.evaluate(() => window.pages);
assert.ok(states.length > 30, states.join(", "));
assert.deepEqual(PICTURES.filter((state) => !states.includes(state)), []); // prettier-ignore

// Narrow, one state of a kind: there are so many.
const LOOKS = [
  ["lab-light", 1040, states],
  ["lab-dark", 1040, states],
  ["lab-light", 400, PICTURES],
];

for (const [theme, width, shown] of LOOKS) {
  describe(`${theme}, ${width} px`, () => {
    for (const state of shown) {
      it(state, async () => {
        await open(page, state, theme, width);
        await page.addScriptTag({ content: AXE });
        assert.deepEqual(await page.evaluate(violations, OFF), []);
        if (theme === "lab-light" && width === 1040 && PICTURES.includes(state)) {
          const picture = `tests/browser/pictures/${state.replace(/\W+/g, "-")}.png`;
          await matches(new Explorer(page).locator(".frame").first(), picture);
        }
      });
    }
  });
}

/** In the page: what axe-core finds, without the rules that are off. */
async function violations(off) {
  const rules = Object.fromEntries(off.map((rule) => [rule, { enabled: false }]));
  const found = await window.axe.run(document.querySelector("attriscope-explorer"), { rules });
  const said = ({ target, failureSummary }) => `${target.flat().join(" ")}: ${failureSummary}`;
  return found.violations.map(({ id, nodes }) => ({ id, nodes: nodes.slice(0, 4).map(said) }));
}

it("no uncaught error", () => assert.deepEqual(page.problems, []));
