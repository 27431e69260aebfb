/** Python and the explorer in a real JupyterLab: traits, links, results, several views, several models, and what is kept. */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { CIFAR, Explorer, launch, openLab, python, runAll, save, startJupyter } from "./harness.mjs";

const CELLS = [
  `
import json
import ipywidgets
import torch
from torch import nn
from attriscope import AttributionVisualizer
from attriscope.features import ImageFeature

torch.manual_seed(0)
images = torch.rand(12, 3, 8, 8)
labels = torch.arange(12) % 3

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 6 * 6, 3)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).flatten(1))

def black(x):
    return x * 0

models = [Net().eval(), Net().eval()]
visualizer = AttributionVisualizer(
    models, ["Cat", "Dog", "Owl"], [ImageFeature("Photo", [black], [])], [(images, labels)]
)

def saliency(model, sample, target):
    x = images[sample : sample + 1].clone().requires_grad_()
    return torch.autograd.grad(models[model](x)[0, target], x)[0][0].abs()
`,
  `
window = {"sliding_window_shapes": [3, 4, 4], "strides": [3, 2, 2]}
visualizer.render(method="Occlusion", arguments=window)`,
  `
widget = visualizer.widget
seen = []
widget.observe(lambda change: seen.append([change.name, change.new]), ["method", "target", "selected"])
slider = ipywidgets.IntSlider(max=11, value=0)
ipywidgets.jslink((slider, "value"), (widget, "selected"))
ipywidgets.VBox([slider, ipywidgets.HBox([widget])])`,
  "widget",
];
const NOTEBOOK = "talk.ipynb";

const jupyter = await startJupyter();
const browser = await launch();

/** What code in the notebook's kernel prints as JSON. */
async function kernel(page, code) {
  const [text, error] = await page.evaluate(async (code) => {
    const { kernel } = window.jupyterapp.shell.currentWidget.context.sessionContext.session;
    const future = kernel.requestExecute({ code, store_history: false });
    let [text, error] = ["", null];
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
      if (header.msg_type === "error") error = `${content.ename}: ${content.evalue}`;
    };
    await future.done;
    return [text, error];
  }, code);
  if (error) throw new Error(error);
  return text ? JSON.parse(text) : null;
}

/** The same, again and again until it is as wanted. */
async function untilKernel(page, code, wanted) {
  let found;
  for (let tries = 0; tries < 200; tries++) {
    found = await kernel(page, code).catch(({ message }) => message);
    if (wanted(found)) return found;
    await page.waitForTimeout(100);
  }
  throw new Error(`the kernel never came to it; ${code} gives ${JSON.stringify(found)}`);
}

const RESULTS = `
found = visualizer.results()
print(json.dumps({
    "method": found.method, "arguments": found.arguments, "baseline": found.baseline, "model": found.model,
    "ids": found.ids.tolist(), "targets": found.targets.tolist(), "predictions": found.predictions.tolist(),
    "scores": found.scores.tolist(), "maps": [m.flatten().tolist() for m in found.attributions["Photo"]],
    "shape": list(found.attributions["Photo"].shape), "delta": [None if d != d else d for d in found.delta.tolist()],
}))`;
const results = (page, wanted = () => true) =>
  untilKernel(page, RESULTS, (found) => typeof found === "object" && wanted(found));
const traits = (page) =>
  kernel(page, 'print(json.dumps({n: getattr(widget, n) for n in ("method", "arguments", "target", "selected", "filters")}))'); // prettier-ignore
const shown = (explorer) =>
  explorer.state(({ cards }) =>
    cards.map(({ sample, target, result, predictions }) => ({ id: sample.id, target, result, predictions })),
  );

