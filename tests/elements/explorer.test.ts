/** @jest-environment jsdom */
import type { LitElement } from "lit";
import type { AttriscopeExplorer as Explorer } from "../../src/elements/explorer";
import { define, TAG } from "../../src/elements/explorer";
import { START } from "../../src/choice";
import type { Card, State } from "../../src/state";
import { emptyNotice, FakeStore, makeCard, makeState, summed } from "../gallery/fake-store";
import { feature, OPINIONS, PASSENGER, REVIEW } from "../gallery/pages-compare";
import { all, one } from "./dom";

/** jsdom has neither of the two. */
beforeAll(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
  window.matchMedia = () => new EventTarget() as MediaQueryList;
  define();
});

afterEach(() => document.body.replaceChildren());

async function mount(change: Partial<State> = {}): Promise<{ explorer: Explorer; store: FakeStore }> {
  const store = new FakeStore(makeState({ cards: [0, 1, 2, 3].map((index) => makeCard(20 + index)), ...change }));
  const explorer = document.createElement(TAG) as Explorer;
  explorer.store = store;
  document.body.append(explorer);
  await settled();
  return { explorer, store };
}

/** Every element has rendered, every picture is painted. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  const explorers = [...document.querySelectorAll(TAG)];
  const maps = explorers.flatMap((explorer) => all(explorer.shadowRoot!, "attriscope-map")) as unknown as LitElement[];
  await Promise.all(maps.map(({ updateComplete }) => updateComplete));
  await Promise.all(maps.map(({ updateComplete }) => updateComplete));
}

/** What a reader sees, without styles. */
function text(root: Element): string {
  const words = (node: Node): string => {
    if (node.nodeName === "STYLE") return "";
    if (node.nodeType === Node.TEXT_NODE) return node.textContent ?? "";
    const own = node instanceof Element && node.shadowRoot ? [...node.shadowRoot.childNodes].map(words).join("") : "";
    return own + [...node.childNodes].map(words).join("") + (node instanceof HTMLDivElement ? " " : "");
  };
  return words(root).replace(/\s+/g, " ").trim();
}

function type(field: HTMLElement, value: string, event = "change"): void {
  (field as HTMLInputElement).value = value;
  field.dispatchEvent(new Event(event, { bubbles: true }));
}

function press(target: Element, init: KeyboardEventInit): void {
  target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, composed: true, cancelable: true, ...init }));
}

const card = (explorer: Explorer, id: number): HTMLElement => one(explorer, `attriscope-card[data-sample="${id}"]`);

describe("without a store", () => {
  test("the stage and two placeholders, until the store comes", async () => {
    const explorer = document.createElement(TAG) as Explorer;
    explorer.stage = "exporting the model, 2 s";
    document.body.append(explorer);
    await settled();
    expect(text(explorer)).toContain("Preparing exporting the model, 2 s");
    expect(all(explorer.shadowRoot!, ".placeholder")).toHaveLength(2);
    explorer.store = new FakeStore(makeState({ cards: [makeCard(20)] }));
    await settled();
    expect(all(explorer.shadowRoot!, ".placeholder")).toHaveLength(0);
    expect(card(explorer, 20)).toBeTruthy();
  });

  test("why it stopped", async () => {
    const explorer = document.createElement(TAG) as Explorer;
    explorer.stopped = { title: "The model could not be exported", text: "torch.onnx: data-dependent control flow" };
    document.body.append(explorer);
    await settled();
    expect(text(explorer)).toContain("The model could not be exported");
    expect(text(explorer)).toContain("data-dependent control flow");
    expect(text(explorer)).toContain("Stopped");
  });
});

describe("phases and notices", () => {
  test("preparing: the stage and how far it is", async () => {
    const { explorer } = await mount({
      phase: { name: "preparing", stage: "reading weights 94 of 250 kB", done: 94, total: 250 },
    });
    expect(text(explorer)).toContain("reading weights 94 of 250 kB");
    expect(one(explorer, '[role="progressbar"]').getAttribute("aria-valuenow")).toBe("38");
    expect(all(explorer.shadowRoot!, "attriscope-card")).toHaveLength(0);
  });

  test("stopped: facts, steps, and the details for the clipboard", async () => {
    const written: string[] = [];
    Object.assign(navigator, { clipboard: { writeText: (details: string) => written.push(details) } });
    const { explorer } = await mount({
      phase: {
        name: "stopped",
        notice: {
          kind: "error",
          title: "One operator cannot run",
          text: "Nothing was computed.",
          facts: [["node", "/bag/Loop_3"]],
          steps: ["Replace EmbeddingBag"],
        },
      },
    });
    expect(one(explorer, "dt").textContent).toBe("node");
    expect(one(explorer, "dd").textContent).toBe("/bag/Loop_3");
    expect(text(explorer)).toContain("Replace EmbeddingBag");
    one(explorer, '[data-action="copy"]').click();
    expect(written).toEqual([
      "One operator cannot run\nNothing was computed.\nnode: /bag/Loop_3\nReplace EmbeddingBag",
    ]);
  });

  test("empty: the notice stands in place of the cards, and its actions act", async () => {
    const scan = jest.fn();
    const { explorer, store } = await mount();
    const notice = emptyNotice(() => store.setFilter({ classes: [], prediction: "all" }));
    notice.actions![0].run = scan;
    store.change({ cards: [], notice });
    await settled();
    expect(text(explorer)).toContain("No match in the first 512 samples");
    expect(text(explorer)).toContain("Filter: predicted class Frog or Ship, prediction incorrect.");
    expect(all(explorer.shadowRoot!, "attriscope-legend")).toHaveLength(0);
    one(explorer, '[data-action="Scan the next 334"]').click();
    expect(scan).toHaveBeenCalledTimes(1);
    one(explorer, '[data-action="Clear filter"]').click();
    expect(store.calls).toEqual([["setFilter", { classes: [], prediction: "all" }]]);
    await settled();
    expect(text(explorer)).not.toContain("No match");
  });

  test("a model that was too large to be stored is no failure", async () => {
    const notice = {
      kind: "static",
      title: "The model is not stored in this notebook",
      text: "Run the cell again.",
    } as const;
    const { explorer } = await mount({ phase: { name: "stopped", notice } });
    expect(text(explorer)).toContain("The model is not stored in this notebook Run the cell again.");
    expect(one(explorer, "[data-badge]").dataset.badge).toBe("static");
    expect(all(explorer.shadowRoot!, '[data-action="copy"]')).toHaveLength(0);
  });

  test("a warning stands beside the cards", async () => {
    const { explorer } = await mount({
      notice: { kind: "warning", title: "The graphics context was lost.", text: "On the processor now." },
    });
    expect(text(explorer)).toContain("The graphics context was lost. On the processor now.");
    expect(all(explorer.shadowRoot!, "attriscope-card")).toHaveLength(4);
  });

  test("static: the badge, and why there is no next page", async () => {
    const { explorer } = await mount({ live: false, hasNext: false, total: null, known: 4 });
    expect(one(explorer, "[data-badge]").dataset.badge).toBe("static");
    const next = one(explorer, '[data-action="next"]') as HTMLButtonElement;
    expect(next.disabled).toBe(true);
    expect(next.title).toContain("run the cell again");
    expect(text(explorer)).toContain("1–4 of 4+");
  });
});

