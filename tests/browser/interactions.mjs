/** What a user does in the three views, with mouse and keyboard, held against torch and Captum. The same in every host. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { python } from "./harness.mjs";

/** Largest difference from Captum, as a share of the map's maximum. */
const TOLERANCE = 1e-4;

const READY = "state.cards.every(({ result }) => result && !result.partial)";
const COMPARED =
  "state.comparison?.rows.flat().every(({ status, result }) => status === 'ready' && result?.faithfulness)";

/** @param shown gives {page, explorer} of the tutorial's notebook, with at least eight samples from 0 on */
export function interactions(shown) {
  describe("used with mouse and keyboard", () => {
    let page, explorer, truth;
    const ids = () => explorer.state(({ cards }) => cards.map(({ sample }) => sample.id));
    const key = (name) => page.keyboard.press(name);

    before(async () => {
      ({ page, explorer } = shown());
      truth = await python("captum_maps.py", { samples: Array.from({ length: 24 }, (_, i) => i), runs: [] });
      await explorer.locator('[data-control="show"]').selectOption("8");
      await explorer.settled("state.cards.length === 8");
    });

    const closeTo = (ours, theirs) => {
      const most = Math.max(...theirs.map(Math.abs));
      assert.equal(ours.length, theirs.length);
      assert.ok(most > 0);
      assert.ok(Math.max(...theirs.map((v, i) => Math.abs(v - ours[i]))) <= TOLERANCE * most);
    };
    const near = (a, b, within = 1e-4) => assert.ok(Math.abs(a - b) <= within, `${a} is not ${b}`);

    it("a method is found by typing, and Escape leaves it as it was", async () => {
      const names = () => explorer.locator('[role="option"][data-method]:visible').allTextContents();
      await explorer.locator('[data-control="method"]').first().click();
      await page.keyboard.type("cam");
      const found = await names();
      assert.ok(found.length >= 7 && found.length < 15, found.join());
      await key("Escape");
      assert.equal((await names()).length, 0);
      assert.equal(await explorer.state(({ method }) => method), "Integrated Gradients");
      await explorer.locator('[data-control="method"]').first().press("Enter");
      await page.keyboard.type("input x");
      await key("Enter");
      await explorer.settled('state.cards.every(({ result }) => result.method === "Input X Gradient")');
    });

    it("a clicked class is explained with Captum's map, Shift explains it everywhere, and undo comes back", async () => {
      const before_ = await explorer.state(({ cards }) => cards.map(({ target }) => target));
      const card = explorer.locator('attriscope-card[data-sample="2"]');
      const second = await explorer.state(({ cards }) => cards[2].predictions[1].index);
      await card.locator(`[data-class="${second}"]`).click();
      await explorer.settled(`state.cards[2].result.target === ${second}`);
      const run = { method: "Input X Gradient", arguments: {}, targets: [second] };
      const { runs } = await python("captum_maps.py", { samples: [2], runs: [run] });
      closeTo(await explorer.state(({ cards }) => cards[2].result.attributions[0].values), runs[0][0]);
      await card.locator(`[data-class="${second}"]`).click({ modifiers: ["Shift"] });
      await explorer.settled(`state.cards.every(({ result }) => result.target === ${second})`);
      await key("Control+z");
      await key("Control+z");
      await explorer.settled(
        `JSON.stringify(state.cards.map(({ target }) => target)) === '${JSON.stringify(before_)}'`,
      );
      await key("Control+Shift+z");
      await explorer.settled(`state.cards[2].target === ${second}`);
      await key("Control+z");
    });

    it("sorts what is here by torch's loss", async () => {
      const known = await explorer.state(({ known }) => known);
      const loss = truth.scores.map((scores, i) => -Math.log(scores[truth.labels[i]]));
      const expected = [...Array(known).keys()].sort((a, b) => loss[b] - loss[a]).slice(0, 8);
      await explorer.locator('[data-control="sort"]').selectOption("loss");
      await explorer.until('state.sort.by === "loss"');
      if (await explorer.state(({ sort }) => sort.ascending))
        await explorer.locator('[data-action="sort-direction"]').click();
      await explorer.settled("!state.sort.ascending");
      assert.deepEqual(await ids(), expected);
      await explorer.locator('[data-control="sort"]').selectOption("dataset");
      await explorer.until('state.sort.by === "dataset"');
      if (!(await explorer.state(({ sort }) => sort.ascending)))
        await explorer.locator('[data-action="sort-direction"]').click();
      await explorer.settled("state.sort.ascending && state.cards[0].sample.id === 0");
    });

    it("the confusion matrix counts torch's predictions, and a cell of it filters", async () => {
      const confusion = await explorer.state(({ confusion }) => confusion);
      const known = await explorer.state(({ known }) => known);
      const counts = truth.labels.map(() => Array(10).fill(0)).slice(0, 10);
      const top = truth.scores.map((scores) => scores.indexOf(Math.max(...scores)));
      for (let i = 0; i < known; i++) counts[truth.labels[i]][top[i]] += 1;
      assert.deepEqual(confusion, counts);
      const wrong = top.findIndex((predicted, i) => i < known && predicted !== truth.labels[i]);
      await explorer.locator('[data-control="confusion"]').click();
      const row = explorer.locator("attriscope-confusion tbody tr").nth(truth.labels[wrong]);
      await row.locator("td").nth(top[wrong]).click();
      await explorer.settled(
        "state.filter.labels.length === 1 && state.filter.classes.length === 1 && !state.scanning",
      );
      const found = await ids();
      assert.ok(found.includes(wrong));
      for (const id of found.filter((id) => id < known))
        assert.deepEqual([truth.labels[id], top[id]], [truth.labels[wrong], top[wrong]]);
      await key("Escape");
      await explorer.locator('[data-action="clear-filter"]').click();
      await explorer.settled("state.filter.labels.length === 0 && state.cards.length === 8");
    });

    it("a style only repaints", async () => {
      const results = () => explorer.state(({ cards }) => cards.map(({ result }) => result.ms));
      const before_ = await results();
      for (const style of ["Heat map", "Masked", "Alpha", "Original", "Overlay"]) {
        await explorer.locator(`attriscope-display [data-value="${style}"]`).click();
        await explorer.until(`state.display.style === "${style}"`);
      }
      assert.deepEqual(await results(), before_);
    });

    it("the other choices of the display repaint what they should", async () => {
      const painted = () =>
        explorer
          .locator("attriscope-card attriscope-map")
          .nth(2)
          .locator("canvas")
          .evaluate((canvas) => canvas.toDataURL());
      const more = explorer.locator("attriscope-display .more");
      if (await more.isVisible()) await more.click();
      let before_ = await painted();
      const changes = async (what, act) => {
        await act();
        await page.waitForTimeout(150);
        const after_ = await painted();
        assert.notEqual(after_, before_, what);
        before_ = after_;
      };
      await changes("sign", () => explorer.locator('attriscope-display [data-value="positive"]').click());
      await changes("opacity", async () => {
        await explorer.locator('[data-control="opacity"]').focus();
        await key("Home");
        await key("ArrowRight");
      });
      await changes("clip", async () => {
        await explorer.locator('[data-control="clip"]').fill("10");
        await key("Enter");
      });
      await changes("colours", () => explorer.locator('[data-control="cmap"]').selectOption("RdBu"));
      // A text field has an undo of its own.
      await explorer.locator('[data-control="cmap"]').focus();
      for (let i = 0; i < 4; i++) await key("Control+z");
      await explorer.until('state.display.cmap === "PuOr" && state.display.sign === "signed"');
    });

    it("true classes and wrong predictions are chosen by chips", async () => {
      await explorer.locator('attriscope-filter [data-value="incorrect"]').click();
      await explorer.settled("!state.scanning && state.cards.every(({ correct }) => correct === false)");
      await explorer.locator('attriscope-filter [data-value="labels"]').click();
      const label = await explorer.state(({ cards, classes }) => classes[cards[0].sample.label]);
      await explorer.locator(`attriscope-filter [data-class="${label}"]`).click();
      await explorer.settled(`!state.scanning && state.filter.labels[0] === "${label}"`);
      for (const id of (await ids()).filter((id) => id < truth.labels.length)) {
        const top = truth.scores[id].indexOf(Math.max(...truth.scores[id]));
        assert.notEqual(top, truth.labels[id]);
        assert.equal(await explorer.state(({ classes }) => classes).then((names) => names[truth.labels[id]]), label);
      }
      await explorer.locator('[data-action="clear-filter"]').click();
      await explorer.settled("state.filter.labels.length === 0 && state.cards.length === 8");
    });

    it("a slider computes while it is dragged", async () => {
      await explorer.chooseMethod("Integrated Gradients");
      await explorer.settled('state.cards.every(({ result }) => result.method === "Integrated Gradients")');
      const slider = explorer.locator('[data-slider="n_steps"]');
      const { x, y, width, height } = await slider.boundingBox();
      await page.mouse.move(x + width * 0.25, y + height / 2);
      await page.mouse.down();
      for (const share of [0.3, 0.4, 0.5, 0.6]) await page.mouse.move(x + width * share, y + height / 2);
      await explorer.until("state.arguments.n_steps > 40");
      await explorer.settled("state.cards.every(({ result }) => result.arguments.n_steps === state.arguments.n_steps)");
      await page.mouse.up();
      await explorer.locator('[data-action="reset"]').click();
      await explorer.settled(`state.arguments.n_steps === 25 && ${READY}`);
    });

    it("Export saves the numbers, the figure, and the Captum call for them", async () => {
      const saved = async (ending) => {
        const started = page.waitForEvent("download");
        await explorer.locator('[data-control="export"]').click();
        await explorer.locator(`[data-export="save-${ending}"]`).click();
        const chunks = [];
        for await (const chunk of await (await started).createReadStream()) chunks.push(chunk);
        await key("Escape");
        return Buffer.concat(chunks);
      };
      const cards = await explorer.state(({ cards }) =>
        cards.map(({ sample, result }) => ({ id: sample.id, sum: result.attributions[0].sum })),
      );
      const [head, ...rows] = (await saved("csv")).toString("utf8").trim().split("\r\n");
      const columns = head.replace("\ufeff", "").split(",");
      assert.equal(rows.length, cards.length);
      // Quoted JSON stands between, so that the numbers are looked for from both ends.
      rows.forEach((row, i) => {
        assert.equal(Number(row.split(",")[columns.indexOf("sample")]), cards[i].id);
        near(Number(row.split(",").at(columns.indexOf("sum") - columns.length)), cards[i].sum, 1e-5);
      });
      const svg = (await saved("svg")).toString("utf8");
      assert.match(svg, /^<svg[^>]* xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
      assert.ok((svg.match(/<image /g) ?? []).length >= 2 * cards.length);
      const png = await saved("png");
      assert.deepEqual([...png.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
      assert.match((await saved("py")).toString("utf8"), /IntegratedGradients\(model\)[^]*n_steps=25/);
    });

    describe("Compare", () => {
      before(async () => {
        await explorer.show("compare");
        await explorer.locator('[data-action="pin-all"]').click();
        await explorer.until("state.comparison.columns.length >= 3");
        await explorer.until(COMPARED, 120_000);
      });

      it("cells hold Captum's maps, heads their rank correlation", async () => {
        const { columns, first } = await explorer.state(({ comparison, cards }) => ({
          columns: comparison.columns.map(({ pin, rho }) => ({ pin, rho })),
          first: comparison.rows.map((row, r) => ({
            id: cards[r].sample.id,
            target: cards[r].target,
            maps: row.map(({ result }) => result.attributions[0]?.values),
          })),
        }));
        const whole = columns
          .map((column, c) => ({ ...column, c }))
          .filter(({ c }) => first[0].maps[c]?.length === 3072);
        const runs = whole
          .filter(({ pin }) => pin.method !== "Occlusion")
          .map(({ pin, rho, c }) => ({
            method: pin.method,
            arguments: pin.arguments,
            targets: first.map(({ target }) => target),
            rho,
            c,
          }));
        assert.ok(runs.length >= 2);
        const captum = await python("captum_maps.py", { samples: first.map(({ id }) => id), runs });
        runs.forEach(({ c, rho }, i) => {
          first.forEach(({ maps }, r) => closeTo(maps[c], captum.runs[i][r]));
          if (runs[0].c === 0) near(rho, captum.agreements[i], 2e-3);
        });
      });

      it("columns are moved and taken off by keyboard and mouse", async () => {
        const titles = () => explorer.state(({ comparison }) => comparison.columns.map(({ title }) => title));
        const before_ = await titles();
        await explorer.locator('[role="columnheader"][data-column="1"]').focus();
        await key("Alt+ArrowRight");
        await explorer.until(`state.comparison.columns[0].title === "${before_[1]}"`);
        await explorer.locator('[data-action="unpin"]').first().click();
        await explorer.until(`state.comparison.columns.length === ${before_.length - 1}`);
        assert.deepEqual(await titles(), [before_[0], ...before_.slice(2)]);
      });

      it("Enter opens Inspect", async () => {
        await explorer.locator('attriscope-compare-row [data-column="1"][tabindex]').first().focus();
        await key("Enter");
        await explorer.until('state.view === "inspect"');
      });
    });

    describe("Inspect", () => {
      before(async () => {
        await explorer.show("samples");
        await explorer.chooseMethod("Integrated Gradients");
        await explorer.settled(`state.method === "Integrated Gradients" && ${READY}`);
      });

      it("a click on a picture opens it, and the film strip goes on", async () => {
        await explorer.locator('attriscope-card[data-sample="3"] [data-picture="Original"]').click();
        await explorer.until('state.view === "inspect" && state.inspection?.card.sample.id === 3');
        await explorer.locator('attriscope-film [data-sample="3"]').focus();
        await key("ArrowRight");
        await explorer.until("state.inspection.card.sample.id === 4");
        await explorer.until(
          "state.inspection.card.result && !state.inspection.card.stale && state.inspection.deleted",
        );
      });

      it("painting the baseline over everything gives the baseline's prediction; erasing and undo bring it back", async () => {
        const input = explorer.locator('[data-pane="input"]').first();
        await input.focus();
        await key("3");
        await explorer.locator('[data-control="shape"] [data-value="box"]').click();
        const { x, y, width, height } = await input.boundingBox();
        await page.mouse.move(x + 2, y + 2);
        await page.mouse.down();
        await page.mouse.move(x + width / 2, y + height / 2, { steps: 4 });
        await page.mouse.move(x + width - 2, y + height - 2, { steps: 4 });
        await page.mouse.up();
        await explorer.until("state.inspection.painted.every(Boolean) && state.inspection.after?.scores");
        await page.waitForTimeout(200);
        const after_ = await explorer.state(({ inspection }) => inspection.after.scores);
        after_.forEach((score, i) => near(score, truth.baseline_scores[i]));
        await key("Control+z");
        await explorer.until("state.inspection.after === null");
      });

      it("a brush of blur or mean hides what it passes, and the eraser brings it back", async () => {
        const input = explorer.locator('[data-pane="input"]').first();
        await input.focus();
        await key("3");
        await explorer.locator('[data-control="shape"] [data-value="brush"]').click();
        const { x, y, width, height } = await input.boundingBox();
        const stroke = async () => {
          await page.mouse.move(x + width * 0.3, y + height * 0.4);
          await page.mouse.down();
          await page.mouse.move(x + width * 0.6, y + height * 0.5, { steps: 6 });
          await page.mouse.up();
        };
        await stroke();
        await explorer.until("state.inspection.after?.scores");
        const tried = () => explorer.state(({ inspection }) => inspection.after.picture.data);
        const painted = await explorer.state(({ inspection }) => inspection.painted.filter(Boolean).length);
        assert.ok(painted > 20 && painted < 512, `${painted} pixels`);
        const pictures = [await tried()];
        for (const fill of ["blur", "mean"]) {
          await explorer.locator('[data-control="fill"]').selectOption(fill);
          await explorer.until(`state.choice.inspect.fill === "${fill}" && state.inspection.after?.scores`);
          pictures.push(await tried());
        }
        for (const other of pictures.slice(1)) assert.notDeepEqual(other, pictures[0]);
        await input.focus();
        await key("4");
        await stroke();
        await explorer.until("state.inspection.after === null");
        await explorer.locator('[data-control="fill"]').selectOption("baseline");
        await input.focus();
        await key("1");
      });

      it("the scrubber's scores are those of the curve", async () => {
        await explorer.until("state.inspection.card.result?.faithfulness");
        await explorer.locator('attriscope-curve [role="slider"]').focus();
        await key("End");
        await explorer.until("state.choice.inspect.at === 1");
        await page.waitForTimeout(300);
        const { curve, at, target } = await explorer.state(({ inspection }) => ({
          curve: inspection.card.result.faithfulness,
          at: { deleted: inspection.deleted.scores, inserted: inspection.inserted.scores },
          target: inspection.card.target,
        }));
        near(at.deleted[target], curve.deletion.at(-1));
        near(at.deleted[target], truth.baseline_scores[target]);
        near(at.inserted[target], truth.scores[4][target]);
        await key("Home");
        await explorer.until("state.choice.inspect.at === 0");
      });

      it("zooms with crisp pixels, outlines the most important ones, shows the channels apart", async () => {
        const input = explorer.locator('[data-pane="input"]').first();
        const map = input.locator("attriscope-map");
        const before_ = (await map.boundingBox()).width;
        await input.focus();
        await key("1");
        await input.hover();
        await page.keyboard.down("Control");
        await page.mouse.wheel(0, -400);
        await page.keyboard.up("Control");
        await page.waitForTimeout(200);
        const { width } = await map.boundingBox();
        assert.ok(width > before_, `${width}`);
        assert.equal(width % 32, 0, "whole pixels");
        await input.dblclick();
        await page.waitForTimeout(200);
        assert.equal((await map.boundingBox()).width, before_);
        await explorer.locator('[data-control="top"]').focus();
        await key("ArrowRight");
        await explorer.until("state.choice.inspect.top === 1");
        await explorer.locator('[data-control="channels"] [data-value="apart"]').click();
        await explorer.until('state.choice.inspect.channels === "apart"');
        assert.ok((await explorer.locator("[data-pane]").count()) >= 4);
        await explorer.locator('[data-control="channels"] [data-value="sum"]').click();
        await explorer.until('state.choice.inspect.channels === "sum"');
      });

      it("the pixel under the pointer is read out, by keyboard too", async () => {
        const map = explorer.locator("[data-pane]").nth(1);
        await map.focus();
        await key("1");
        await key("ArrowRight");
        await key("ArrowDown");
        const words = await explorer.locator("attriscope-stage").evaluate((element) => element.shadowRoot.textContent);
        assert.match(words, /rank/);
      });
    });
  });
}