describe("Python and the explorer", () => {
  let page, explorer, boxed;

  const open = async () => {
    await openLab(page, jupyter, NOTEBOOK);
    explorer = new Explorer(page.locator(".jp-CodeCell").nth(1));
    boxed = new Explorer(page.locator(".jp-CodeCell").nth(2));
  };
  const isOneSession = (a, b) => page.evaluate(([a, b]) => a.store === b.store, [a, b]);
  const handle = (within) => page.locator(within).locator(Explorer.TAG).first().elementHandle();

  before(async () => {
    jupyter.write(NOTEBOOK, CELLS);
    page = await browser.newPage({ viewport: { width: 1400, height: 3000 } });
    await open();
    await runAll(page);
    await explorer.settled("state.live");
  });

  it("starts with the method and the arguments that render() was given", async () => {
    const { method, arguments: args } = await explorer.state();
    assert.deepEqual([method, args.sliding_window_shapes, args.strides], ["Occlusion", [3, 4, 4], [3, 2, 2]]);
    const found = await results(page);
    assert.deepEqual([found.method, found.baseline, found.ids], ["Occlusion", "black", [0, 1, 2, 3]]);
    assert.equal((await traits(page)).method, "Occlusion");
  });

  it("draws in boxes, one state with the output of render()", async () => {
    await boxed.settled();
    assert.ok(await isOneSession(await handle(".jp-CodeCell >> nth=1"), await handle(".jp-CodeCell >> nth=2")));
    await new Explorer(page.locator(".jp-CodeCell").nth(3)).settled();
    assert.ok(await isOneSession(await handle(".jp-CodeCell >> nth=1"), await handle(".jp-CodeCell >> nth=3")));
    const { width } = await page.locator(".jp-CodeCell").nth(2).locator(Explorer.TAG).boundingBox();
    assert.ok(width > 900, `${width} px wide`);
  });

  it("follows the slider that is linked to it without the kernel, which hears of it", async () => {
    const knob = page.locator(".jp-CodeCell").nth(2).locator(".noUi-handle");
    await explorer.until("state.selected === 0");
    await knob.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await explorer.until("state.selected === 2");
    await untilKernel(page, "print(json.dumps(widget.selected))", (selected) => selected === 2);
    await kernel(page, "widget.selected = 1");
    await untilKernel(page, "print(json.dumps(slider.value))", (value) => value === 1);
  });

  it("follows Python, with the right maps", async () => {
    await kernel(
      page,
      'widget.selected = 3; widget.target = 2; widget.method = "Saliency"; widget.arguments = {"abs": True}',
    );
    await explorer.settled(
      'state.cards.every(({ result }) => result.method === "Saliency") && state.cards[3].result.target === 2 && state.selected === 3',
    );
    const found = await results(page, ({ method }) => method === "Saliency");
    assert.deepEqual([found.targets[3], found.baseline, found.model, found.shape], [2, null, "Net", [4, 3, 8, 8]]);
    const expected = await kernel(page, `print(json.dumps([saliency(0, i, t).flatten().tolist() for i, t in enumerate(${JSON.stringify(found.targets)})]))`); // prettier-ignore
    closeTo(found.maps, expected, 1e-5);
  });

  it("refuses from Python what makes no sense, and stays as it was", async () => {
    await assert.rejects(kernel(page, 'widget.method = "Salience"'), /TraitError: method: got 'Salience'; did you mean 'Saliency'\?/); // prettier-ignore
    await assert.rejects(
      kernel(page, "widget.target = 3"),
      /TraitError: target: got 3; expected an index into classes, 0 to 2/,
    );
    await assert.rejects(kernel(page, 'widget.filters = {"labels": ["Fox"]}'), /TraitError: filters.labels: got 'Fox', which is no class/); // prettier-ignore
    assert.equal((await traits(page)).method, "Saliency");
  });

  it("takes back a sample that is not here", async () => {
    await kernel(page, "widget.selected = 11");
    await untilKernel(page, "print(json.dumps(widget.selected))", (selected) => selected === 3);
  });

  it("filters as Python says, by true classes too", async () => {
    await kernel(page, 'widget.filters = {"labels": ["Dog"]}');
    await explorer.settled(
      "!state.scanning && state.cards.length === 4 && state.cards.every(({ sample }) => sample.label === 1)",
    );
    assert.deepEqual((await results(page, ({ ids }) => ids[0] === 1)).ids, [1, 4, 7, 10]);
    await kernel(page, "widget.filters = {}");
    await explorer.settled("state.cards[0].sample.id === 0");
    assert.deepEqual((await traits(page)).filters, { classes: [], labels: [], prediction: "all" });
  });

  it("tells Python of a click, and of what it comes to", async () => {
    await kernel(page, "seen.clear()");
    const [first] = await shown(explorer);
    const other = first.predictions[1].index;
    await explorer.locator("attriscope-card").first().locator(`[data-class="${other}"]`).click();
    await explorer.settled(`state.cards[0].result.target === ${other}`);
    const seen = await untilKernel(page, "print(json.dumps(seen))", ({ length }) => length >= 2);
    assert.deepEqual(Object.fromEntries(seen), { target: other, selected: 0 });
    const found = await results(page, ({ targets }) => targets[0] === other);
    (await shown(explorer)).forEach(({ id, target, result, predictions }, i) => {
      assert.deepEqual([found.ids[i], found.targets[i], found.predictions[i]], [id, target, predictions[0].index]);
      assert.deepEqual(found.maps[i], result.attributions[0].values);
      for (const { index, score } of predictions) assert.equal(found.scores[i][index], score);
    });
  });

  it("saves what is chosen with the output, once, and draws on", async () => {
    const element = await handle(".jp-CodeCell >> nth=1");
    await page.evaluate(() => {
      const [cell] = [...window.jupyterapp.shell.currentWidget.content.widgets].slice(1);
      window.changes = [];
      cell.outputArea.model.get(0).changed.connect(({ metadata }) => window.changes.push(JSON.stringify(metadata)));
    });
    await element.evaluate(({ store }) => store.setDisplay({ sign: "positive" }));
    await explorer.until('state.display.sign === "positive"');
    await page.waitForTimeout(2000);
    const changes = await page.evaluate(() => window.changes);
    assert.ok(changes.length >= 1 && changes.length <= 2, `${changes.length} changes`);
    assert.match(changes.at(-1), /"sign":"positive"/);
    assert.ok(await element.evaluate((node) => node.isConnected));
  });

  it("explains the other model, and both side by side", async () => {
    assert.deepEqual(await explorer.state(({ models }) => models), ["Net", "Net (2)"]);
    await kernel(page, 'widget.choice = {"model": 1}');
    const found = await results(page, ({ model }) => model === "Net (2)");
    const expected = await kernel(page, `print(json.dumps([saliency(1, i, t).flatten().tolist() for i, t in enumerate(${JSON.stringify(found.targets)})]))`); // prettier-ignore
    closeTo(found.maps, expected, 1e-5);
    await kernel(page, 'widget.choice = {"model": 0, "view": "compare", "compare": {"columns": "models"}}');
    const columns = await untilKernel(
      page,
      "print(json.dumps([[r.method, r.model] for r in map(visualizer.results, (0, 1))]))",
      Array.isArray,
    );
    assert.deepEqual(columns, [["Saliency", "Net"], ["Saliency", "Net (2)"]]); // prettier-ignore
    await kernel(page, 'widget.choice = {"view": "samples"}');
    await explorer.settled('state.view === "samples"');
  });

  it("shows the same in another view of the output", async () => {
    await page.evaluate(async () => {
      const { content } = window.jupyterapp.shell.currentWidget;
      content.activeCellIndex = 1;
      await window.jupyterapp.commands.execute("notebook:create-output-view");
    });
    const view = new Explorer(page.locator(".jp-LinkedOutputView"));
    await view.settled();
    assert.ok(await isOneSession(await handle(".jp-CodeCell >> nth=1"), await handle(".jp-LinkedOutputView")));
    await page.locator(".jp-LinkedOutputView").evaluate(() => {
      const { shell } = window.jupyterapp;
      [...shell.widgets("main")].find(({ node }) => node.querySelector(".jp-LinkedOutputView"))?.dispose();
    });
  });

  it("stays as it is when its cell is moved and the theme changes", async () => {
    const before = await explorer.state(({ choice }) => choice);
    await page.evaluate(async () => {
      const { commands, shell } = window.jupyterapp;
      shell.currentWidget.content.activeCellIndex = 1;
      await commands.execute("apputils:change-theme", { theme: "JupyterLab Dark" });
      await commands.execute("notebook:move-cell-up");
    });
    await new Explorer(page.locator(".jp-CodeCell").nth(0)).settled();
    assert.deepEqual(await new Explorer(page.locator(".jp-CodeCell").nth(0)).state(({ choice }) => choice), before);
    await page.evaluate(() => window.jupyterapp.commands.execute("notebook:move-cell-down"));
    await explorer.settled();
    assert.deepEqual(await explorer.state(({ choice }) => choice), before);
  });

  it("comes back to it when the page is reloaded", async () => {
    const before = await explorer.state(({ choice }) => choice);
    assert.equal(before.method, "Saliency");
    await page.waitForTimeout(1000);
    await save(page);
    await open();
    await explorer.settled("state.live");
    assert.deepEqual(await explorer.state(({ choice }) => choice), before);
    assert.equal(await explorer.state(({ canUndo }) => canUndo), false);
    await kernel(page, "widget.target = 1");
    await explorer.settled("state.cards[0].result.target === 1");
  });

  it("renders again as it was left; the output of before is static", async () => {
    await kernel(page, "models[0].fc.bias.data += 1; visualizer.render()");
    await explorer.until("!state.live");
    await boxed.settled("state.live");
    assert.deepEqual(await boxed.state(({ choice: { method, selected, targets } }) => [method, selected, targets]), ["Saliency", 0, { 0: 1, 3: 2 }]); // prettier-ignore
    await kernel(page, "widget.selected = 2");
    await boxed.until("state.selected === 2");
    assert.equal(await explorer.state(({ selected }) => selected), 0);
  });

  it("logs no error", () => assert.deepEqual(page.problems, []));

  it("is saved with the notebook as its author left it", async () => {
    await page.waitForTimeout(1000);
    await save(page);
    const [, { outputs }] = JSON.parse(fs.readFileSync(path.join(jupyter.folder, NOTEBOOK), "utf8")).cells;
    const { choice } = outputs[0].metadata["application/vnd.attriscope.v1+json"];
    assert.deepEqual([choice.method, choice.selected, choice.targets], ["Saliency", 0, { 0: 1, 3: 2 }]);
    const kept = await shown(explorer);
    await jupyter.shutDownKernels();
    await page.context().close();
    page = await browser.newPage({ viewport: { width: 1400, height: 3000 } });
    fs.copyFileSync(path.join(jupyter.folder, NOTEBOOK), path.join(jupyter.folder, "reopened.ipynb"));
    await openLab(page, jupyter, "reopened.ipynb", { kernel: false });
    explorer = new Explorer(page.locator(".jp-CodeCell").nth(1));
    await explorer.settled('state.cards[0].result.target === 1 && state.method === "Saliency"');
    assert.deepEqual(
      (await shown(explorer)).map(({ result }) => result.attributions[0].values),
      kept.map(({ result }) => result.attributions[0].values),
    );
    await page.waitForTimeout(1500);
    assert.equal(await page.evaluate(() => window.jupyterapp.shell.currentWidget.context.model.dirty), false);
    assert.deepEqual(page.problems, []);
  });

  after(async () => {
    await jupyter.shutDownKernels();
    await page.context().close();
  });
});