describe("header", () => {
  test("tabs change the view", async () => {
    const { explorer, store } = await mount();
    const tabs = all(explorer.shadowRoot!, '[role="tab"]');
    expect(tabs.map(text)).toEqual(["Samples", "Compare", "Inspect"]);
    expect(tabs.map((tab) => tab.getAttribute("aria-selected"))).toEqual(["true", "false", "false"]);
    tabs[1].click();
    expect(store.calls).toEqual([["setView", "compare"]]);
    await settled();
    expect(tabs.map((tab) => tab.tabIndex)).toEqual([-1, 0, -1]);
  });

  test("the focus does not get lost with a view", async () => {
    const { explorer } = await mount();
    const whole = one(card(explorer, 20), ".card");
    whole.focus();
    press(whole, { key: "Enter" });
    press(one(card(explorer, 20), ".pictures"), { key: "Enter" });
    await settled();
    const header = explorer.shadowRoot!.activeElement!;
    expect((header.shadowRoot!.activeElement as HTMLElement).dataset.view).toBe("inspect");
  });

  test("undo and redo, by buttons and by keys, but not while something is typed", async () => {
    const { explorer, store } = await mount({ canUndo: true, canRedo: false });
    const [undo, redo] = ["undo", "redo"].map((name) => one(explorer, `[data-action="${name}"]`) as HTMLButtonElement);
    expect([undo.disabled, redo.disabled]).toEqual([false, true]);
    undo.click();
    const field = one(explorer, '[data-argument="n_steps"]');
    press(field, { key: "z", ctrlKey: true });
    for (const init of [
      { key: "z", ctrlKey: true },
      { key: "z", metaKey: true },
      { key: "Z", ctrlKey: true, shiftKey: true },
      { key: "y", ctrlKey: true },
      { key: "z" },
      { key: "z", ctrlKey: true, altKey: true },
    ])
      press(one(explorer, '[data-slider="n_steps"]'), init);
    expect(store.calls).toEqual([["undo"], ["undo"], ["undo"], ["redo"], ["redo"]]);
  });
});

describe("status", () => {
  test("exact to PyTorch", async () => {
    const { explorer } = await mount();
    expect(text(explorer)).toContain("exact to PyTorch 2e−7");
    expect(text(explorer)).toContain("11 ms");
  });

  test("a difference from PyTorch is a warning", async () => {
    const { explorer } = await mount({
      engine: { backend: "wasm", available: ["wasm", "cpu"], ms: 3, maxDiff: 0.0042 },
    });
    expect(text(explorer)).toContain("differs from PyTorch by 4e−3");
    expect(text(explorer)).not.toContain("exact");
  });

  test("progress and Cancel take its place", async () => {
    const { explorer, store } = await mount({
      progress: { label: "Occlusion", done: 5, total: 8, etaMs: 900, cancellable: true },
    });
    expect(text(explorer)).toContain("5 of 8 · 0.9 s left");
    expect(text(explorer)).not.toContain("exact to PyTorch");
    one(explorer, '[data-action="cancel"]').click();
    expect(store.calls).toEqual([["cancel"]]);
  });

  test("another backend", async () => {
    const { explorer, store } = await mount();
    const menu = one(explorer, '[data-control="backend"]') as HTMLSelectElement;
    expect([...menu.options].map(({ value }) => value)).toEqual(["webgl", "wasm", "cpu"]);
    type(menu, "cpu");
    expect(store.calls).toEqual([["setBackend", "cpu"]]);
  });
});

