/** What a user reads in JupyterLab when something is wrong, and that the explorer stays usable. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { Explorer, launch, openLab, runAll, startJupyter, textOf } from "./harness.mjs";

const SETUP = `
import torch
from torch import nn
from attriscope import AttributionVisualizer
from attriscope.features import ImageFeature

torch.manual_seed(0)
images = torch.rand(12, 3, 8, 8)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4 * 6 * 6, 2)

    def forward(self, x):
        return self.fc(self.between(torch.relu(self.conv(x))).flatten(1))

    def between(self, x):
        return x

def black(x):
    return x * 0

def show(model, dataset=None):
    features = [ImageFeature("Photo", [black], [])]
    dataset = [(images, torch.arange(12) % 2)] if dataset is None else dataset
    AttributionVisualizer([model], ["Cat", "Dog"], features, dataset).render()
`;

/** One cell each. */
const CASES = {
  operator: `
class Warp(nn.Module):
    def forward(self, x):
        grid = x[:, :2].permute(0, 2, 3, 1)
        return torch.nn.functional.grid_sample(x, grid, align_corners=False)

class Unsupported(Net):
    def __init__(self):
        super().__init__()
        self.warp = Warp()

    def between(self, x):
        return self.warp(x)

show(Unsupported())`,
  weights: `
broken = Net()
broken.fc.weight.data[0, 0] = float("nan")
show(broken)`,
  exporter: `
class Undecided(Net):
    def between(self, x):
        return x if x.sum() > 0 else x * 2

show(Undecided())`,
  sample: `
spoilt = images.clone()
spoilt[1, 0, 0, 0] = float("nan")
show(Net(), [(spoilt, torch.arange(12) % 2)])`,
  filter: `
class Cats(Net):
    def forward(self, x):
        return super().forward(x) * 0 + torch.tensor([1.0, 0.0])

show(Cats(), [(torch.rand(8, 3, 8, 8), None) for _ in range(200)])`,
  argument: `show(Net())`,
};

const jupyter = await startJupyter();
const browser = await launch();

describe("bad input in JupyterLab", () => {
  let page;
  const outputOf = (name) =>
    page
      .locator(".jp-CodeCell")
      .nth(1 + Object.keys(CASES).indexOf(name))
      .locator(".jp-Cell-outputArea");
  const explorerOf = (name) => new Explorer(outputOf(name));

  before(async () => {
    jupyter.write("errors.ipynb", [SETUP, ...Object.values(CASES)]);
    page = await browser.newPage({ viewport: { width: 1400, height: 6000 } });
    await openLab(page, jupyter, "errors.ipynb");
    await runAll(page);
  });

  it("names the node, type and module of an operator that the engine lacks", async () => {
    await explorerOf("operator").until("state.phase.name === 'stopped'");
    assert.match(await textOf(outputOf("operator")), /GridSample[^]*warp[^]*Warp/);
  });

  it("names the weight that is not finite", async () => {
    assert.match(await textOf(outputOf("weights")), /fc\.weight[^]*(NaN|nan|not finite)/);
  });

  it("says what the exporter refuses and what to do", async () => {
    await outputOf("exporter").getByText("cannot be exported to ONNX").first().waitFor();
    assert.match(
      await textOf(outputOf("exporter")),
      /Undecided cannot be exported to ONNX.*depends on values.*torch.where/,
    );
  });

  it("shows what is wrong with one sample in its card, and explains the others", async () => {
    const explorer = explorerOf("sample");
    await explorer.settled();
    const cards = await explorer.state(({ cards }) => cards.map(({ status, error }) => [status, error]));
    assert.deepEqual(
      cards.map(([status]) => status),
      ["ready", "error", "ready", "ready"],
    );
    assert.match(cards[1][1], /NaN/i);
    assert.ok((await textOf(explorer.locator("attriscope-card").nth(1))).includes(cards[1][1]));
  });

  it("says how many samples were scanned for nothing, goes on, and comes back", async () => {
    const explorer = explorerOf("filter");
    await explorer.settled();
    await explorer.locator('attriscope-filter [data-class="Dog"]').click();
    await explorer.until("state.notice?.kind === 'empty' && !state.scanning");
    const scanned = await explorer.state(({ scanned }) => scanned);
    assert.ok(scanned > 4 && scanned <= 512 + 4, `${scanned}`);
    assert.ok((await textOf(explorer.locator("attriscope-notice"))).includes(String(scanned)));
    await explorer
      .locator("attriscope-notice button")
      .filter({ hasText: /continue|scan/i })
      .click();
    await explorer.until(`state.notice?.kind === 'empty' && !state.scanning && state.scanned > ${scanned}`);
    await explorer.locator("attriscope-notice button").filter({ hasText: /clear/i }).click();
    await explorer.settled("state.notice === null && state.cards.length === 4");
  });

  it("refuses an argument in the form, and keeps the last result", async () => {
    const explorer = explorerOf("argument");
    await explorer.chooseMethod("Integrated Gradients");
    await explorer.settled("state.cards.every(({ result }) => result.method === 'Integrated Gradients')");
    const steps = explorer.locator('input[type="text"][data-argument="n_steps"]');
    const valid = await explorer.state(({ cards }) => cards[0].result.arguments.n_steps);
    await steps.fill("0");
    await steps.press("Enter");
    await explorer.until("'n_steps' in state.argumentErrors");
    assert.match(await explorer.locator('[data-error="n_steps"]').innerText(), /steps: .* from 2 to 1000; got 0/);
    assert.equal(await explorer.state(({ cards }) => cards[0].result.arguments.n_steps), valid);
    await steps.fill("7");
    await steps.press("Enter");
    await explorer.settled("state.cards.every(({ result }) => result.arguments.n_steps === 7)");
    assert.equal(await explorer.locator('[data-error="n_steps"]').count(), 0);
  });

  it("logs no error", () => assert.deepEqual(page.problems, []));
});