const skip = fs.existsSync(CIFAR) ? false : `the tutorial's images and weights are not in ${CIFAR}`;

describe("the tutorial's results in Python", { skip }, () => {
  it("are Captum's numbers", async () => {
    const page = await browser.newPage();
    await openLab(page, jupyter, "cifar10.ipynb");
    await runAll(page);
    const explorer = new Explorer(page);
    await explorer.settled("state.live");
    await kernel(page, 'import json; visualizer.widget.method = "Integrated Gradients"; visualizer.widget.target = 3');
    const found = await results(page, ({ targets }) => targets.every((target) => target === 3));
    const run = { method: found.method, arguments: found.arguments, targets: found.targets };
    const { scores, runs } = await python("captum_maps.py", { samples: found.ids, runs: [run] });
    closeTo(found.maps, runs[0], 1e-4);
    closeTo(found.scores, scores, 1e-5);
    assert.ok(found.delta.every((delta) => delta !== null && Math.abs(delta) < 1));
    assert.deepEqual(page.problems, []);
  });
});

/** Lists of lists; differences as a share of the largest value. */
function closeTo(found, expected, tolerance) {
  assert.deepEqual(found.map(({ length }) => length), expected.map(({ length }) => length)); // prettier-ignore
  const most = Math.max(...expected.flat().map(Math.abs));
  const difference = Math.max(...expected.flatMap((list, i) => list.map((value, k) => Math.abs(value - found[i][k]))));
  assert.ok(most > 0);
  assert.ok(difference <= tolerance * most, `${difference} of ${most}`);
}