describe("methods and their arguments", () => {
  const menu = (explorer: Explorer): HTMLElement => one(explorer, '[data-control="method"]');

  async function opened(explorer: Explorer, query = ""): Promise<HTMLInputElement> {
    menu(explorer).click();
    await settled();
    const field = one(explorer, '[role="combobox"]') as HTMLInputElement;
    if (query) type(field, query, "input");
    await settled();
    return field;
  }
  const options = (explorer: Explorer): HTMLElement[] => all(explorer.shadowRoot!, '[role="option"]');
  const names = (explorer: Explorer): string[] => options(explorer).map(({ dataset }) => dataset.method!);
  const activeIn = (explorer: Explorer, field: HTMLElement): string => {
    const id = field.getAttribute("aria-activedescendant")!;
    return options(explorer).find((option) => option.id === id)!.dataset.method!;
  };

  test("the menu is grouped, tells costs, and why an entry is not available", async () => {
    const { explorer, store } = await mount();
    expect(text(menu(explorer))).toBe("Integrated Gradients");
    expect(options(explorer)).toHaveLength(0);
    await opened(explorer);
    const groups = all(explorer.shadowRoot!, '[role="listbox"] [role="group"]');
    expect(groups.map((group) => group.getAttribute("aria-label"))).toEqual([
      "Gradient",
      "Path",
      "Perturbation",
      "Relevance",
    ]);
    const option = (name: string): HTMLElement => one(explorer, `[role="option"][data-method="${name}"]`);
    expect(option("Deconvolution").getAttribute("aria-disabled")).toBe("true");
    expect(text(option("Deconvolution"))).toContain("the model has no nn.ReLU module");
    expect(text(option("Saliency"))).toContain("1 pass");
    expect(option("Integrated Gradients").getAttribute("aria-selected")).toBe("true");
    option("Deconvolution").click();
    expect(store.calls).toEqual([]);
    option("Saliency").click();
    expect(store.calls).toEqual([["setMethod", "Saliency"]]);
    await settled();
    expect(options(explorer)).toHaveLength(0);
    expect(text(menu(explorer))).toBe("Saliency");
  });

  test("the menu is searched by name, initials, group and summary, and answers to keys", async () => {
    const { explorer, store } = await mount();
    const field = await opened(explorer, "perturb");
    expect(names(explorer)).toEqual(["Feature Ablation", "Occlusion"]);
    type(field, "ig", "input");
    await settled();
    expect(names(explorer)).toContain("Integrated Gradients");
    type(field, "", "input");
    await settled();
    expect(activeIn(explorer, field)).toBe("Integrated Gradients");
    for (const [key, name] of [
      ["End", "Deep Lift"],
      ["ArrowDown", "Saliency"],
      ["ArrowUp", "Deep Lift"],
      ["Home", "Saliency"],
      ["ArrowDown", "Input X Gradient"],
    ]) {
      press(field, { key });
      await settled();
      expect(activeIn(explorer, field)).toBe(name);
    }
    press(field, { key: "Enter" });
    expect(store.calls).toEqual([["setMethod", "Input X Gradient"]]);
    press(menu(explorer), { key: "o" });
    await settled();
    expect(activeIn(explorer, one(explorer, '[role="combobox"]'))).toBe("Occlusion");
    press(one(explorer, '[role="combobox"]'), { key: "Escape" });
    await settled();
    expect(options(explorer)).toHaveLength(0);
    expect(menu(explorer).getAttribute("aria-expanded")).toBe("false");
  });

  test("nothing is found", async () => {
    const { explorer } = await mount();
    await opened(explorer, "<b>");
    expect(options(explorer)).toHaveLength(0);
    expect(text(explorer)).toContain("Nothing matches “<b>”");
  });

  test("what a method and its arguments are is told in words, with limits", async () => {
    const { explorer } = await mount();
    one(explorer, '[data-control="about"]').click();
    await settled();
    const about = text(one(explorer, ".about"));
    expect(about).toContain("n_steps");
    expect(about).toContain("2 to 500 · starts at 25, in Captum 50");
  });

  test("several models can be chosen among, one cannot", async () => {
    const { explorer, store } = await mount({ models: ["net", "finetuned"] });
    const select = one(explorer, '[data-control="model"]') as HTMLSelectElement;
    expect([...select.options].map((option) => text(option))).toEqual(["net", "finetuned"]);
    select.selectedIndex = 1;
    select.dispatchEvent(new Event("change"));
    expect(store.calls).toEqual([["setModel", 1]]);
    store.change({ models: ["net"] });
    await settled();
    expect(all(explorer.shadowRoot!, '[data-control="model"]')).toHaveLength(0);
  });

  test("an argument that was changed can be taken back alone", async () => {
    const { explorer, store } = await mount();
    expect(all(explorer.shadowRoot!, "[data-reset]")).toHaveLength(0);
    type(one(explorer, '[data-argument="n_steps"]'), "40");
    await settled();
    const back = one(explorer, '[data-reset="n_steps"]');
    expect(back.title).toBe("Back to 25");
    back.click();
    expect(store.calls).toEqual([
      ["setArgument", "n_steps", 40],
      ["setArgument", "n_steps", 25],
    ]);
  });

  test("numbers, choices and sliders call setArgument with what they mean", async () => {
    const { explorer, store } = await mount();
    type(one(explorer, '[data-argument="n_steps"]'), "40");
    type(one(explorer, '[data-slider="n_steps"]'), "31", "input");
    type(one(explorer, '[data-argument="method"]'), "riemann_left");
    type(one(explorer, '[data-argument="n_steps"]'), "many");
    expect(store.calls).toEqual([
      ["setArgument", "n_steps", 40],
      ["setArgument", "n_steps", 31],
      ["setArgument", "method", "riemann_left"],
      ["setArgument", "n_steps", "many"],
    ]);
  });

  test("shapes and automatic values", async () => {
    const { explorer, store } = await mount({
      method: "Occlusion",
      arguments: { sliding_window_shapes: [3, 5, 5], strides: null },
    });
    const window = one(explorer, '[data-argument="sliding_window_shapes"]') as HTMLInputElement;
    const strides = one(explorer, '[data-argument="strides"]') as HTMLInputElement;
    expect(window.value).toBe("3 5 5");
    expect([strides.value, strides.placeholder]).toEqual(["", "half"]);
    type(window, "5");
    type(strides, "1 2 2");
    type(strides, "");
    expect(store.calls).toEqual([
      ["setArgument", "sliding_window_shapes", 5],
      ["setArgument", "strides", [1, 2, 2]],
      ["setArgument", "strides", null],
    ]);
  });

  test("a window's slider makes it a square of no more pixels than the picture has", async () => {
    const { explorer, store } = await mount({
      method: "Occlusion",
      arguments: { sliding_window_shapes: [3, 5, 6], strides: null },
    });
    const slider = one(explorer, '[data-slider="sliding_window_shapes"]') as HTMLInputElement;
    expect([slider.min, slider.max, slider.value]).toEqual(["1", "32", "6"]);
    type(slider, "9", "input");
    expect(store.calls).toEqual([["setArgument", "sliding_window_shapes", 9]]);
    expect(all(explorer.shadowRoot!, '[data-slider="strides"]')).toHaveLength(0);
  });

  test("a refused value is marked, explained, and the old result stays", async () => {
    const { explorer } = await mount({
      arguments: { n_steps: 900, method: "gausslegendre" },
      argumentErrors: { n_steps: "2 to 500, got 900" },
    });
    expect(one(explorer, '[data-argument="n_steps"]').getAttribute("aria-invalid")).toBe("true");
    expect(text(explorer)).toContain("steps: 2 to 500, got 900. Results below still use 25.");
    expect(all(explorer.shadowRoot!, "attriscope-card")).toHaveLength(4);
  });

  test("baseline, workload, reset", async () => {
    const { explorer, store } = await mount({ workload: "225 forward passes per sample" });
    expect(text(explorer)).toContain("225 forward passes per sample");
    const baseline = one(explorer, '[data-control="baseline"]') as HTMLSelectElement;
    baseline.selectedIndex = 1;
    baseline.dispatchEvent(new Event("change"));
    one(explorer, '[data-action="reset"]').click();
    expect(store.calls).toEqual([["setBaseline", 1], ["reset"]]);
  });

  test("no baseline where the method uses none", async () => {
    const { explorer } = await mount({ method: "Saliency", arguments: {} });
    expect(all(explorer.shadowRoot!, '[data-control="baseline"]')).toHaveLength(0);
  });
});

