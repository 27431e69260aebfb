/** What a user does with texts, rows, and pictures with questions, held against torch and Captum. The same in every host. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { textOf } from "./harness.mjs";

/** The three explorers of examples/features.ipynb. */
export const NAMES = ["text", "table", "both"];

/** Largest difference from Captum, as a share of the map's maximum. */
const TOLERANCE = 1e-4;

function closeTo(ours, theirs) {
  const most = Math.max(...theirs.map(Math.abs));
  assert.equal(ours.length, theirs.length);
  assert.ok(most > 0);
  const worst = Math.max(...theirs.map((value, i) => Math.abs(value - ours[i])));
  assert.ok(worst <= TOLERANCE * most, `${worst} of ${most}`);
}

/** @param shown gives {truth, text, table, both}: of each of the three {page, explorer} */
export function features(shown) {
  const maps = (explorer, feature = 0) =>
    explorer.state(`({ cards }) => cards.map(({ result }) => result.attributions[${feature}].values)`);
  /** Of Inspect's sample, what the model says after what was tried. */
  const after = async (explorer, test) => {
    await explorer.until(`state.inspection?.after?.scores && (${test})`);
    return explorer.state(({ inspection }) => inspection.after.scores);
  };

  describe("a text", () => {
    let page, explorer, truth;

    before(() => {
      ({
        text: { page, explorer },
        truth: { text: truth },
      } = shown());
    });

    for (const method of ["Integrated Gradients", "Input X Gradient", "Feature Ablation"]) {
      it(`${method}: each token has Captum's attribution`, async () => {
        if (method !== "Integrated Gradients") await explorer.chooseMethod(method);
        await explorer.settled(`state.cards.every(({ result }) => result.method === "${method}")`);
        const ours = await maps(explorer);
        truth.maps[method].forEach((theirs, i) => closeTo(ours[i], theirs));
      });
    }

    it("tokens are shaded by their score, and say it under the pointer and to the keyboard", async () => {
      const scores = truth.maps["Feature Ablation"][0];
      const strongest = scores.indexOf(scores.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)));
      const text = explorer.locator('attriscope-card[data-sample="0"] attriscope-text');
      const token = text.locator(`[data-token="${strongest}"]`);
      const ends = await token.evaluate((element) => window.getComputedStyle(element).backgroundColor);
      const [red, green, blue] = ends.match(/\d+/g).map(Number);
      // The end of PuOr's arm: orange for, purple against.
      if (scores[strongest] > 0) assert.ok(red > green && green > blue, ends);
      else assert.ok(blue > red && red > green, ends);
      await token.hover();
      const word = (await token.textContent()).trim();
      const tip = await textOf(text.locator(".tip"));
      assert.match(tip, new RegExp(`^ ?${word}.*rank 1 of ${scores.length}`));
      assert.ok(tip.includes(Math.abs(scores[strongest]).toFixed(3)), tip);
    });

    it("Compare ranks the tokens of two methods against each other as scipy does", async () => {
      await explorer.show("compare");
      await explorer.locator('[data-action="pin-all"]').click();
      await explorer.until(
        "state.comparison?.columns.length && state.comparison.rows.flat().every(({ status }) => status === 'ready')",
      );
      const columns = await explorer.state(({ comparison }) => comparison.columns);
      assert.equal(columns[0].title, "Feature Ablation");
      const { rho } = columns.find(({ title }) => title === "Integrated Gradients");
      assert.ok(Math.abs(rho - truth.agreement) < 1e-3, `${rho}, ${truth.agreement}`);
    });

    it("a hidden token moves the prediction as padding in its place does", async () => {
      await explorer.show("samples");
      await explorer.locator('attriscope-card[data-sample="0"] attriscope-text [data-token="1"]').click();
      await explorer.until('state.view === "inspect" && state.inspection?.card.sample.id === 0');
      const text = explorer.locator("attriscope-inspect attriscope-text").first();
      await text.locator('[data-token="1"]').click();
      closeTo(await after(explorer, "state.inspection.painted[1] === 1"), truth.hidden[0][1]);
      await text.locator('[data-token="1"]').click();
      await explorer.until("state.inspection.after === null");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Delete");
      closeTo(await after(explorer, "state.inspection.painted[2] === 1"), truth.hidden[0][2]);
      await page.keyboard.press("Control+z");
      await explorer.until("state.inspection.after === null");
    });

    it("all tokens hidden are padding alone", async () => {
      const count = await explorer.state(({ inspection }) => inspection.width);
      const first = explorer.locator('attriscope-inspect attriscope-text [data-token="0"]').first();
      await first.focus();
      for (let i = 0; i < count; i++) {
        await page.keyboard.press("Delete");
        await page.keyboard.press("ArrowRight");
      }
      const test = `state.inspection.painted.reduce((a, b) => a + b) === ${count}`;
      closeTo(await after(explorer, test), truth.padding[0]);
      await explorer.locator('[data-action="clear"]').click();
      await explorer.until("state.inspection.after === null");
    });
  });

  describe("a row of a table", () => {
    let page, explorer, truth;

    before(() => {
      ({
        table: { page, explorer },
        truth: { table: truth },
      } = shown());
    });

    for (const method of ["Integrated Gradients", "Feature Ablation"]) {
      it(`${method}: each value has Captum's attribution`, async () => {
        if (method !== "Integrated Gradients") await explorer.chooseMethod(method);
        await explorer.settled(`state.cards.every(({ result }) => result.method === "${method}")`);
        const ours = await maps(explorer);
        truth.maps[method].forEach((theirs, i) => closeTo(ours[i], theirs));
      });
    }

    it("shows what people know, the strongest first", async () => {
      const scores = truth.maps["Feature Ablation"][0];
      const order = [...scores.keys()].sort((a, b) => Math.abs(scores[b]) - Math.abs(scores[a]));
      const rows = explorer.locator('attriscope-card[data-sample="0"] attriscope-table tbody tr');
      const places = await rows.evaluateAll((all) => all.map(({ dataset }) => Number(dataset.place)));
      assert.deepEqual(places, order.slice(0, places.length));
      const items = await explorer.state(({ cards }) => cards[0].sample.display[0]);
      assert.ok((await textOf(rows.first())).includes(String(Number(items[places[0]].toPrecision(6)))));
    });

    it("a value that is typed in moves the prediction as it does in torch; Escape takes it back", async () => {
      await explorer.show("inspect");
      const id = await explorer.state(({ inspection }) => inspection.card.sample.id);
      const field = explorer.locator('attriscope-inspect attriscope-table input[data-place="0"]');
      await field.click();
      await page.keyboard.type("1,5");
      await page.keyboard.press("Enter");
      closeTo(await after(explorer, "state.inspection.edited"), truth.edited[id]);
      await field.click();
      await page.keyboard.type("much");
      await page.keyboard.press("Enter");
      await explorer.locator('attriscope-inspect attriscope-table [role="alert"]').waitFor();
      closeTo(await explorer.state(({ inspection }) => inspection.after.scores), truth.edited[id]);
      await field.focus();
      await page.keyboard.press("Escape");
      await explorer.until("state.inspection.after === null");
    });
  });

  describe("a picture and a question", () => {
    let explorer, truth;

    before(() => {
      ({
        both: { explorer },
        truth: { both: truth },
      } = shown());
    });

    it("both have Captum's attributions, and shares of one whole", async () => {
      await explorer.settled();
      for (const feature of [0, 1]) {
        const ours = await maps(explorer, feature);
        truth.maps[feature].forEach((theirs, i) => closeTo(ours[i], theirs));
      }
      const shares = await explorer.state(({ cards }) => cards[0].result.attributions.map(({ share }) => share));
      const sum = (values) => values.reduce((a, b) => a + b, 0);
      const whole = sum(truth.maps.flatMap(([first]) => first.map(Math.abs)));
      truth.maps.forEach(([first], i) => assert.ok(Math.abs(sum(first) / whole - shares[i]) < 1e-4));
    });

    it("Inspect goes from the picture to the question", async () => {
      await explorer.show("inspect");
      await explorer.locator('attriscope-inspect [data-control="feature"]').selectOption("question");
      const words = await textOf(explorer.locator("attriscope-inspect attriscope-text .tokens").first());
      assert.match(words, /(colour|form)/);
    });
  });
}