describe("filter and pages", () => {
  const chip = (explorer: Explorer, name: string): HTMLElement => one(explorer, `.chip[data-class="${name}"]`);

  test("chips add and remove classes", async () => {
    const { explorer, store } = await mount({ filter: { classes: ["Ship"], labels: [], prediction: "all" } });
    expect(chip(explorer, "Ship").getAttribute("aria-pressed")).toBe("true");
    chip(explorer, "Frog").click();
    expect(store.calls).toEqual([["setFilter", { classes: ["Frog", "Ship"] }]]);
    await settled();
    chip(explorer, "Ship").click();
    expect(store.calls[1]).toEqual(["setFilter", { classes: ["Frog"] }]);
  });

  test("the same chips choose true classes; the side that is out of sight is marked", async () => {
    const { explorer, store } = await mount({ filter: { classes: ["Ship"], labels: [], prediction: "all" } });
    all(explorer.shadowRoot!, '[data-value="labels"]')[0].click();
    await settled();
    expect(all(explorer.shadowRoot!, '[data-value="classes"]')[0].getAttribute("aria-label")).toBe("Predicted, in use");
    expect(chip(explorer, "Ship").getAttribute("aria-pressed")).toBe("false");
    chip(explorer, "Bird").click();
    expect(store.calls).toEqual([["setFilter", { labels: ["Bird"] }]]);
  });

  test("the filter can be taken off, where there is one", async () => {
    const { explorer, store } = await mount();
    const clear = one(explorer, '[data-action="clear-filter"]') as HTMLButtonElement;
    expect(clear.disabled).toBe(true);
    store.change({ filter: { classes: [], labels: ["Bird"], prediction: "all" } });
    await settled();
    expect([clear.disabled, clear.title]).toEqual([false, "Now: true class Bird"]);
    clear.click();
    expect(store.calls).toEqual([["setFilter", { classes: [], labels: [], prediction: "all" }]]);
  });

  test("the confusion matrix opens at its button and filters", async () => {
    const { explorer, store } = await mount();
    one(explorer, '[data-control="confusion"]').click();
    await settled();
    expect(text(explorer)).toContain("24 samples here");
    (one(explorer, 'table[role="grid"]') as HTMLTableElement).rows[3].cells[4].click();
    expect(store.calls).toEqual([["setFilter", { labels: ["Bird"], classes: ["Cat"] }]]);
  });

  test("no matrix without labels", async () => {
    const { explorer } = await mount({ confusion: null });
    expect(all(explorer.shadowRoot!, '[data-control="confusion"]')).toHaveLength(0);
  });

  test("sorted by loss: the worst first, and each card tells its own", async () => {
    const { explorer, store } = await mount();
    const select = one(explorer, '[data-control="sort"]') as HTMLSelectElement;
    expect([...select.options].map(({ value }) => value)).toEqual(["dataset", "confidence", "loss", "entropy"]);
    expect(all(explorer.shadowRoot!, "[data-sorted]")).toHaveLength(0);
    type(select, "loss");
    expect(store.calls).toEqual([["setSort", { by: "loss", ascending: false }]]);
    await settled();
    const [first] = store.state.cards;
    const score = first.predictions.find(({ index }) => index === first.sample.label)!.score;
    expect(text(one(card(explorer, 20), "[data-sorted]"))).toBe(`loss ${(-Math.log(score)).toFixed(3)}`);
    const direction = one(explorer, '[data-action="sort-direction"]');
    expect(direction.title).toBe("The highest loss of the 24 samples that are here come first. Click: the lowest loss");
    direction.click();
    expect(store.calls[1]).toEqual(["setSort", { ascending: true }]);
  });

  test("all, correct, incorrect", async () => {
    const { explorer, store } = await mount();
    one(explorer, 'attriscope-filter [data-value="incorrect"], [data-value="incorrect"]').click();
    expect(store.calls).toEqual([["setFilter", { prediction: "incorrect" }]]);
  });

  test("a thousand classes are found by typing, several one after the other", async () => {
    const classes = Array.from({ length: 1000 }, (_, index) => `species ${index}`);
    const { explorer, store } = await mount({ classes, confusion: null, cards: [makeCard(20, { classes })] });
    expect(all(explorer.shadowRoot!, ".chip")).toHaveLength(0);
    one(explorer, '[data-control="class"]').click();
    await settled();
    expect(text(explorer)).toContain("and 800 more: type to find them");
    const field = one(explorer, '[role="combobox"]');
    type(field, "S 7", "input");
    await settled();
    press(field, { key: "Enter" });
    await settled();
    one(explorer, '[role="option"][data-value="species 71"]').click();
    expect(store.calls.map(([, filter]) => filter)).toEqual([
      { classes: ["species 7"] },
      { classes: ["species 7", "species 71"] },
    ]);
    await settled();
    expect(all(explorer.shadowRoot!, ".chip").map(text)).toEqual(["species 7", "species 71"]);
  });

  test("show, range, next and previous", async () => {
    const { explorer, store } = await mount({ first: 4, total: 16, hasPrevious: true });
    expect(text(explorer)).toContain("5–8 of 16");
    type(one(explorer, '[data-control="show"]'), "16");
    one(explorer, '[data-action="next"]').click();
    one(explorer, '[data-action="previous"]').click();
    expect(store.calls.map(([name, value]) => [name, value])).toEqual([
      ["setShow", 16],
      ["next", undefined],
      ["previous", undefined],
    ]);
  });

  test("no class names, no choice of classes", async () => {
    const { explorer } = await mount({ classes: [], cards: [makeCard(20, { classes: [], labelled: false })] });
    expect(all(explorer.shadowRoot!, ".chip, [data-value='correct']")).toHaveLength(0);
    expect(text(card(explorer, 20))).toContain("output1.732");
  });
});

describe("display", () => {
  test("sign, style, opacity, clip and colours only repaint", async () => {
    const { explorer, store } = await mount();
    one(explorer, '[data-value="absolute"]').click();
    one(explorer, '[data-value="Masked"]').click();
    type(one(explorer, '[data-control="opacity"]'), "0.5", "input");
    type(one(explorer, '[data-control="clip"]'), "10");
    type(one(explorer, '[data-control="clip"]'), "170");
    type(one(explorer, '[data-control="cmap"]'), "Captum");
    one(explorer, '[data-value="smooth"]').click();
    expect(store.calls).toEqual([
      ["setDisplay", { sign: "absolute" }],
      ["setDisplay", { style: "Masked" }],
      ["setDisplay", { opacity: 0.5 }],
      ["setDisplay", { clip: 10 }],
      ["setDisplay", { cmap: "Captum" }],
      ["setDisplay", { interpolation: "smooth" }],
    ]);
    await settled();
    expect((one(explorer, '[data-control="clip"]') as HTMLInputElement).value).toBe("10");
  });

  test("the original alone: no map, but all numbers", async () => {
    const { explorer } = await mount({ display: { ...START.display, style: "Original" }, cards: [makeCard(20)] });
    const maps = all(card(explorer, 20).shadowRoot!, "attriscope-map");
    expect(maps.map(({ dataset }) => dataset.picture)).toEqual(["Original"]);
    expect(text(card(explorer, 20))).toMatch(/photo.*sum/);
  });

  test("parts of the lines, for other views", async () => {
    const { store } = await mount();
    const display = document.createElement("attriscope-display") as LitElement;
    Object.assign(display, { display: store.state.display, actions: store, parts: "sign style" });
    const paging = document.createElement("attriscope-filter") as LitElement;
    Object.assign(paging, { state: store.state, actions: store, pagingOnly: true });
    document.body.append(display, paging);
    await Promise.all([display.updateComplete, paging.updateComplete]);
    expect(all(display.shadowRoot!, "[role='radiogroup']").map((group) => group.getAttribute("aria-label"))).toEqual([
      "Sign",
      "Style",
    ]);
    expect(all(display.shadowRoot!, "select, input, .label")).toHaveLength(0);
    expect(text(paging)).toBe("1–4 of 846 ‹ ›");
  });

  test("a method of magnitudes alone is not said to speak for or against", async () => {
    const cards = [makeCard(20)];
    cards[0].result = { ...cards[0].result!, signed: false };
    const { explorer } = await mount({ cards });
    expect(text(explorer)).toContain("magnitude");
    expect(text(explorer)).not.toContain("against target");
  });
});

describe("cards", () => {
  test("what they show", async () => {
    const wrong = makeCard(25, { label: 2 });
    const { explorer } = await mount({ cards: [wrong] });
    const shown = text(card(explorer, 25));
    expect(shown).toContain("#25");
    expect(shown).toContain(`Bird predicted ${wrong.predictions[0].label}`);
    expect(shown).toContain(`explaining ${wrong.predictions[0].label}`);
    expect(shown).toContain(wrong.predictions[0].score.toFixed(3));
    expect(shown).toMatch(/photo.*sum [+−]\d+\.\d\d Δ [+−]\d+\.\d{3}/);
    expect(one(card(explorer, 25), ".card").getAttribute("aria-label")).toMatch(
      /^Sample 25: true Bird, predicted .*, incorrect/,
    );
  });

  test("clicking a prediction explains it, with Shift on all samples", async () => {
    const { explorer, store } = await mount();
    const second = store.state.cards[0].predictions[1].index;
    const row = (): HTMLElement => one(card(explorer, 20), `[data-class="${second}"]`);
    expect(row().getAttribute("aria-checked")).toBe("false");
    row().click();
    expect(store.calls).toEqual([["setTarget", 20, second]]);
    await settled();
    expect(row().getAttribute("aria-checked")).toBe("true");
    row().dispatchEvent(new MouseEvent("click", { shiftKey: true, bubbles: true }));
    expect(store.calls[1]).toEqual(["setTargetForAll", second]);
  });

  test("clicking the label explains the true class, which is always among the rows", async () => {
    const sample = makeCard(25);
    const last = sample.predictions.at(-1)!;
    sample.sample.label = last.index;
    sample.correct = false;
    const { explorer, store } = await mount({ cards: [sample] });
    const rows = all(card(explorer, 25).shadowRoot!, '[role="radio"]');
    expect(rows.map(({ dataset }) => Number(dataset.class))).toEqual([
      ...sample.predictions.slice(0, 3).map(({ index }) => index),
      last.index,
    ]);
    expect(text(rows[3])).toContain("TRUE");
    one(card(explorer, 25), '[data-action="explain-truth"]').click();
    expect(store.calls).toEqual([["setTarget", 25, last.index]]);
  });

  test("the delta is marked where it is more than 5 % of the change", async () => {
    const cards = [makeCard(20), makeCard(21)];
    cards[0].result = { ...cards[0].result!, delta: 0.6, change: 10 };
    cards[1].result = { ...cards[1].result!, delta: 0.4, change: -10 };
    const { explorer } = await mount({ cards });
    expect(all(card(explorer, 20).shadowRoot!, ".delta.high")).toHaveLength(1);
    expect(all(card(explorer, 21).shadowRoot!, ".delta.high")).toHaveLength(0);
  });

  test("waiting, running and failed cards", async () => {
    const cards: Card[] = [
      { ...makeCard(20), status: "queued", result: null },
      { ...makeCard(21), status: "running", done: 0.62, result: null },
      { ...makeCard(22), status: "error", result: null, error: 'node "conv1" (Conv): out of memory' },
      makeCard(23),
    ];
    const { explorer } = await mount({ cards });
    expect(text(card(explorer, 20))).toContain("queued");
    expect(text(card(explorer, 21))).toContain("62 %");
    expect(text(one(card(explorer, 22), "[data-error]"))).toBe('node "conv1" (Conv): out of memory');
    expect(all(card(explorer, 23).shadowRoot!, "[data-error]")).toHaveLength(0);
    expect(text(explorer)).toContain("1 of 4 samples");
  });

  test("an old result stays while the new one is computed", async () => {
    const { explorer } = await mount({ cards: [{ ...makeCard(20), stale: true, status: "running", done: 0.3 }] });
    expect(all(card(explorer, 20).shadowRoot!, "attriscope-map")).toHaveLength(3);
    expect(text(card(explorer, 20))).toContain("30 %");
  });

  test("a result that stays because its successor was refused is shown as it is", async () => {
    const { explorer } = await mount({ cards: [{ ...makeCard(20), stale: true }] });
    expect(all(card(explorer, 20).shadowRoot!, ".stale, .pending")).toHaveLength(0);
    expect(text(explorer)).toContain("1 sample · Integrated Gradients, 25 steps");
  });

  test("an all-zero map is blank and says so", async () => {
    const zero = makeCard(20);
    zero.result = { ...zero.result!, attributions: [summed(new Float32Array(3072), [3, 32, 32])] };
    const { explorer } = await mount({ cards: [zero] });
    expect(text(one(card(explorer, 20), '[data-note="zero"]'))).toBe("all values are 0");
  });

  test("maps give the painted values and a label with the strongest area", async () => {
    const values = new Float32Array(3 * 32 * 32);
    values[31 * 32] = -4;
    values[31 * 32 + 1] = 2;
    const one_ = makeCard(20);
    one_.result = { ...one_.result!, attributions: [summed(values, [3, 32, 32])] };
    const { explorer } = await mount({ cards: [one_] });
    const map = one(card(explorer, 20), '[data-picture="Heat map"]') as HTMLElement & { values: Float32Array };
    expect(map.values).toHaveLength(32 * 32);
    expect([map.values[31 * 32], map.values[31 * 32 + 1]]).toEqual([-1, 0.5]);
    expect(one(map, "canvas").getAttribute("aria-label")).toContain("strongest lower left");
  });

  test("the pixel under the pointer is marked in every picture and read out", async () => {
    const values = new Float32Array(32 * 32);
    values[5 * 32 + 8] = -4;
    values[6 * 32 + 8] = 2;
    const sample = makeCard(20, { channels: 1 });
    sample.result = { ...sample.result!, attributions: [summed(values, [1, 32, 32])] };
    const { explorer } = await mount({ cards: [sample] });
    const [original, map, overlay] = all(card(explorer, 20).shadowRoot!, "attriscope-map");
    const place = { u: 8.5 / 32, v: 6.5 / 32 };
    original.dispatchEvent(new CustomEvent("probe", { detail: place }));
    await settled();
    expect(text(one(card(explorer, 20), ".probe"))).toBe("x 8, y 6 · +0.500 · rank 2");
    for (const picture of [original, map, overlay]) expect(all(picture.shadowRoot!, ".mark")).toHaveLength(1);
    original.dispatchEvent(new CustomEvent("probe", { detail: null }));
    await settled();
    expect(all(card(explorer, 20).shadowRoot!, ".probe, .mark")).toHaveLength(0);
  });

  test("a click on a picture opens it in Inspect", async () => {
    const { explorer, store } = await mount();
    all(card(explorer, 21).shadowRoot!, "attriscope-map")[1].click();
    expect(store.calls).toEqual([
      ["select", 21],
      ["setView", "inspect"],
    ]);
  });

  test("a card is one stop; Enter goes in, arrow keys read pixels from the strongest on, Escape goes out", async () => {
    const values = new Float32Array(32 * 32);
    values[5 * 32 + 8] = -4;
    values[6 * 32 + 8] = 2;
    const sample = makeCard(20, { channels: 1 });
    sample.result = { ...sample.result!, attributions: [summed(values, [1, 32, 32])] };
    const { explorer, store } = await mount({ cards: [sample] });
    const root = card(explorer, 20).shadowRoot!;
    const stops = (): Element[] => all(root, "*").filter(({ tabIndex }) => tabIndex === 0);
    expect(stops().map(({ className }) => className.trim())).toEqual(["card"]);
    const whole = one(card(explorer, 20), ".card");
    whole.focus();
    press(whole, { key: "Enter" });
    await settled();
    const pictures = root.activeElement!;
    expect(pictures.className).toBe("pictures");
    expect(stops()).toHaveLength(3);
    const spoken = (): string => text(one(card(explorer, 20), '[aria-live="polite"]'));
    press(pictures, { key: "ArrowRight" });
    await settled();
    expect(spoken()).toBe("x 8 y 5, minus 1.000, rank 1");
    expect(text(one(card(explorer, 20), ".probe"))).toBe("x 8, y 5 · −1.000 · rank 1");
    press(pictures, { key: "ArrowDown" });
    await settled();
    expect(spoken()).toBe("x 8 y 6, plus 0.500, rank 2");
    for (let i = 0; i < 4; i++) press(pictures, { key: "ArrowLeft", shiftKey: true });
    await settled();
    expect(spoken()).toMatch(/^x 0 y 6,/);
    expect([...(one(card(explorer, 20), "table") as HTMLTableElement).rows].map(text)).toEqual([
      "x y value",
      "8 5 minus 1.000",
      "8 6 plus 0.500",
    ]);
    press(pictures, { key: "Escape" });
    await settled();
    expect(root.activeElement).toBe(whole);
    expect(stops()).toHaveLength(1);
    expect(all(root, ".probe, table")).toHaveLength(0);
    press(whole, { key: "Enter" });
    press(root.activeElement!, { key: "Enter" });
    expect(store.calls).toEqual([
      ["select", 20],
      ["setView", "inspect"],
    ]);
  });

  test("several features: a row of pictures and a share each", async () => {
    const features = ["left", "right"].map((name) => ({
      name,
      kind: "image" as const,
      input: name,
      baselines: [],
      categories: [],
    }));
    const { explorer } = await mount({ features, cards: [makeCard(20, { features: 2 })] });
    expect(all(card(explorer, 20).shadowRoot!, "attriscope-map")).toHaveLength(6);
    expect(all(card(explorer, 20).shadowRoot!, "attriscope-share").map(text)).toEqual([
      expect.stringContaining("left"),
      expect.stringContaining("right"),
    ]);
  });

  test("names are text, whatever they hold", async () => {
    const classes = ["<img src=x onerror=alert(1)>", "<b>bold</b>"];
    const features = [
      { name: "<script>alert(2)</script>", kind: "image" as const, input: "x", baselines: [], categories: [] },
    ];
    const { explorer } = await mount({ classes, features, cards: [makeCard(20, { classes })] });
    expect(all(explorer.shadowRoot!, "img, script, b:not(.range b, .strip b, .numbers b)")).toHaveLength(0);
    expect(text(explorer)).toContain(classes[0]);
    expect(text(explorer)).toContain(features[0].name);
  });
});

describe("cards of texts and rows", () => {
  const WORDS = ["the", "plot", "is", "thin"];

  /** A card of texts, rows, pictures or what is not shown, with these scores. */
  function make(display: Card["sample"]["display"], scores: (number[] | null)[], change: Partial<Card> = {}): Card {
    const made = makeCard(7, { display, classes: OPINIONS });
    const attributions = scores.map((values) => values && summed(Float32Array.from(values), [values.length]));
    return { ...made, result: { ...made.result!, attributions }, ...change };
  }

  const review = (change: Partial<Card> = {}): Partial<State> => ({
    features: [REVIEW],
    classes: OPINIONS,
    cards: [make([WORDS], [[0.01, -0.3, 0.25, -0.79]], change)],
  });

  const inside = (explorer: Explorer, selector: string): HTMLElement[] => all(card(explorer, 7).shadowRoot!, selector);
  const stops = (explorer: Explorer): HTMLElement[] => inside(explorer, "*").filter(({ tabIndex }) => tabIndex === 0);

  test("a text: its tokens, the sum, the strongest in a line; no pictures and no heads over them", async () => {
    const { explorer } = await mount(review());
    expect(inside(explorer, ".token").map(text)).toEqual(WORDS);
    expect(inside(explorer, "attriscope-map")).toHaveLength(0);
    expect(all(explorer.shadowRoot!, ".heads")).toHaveLength(0);
    expect(text(one(card(explorer, 7), ".told"))).toBe("strongest: thin −0.79, plot −0.30, is +0.25, the +0.01");
    expect(text(one(card(explorer, 7), ".numbers"))).toContain("sum −0.83");
    expect(text(one(explorer, ".strip"))).toContain("scale per text, by the largest magnitude");
    expect(one(card(explorer, 7), ".card").getAttribute("aria-label")).toContain(
      "strongest thin minus 0.79 and plot minus 0.30",
    );
  });

  test("pictures and texts share a card: pictures first, each with its name, and the strip tells both scales", async () => {
    const [photo] = makeCard(7).sample.display;
    const cards = [make([WORDS, photo, null], [[1, 2, 3, 4], [], []])];
    cards[0].result!.attributions[1] = makeCard(7).result!.attributions[0];
    const features = [REVIEW, feature("photo", "image"), feature("mask", "empty")];
    const { explorer } = await mount({ features, cards });
    expect(inside(explorer, ".feature > .name").map(text)).toEqual(["photo", "review"]);
    expect(inside(explorer, "attriscope-map")).toHaveLength(3);
    expect(inside(explorer, "attriscope-share").map((share) => text(share).split(" ")[0])).toEqual([
      ...["review", "photo", "mask"],
    ]);
    expect(text(one(explorer, ".strip"))).toContain("scale per map, per text, top 2 % of maps clipped");
  });

  test("what is not shown has its share alone; a card of nothing else says so, and can be entered", async () => {
    const { explorer, store } = await mount({
      features: [feature("photo", "image"), feature("ids", "empty")],
      cards: [makeCard(7, { display: [makeCard(7).sample.display[0], null] })],
    });
    expect(inside(explorer, ".pictures")).toHaveLength(1);
    expect(inside(explorer, "attriscope-share")).toHaveLength(2);
    store.change({ features: [feature("ids", "empty")], cards: [make([null], [[1]])] });
    await settled();
    expect(text(card(explorer, 7))).toContain("All features are attributed, but none is shown.");
    expect(text(one(explorer, ".strip"))).not.toContain("scale");
    expect(stops(explorer).map((stop) => stop.getAttribute("role"))).toEqual(["group", "radio"]);
  });

  test("a card is one stop; Enter goes to the tokens, which open Inspect; Escape goes out", async () => {
    const { explorer, store } = await mount(review());
    const whole = one(card(explorer, 7), ".card");
    expect(stops(explorer)).toEqual([whole]);
    whole.focus();
    press(whole, { key: "Enter" });
    await settled();
    const tokens = inside(explorer, ".token");
    const root = tokens[0].getRootNode() as ShadowRoot;
    expect(root.activeElement).toBe(tokens[0]);
    expect(stops(explorer).map(text)).toEqual([text(whole), "the", expect.stringContaining(OPINIONS[0])]);
    press(tokens[0], { key: "ArrowLeft" });
    await settled();
    expect(root.activeElement!.getAttribute("aria-label")).toBe("thin, minus 0.790, rank 1");
    const table = one(card(explorer, 7), "table.silent") as HTMLTableElement;
    expect(text(table.caption!)).toBe("Strongest tokens of review");
    expect([...table.rows].map(text).slice(1)).toEqual([
      ...["thin minus 0.790", "plot minus 0.300", "is plus 0.250", "the plus 0.010"],
    ]);
    press(tokens[3], { key: "Escape" });
    await settled();
    expect(stops(explorer)).toEqual([whole]);
    expect(inside(explorer, "table")).toHaveLength(0);
    tokens[1].click();
    expect(store.calls).toEqual([
      ["select", 7],
      ["setView", "inspect"],
    ]);
  });

  test("a row: its strongest values, read only; a click and Enter open it in Inspect, as the feature it is", async () => {
    const categories = Array.from({ length: 12 }, (_, i) => `c${i}`);
    const scores = categories.map((_, i) => (i % 2 ? -i : i));
    const { explorer, store } = await mount({
      features: [feature("ids", "empty"), feature("plant", "general", categories)],
      cards: [make([null, categories.map((_, i) => i / 2)], [[1], scores])],
    });
    expect(inside(explorer, "tbody th").map(text)).toEqual([..."11,10,9,8,7,6,5,4".split(",").map((i) => `c${i}`)]);
    expect(inside(explorer, "input")).toHaveLength(0);
    expect(text(one(explorer, ".strip"))).toContain("scale per row, by the largest magnitude");
    expect(all(one(explorer, "attriscope-legend"), ".swatch").map(text)).toEqual(["against target", "for target"]);
    const opened = [
      ["setInspect", { feature: 1 }],
      ["select", 7],
      ["setView", "inspect"],
    ];
    const whole = one(card(explorer, 7), ".card");
    whole.focus();
    press(whole, { key: "Enter" });
    await settled();
    const row = card(explorer, 7).shadowRoot!.activeElement!;
    press(row, { key: "Enter", shiftKey: true });
    press(row, { key: "ArrowDown" });
    expect(store.calls).toEqual([]);
    press(row, { key: "Enter" });
    expect(store.calls).toEqual(opened);
    await settled();
    store.change({ view: "samples" });
    await settled();
    one(card(explorer, 7), "tbody tr").click();
    expect(store.calls.slice(3)).toEqual(opened);
  });

  test("waiting: tokens without shades, rows in their own order; old scores stay and are marked", async () => {
    const features = [REVIEW, PASSENGER];
    const row = [2, 8.6833, "female", "Southampton", 0, 2, 24];
    const scores = [
      [1, 2, 3, 4],
      [1, 2, 3, 4, 5, 6, 7],
    ];
    const waiting = { status: "running" as const, done: 0.62, stale: true };
    const { explorer, store } = await mount({ features, cards: [make([WORDS, row], scores, waiting)] });
    const names = () => inside(explorer, "tbody th").map(text);
    expect(text(one(card(explorer, 7), ".pending"))).toBe("62 %");
    expect(inside(explorer, ".stale").map(({ localName }) => localName)).toEqual(["div", "div", "table"]);
    expect(names()).toEqual([...PASSENGER.categories].reverse());
    store.change({ cards: [make([WORDS, row], scores, { status: "queued", result: null })] });
    await settled();
    expect(text(one(card(explorer, 7), ".pending"))).toBe("queued");
    expect(inside(explorer, ".stale, .shaded, .bar i")).toHaveLength(0);
    expect(names()).toEqual(PASSENGER.categories);
    expect(text(one(card(explorer, 7), ".told"))).toBe("");
  });

  test("what went wrong is told once, beside what the sample is", async () => {
    const error = 'node "embedding" (Gather): out of memory';
    const features = [REVIEW, feature("title", "text")];
    const failed = { status: "error" as const, result: null, error };
    const { explorer } = await mount({ features, cards: [make([WORDS, ["thin"]], [null, null], failed)] });
    expect(inside(explorer, "[data-error]").map(text)).toEqual([error]);
    expect(inside(explorer, ".token").map(text)).toEqual([...WORDS, "thin"]);
    expect(inside(explorer, ".pending")).toHaveLength(0);
  });

  test("a method that gives a map of another feature says so in place of scores", async () => {
    const features = [REVIEW, feature("title", "text")];
    const { explorer } = await mount({ features, cards: [make([WORDS, ["thin", "plot"]], [null, [1, 2]])] });
    expect(inside(explorer, ".feature > .name").map(text)).toEqual([
      "review · Integrated Gradients gives one map, which lies over another feature",
      "title",
    ]);
    expect(inside(explorer, ".shaded").map(text)).toEqual(["thin", "plot"]);
    expect(inside(explorer, ".told").map(text)).toEqual(["", "strongest of title: plot +2.00, thin +1.00"]);
  });

  test("tokens, names and values are text, whatever they hold", async () => {
    const hostile = "<img src=x onerror=alert(1)>";
    const { explorer } = await mount({
      features: [feature(hostile, "text"), feature("row", "general", [hostile])],
      cards: [make([[hostile, "a"], [hostile]], [[2, 1], [1]])],
    });
    expect(inside(explorer, "img")).toHaveLength(0);
    expect(text(one(card(explorer, 7), ".told"))).toContain(hostile);
  });
});

describe("in the page", () => {
  test("keys stay inside, except those of the notebook", async () => {
    const { explorer } = await mount();
    const leaked: string[] = [];
    document.body.addEventListener("keydown", ({ key }) => leaked.push(key));
    const field = one(explorer, '[data-argument="n_steps"]');
    field.focus();
    for (const key of ["d", "5", "ArrowDown", "Enter", "Backspace"]) press(field, { key });
    expect(leaked).toEqual([]);
    press(field, { key: "Escape" });
    press(field, { key: "Tab" });
    press(field, { key: "Enter", ctrlKey: true });
    press(field, { key: "Enter", shiftKey: true });
    expect(leaked).toEqual(["Escape", "Tab", "Enter", "Enter"]);
  });

  test("an Escape that closes something stays inside", async () => {
    const { explorer } = await mount();
    const leaked: string[] = [];
    document.body.addEventListener("keydown", ({ key }) => leaked.push(key));
    one(explorer, '[data-control="method"]').click();
    await settled();
    press(one(explorer, '[role="combobox"]'), { key: "Escape" });
    await settled();
    expect([leaked, all(explorer.shadowRoot!, '[role="combobox"]').length]).toEqual([[], 0]);
    press(one(explorer, '[data-control="method"]'), { key: "Escape" });
    expect(leaked).toEqual(["Escape"]);
  });

  test("Lumino, which listens while capturing, is told as well, as long as the focus is inside", async () => {
    const { explorer } = await mount();
    const suppressed: boolean[] = [];
    const listen = (): void => void suppressed.push(explorer.hasAttribute("data-lm-suppress-shortcuts"));
    document.addEventListener("keydown", listen, { capture: true });
    const field = one(explorer, '[data-argument="n_steps"]');
    field.focus();
    press(field, { key: "d" });
    press(field, { key: "Enter", shiftKey: true });
    field.blur();
    press(document.body, { key: "d" });
    document.removeEventListener("keydown", listen, { capture: true });
    expect(suppressed).toEqual([true, false, false]);
  });

  test("arrow keys move inside a group with one tab stop", async () => {
    const { explorer } = await mount();
    const rows = all(card(explorer, 20).shadowRoot!, '[role="radio"]');
    rows[0].focus();
    await settled();
    expect(rows.filter(({ tabIndex }) => tabIndex === 0)).toHaveLength(1);
    press(rows[0], { key: "ArrowDown" });
    const root = rows[0].getRootNode() as ShadowRoot;
    expect(root.activeElement).toBe(rows[1]);
    press(rows[1], { key: "End" });
    expect(root.activeElement).toBe(rows.at(-1));
    press(rows.at(-1)!, { key: "ArrowDown" });
    expect(root.activeElement).toBe(rows[0]);
  });

  test("taken out and put back, it shows what has happened in between, and hears on", async () => {
    const { explorer, store } = await mount();
    explorer.remove();
    store.change({ cards: [makeCard(33)] });
    document.body.append(explorer);
    await settled();
    expect(card(explorer, 33)).toBeTruthy();
    store.change({ cards: [makeCard(34)] });
    await settled();
    expect(card(explorer, 34)).toBeTruthy();
  });

  test("out of the page it hears nothing", async () => {
    const { explorer, store } = await mount();
    const update = jest.spyOn(explorer, "requestUpdate");
    explorer.remove();
    store.change({});
    expect(update).not.toHaveBeenCalled();
  });

  test("another store takes over", async () => {
    const { explorer, store } = await mount();
    explorer.store = new FakeStore(makeState({ cards: [makeCard(40)] }));
    await settled();
    expect(card(explorer, 40)).toBeTruthy();
    store.change({ cards: [makeCard(41)] });
    await settled();
    expect(all(explorer.shadowRoot!, '[data-sample="41"]')).toHaveLength(0);
  });

  test("the live region tells what is finished", async () => {
    const { explorer, store } = await mount({ cards: [{ ...makeCard(20), status: "running", result: null }] });
    expect(text(one(explorer, '[aria-live="polite"]'))).toBe("");
    store.change({ cards: [makeCard(20)] });
    await settled();
    expect(text(one(explorer, '[aria-live="polite"]'))).toBe("1 sample explained, Integrated Gradients");
  });

  test("defining twice does no harm", () => {
    expect(() => define()).not.toThrow();
  });
});
