/** @jest-environment ./tests/browser-environment.js */
/** The link, between a store that does what it is told and a model that keeps what it is told. */
import { START, type Choice } from "../src/choice";
import { Link, type Linked } from "../src/link";
import { announce, retract, type LiveModel, type Traits } from "../src/live";
import type { Cell, Result, State } from "../src/state";
import type { NDArray, Sample } from "../src/wire";

const result = (change: Partial<Result> = {}): Result => ({
  ...{ method: "Saliency", arguments: { abs: true }, target: 1, baseline: 0, signed: true, ms: 1, partial: false },
  attributions: [
    { values: new Float32Array([1, 2]), shape: [2], sum: 3, positive: 3, negative: 0, share: 1, contribution: 1 },
  ],
  ...{ delta: 0.5, change: 1, faithfulness: null },
  ...change,
});
const cell = (change: Partial<Cell> = {}): Cell => ({
  ...{ status: "ready", done: 1, result: result(), stale: false, error: null },
  ...change,
});
const scores = { dtype: "float32", shape: [2], data: new Float32Array(2) } as NDArray;
const card = (id: number, change: Partial<Cell> = {}): State["cards"][number] => ({
  ...cell(change),
  sample: { id, outputs: [{ raw: scores, scores }] } as unknown as Sample,
  predictions: [
    { index: 1, label: "one", score: 0.75 },
    { index: 0, label: "zero", score: 0.25 },
  ],
  ...{ target: 1, correct: true },
});

/** Does at once what it is told; samples 0 to 3 are here. */
class FakeSession extends EventTarget implements Partial<Linked> {
  readonly calls: unknown[][] = [];
  choice: Choice = { ...START, method: "Saliency" };
  rest: Partial<State> = {
    phase: { name: "ready" },
    methods: [{ name: "Saliency", baselines: "one" }] as State["methods"],
    models: ["Net"],
    features: [{ name: "Photo", kind: "image", input: "x", baselines: ["zero", "grey"], categories: [] }],
    baselines: ["zero", "grey"],
    cards: [card(0), card(3)],
    comparison: null,
    inspection: null,
    progress: null,
    scanning: false,
  };

  get state(): State {
    const { choice } = this;
    const args = { abs: true, ...choice.arguments[choice.method] };
    return { ...choice, ...this.rest, choice, arguments: args } as State;
  }

  change(change: Partial<Choice>, rest: Partial<State> = {}) {
    this.choice = { ...this.choice, ...change };
    this.rest = { ...this.rest, ...rest };
    this.dispatchEvent(new Event("change"));
  }

  #did(call: unknown[], change: Partial<Choice>) {
    this.calls.push(call);
    this.change(change);
  }

  restore = (choice: unknown) => this.#did(["restore", choice], choice as Partial<Choice>);
  setMethod = (method: string) => this.#did(["setMethod", method], { method });
  setArgument = (name: string, value: number | boolean) =>
    this.#did(["setArgument", name, value], {
      arguments: { ...this.choice.arguments, [this.choice.method]: { ...this.state.arguments, [name]: value } },
    });
  setFilter = (filter: object) =>
    this.#did(["setFilter", filter], { filter: { ...this.choice.filter, ...filter }, first: 0 });
  select = (selected: number) => this.#did(["select", selected], selected < 4 ? { selected } : {});
  setTarget = (id: number, target: number) =>
    this.#did(["setTarget", id, target], { targets: { ...this.choice.targets, [id]: target } });
  setTargetForAll = (target: number) => this.#did(["setTargetForAll", target], { targets: {}, target });
}

class FakeModel implements LiveModel {
  readonly model_id = `m${++made}`;
  comm_live = true;
  payload = "p";
  turn = 0;
  traits: Traits = {
    ...{ method: "Saliency", arguments: {}, target: null, selected: null },
    ...{ filters: { classes: [], labels: [], prediction: "all" }, choice: { show: 4 } },
  };
  readonly written: Traits[] = [];
  readonly told: { content: Record<string, unknown>; values: number[] }[] = [];
  #onTraits = () => {};
  ask = () => {};

  write(traits: Traits) {
    this.written.push(traits);
    this.set(traits);
  }
  tell(content: object, buffers: ArrayBuffer[]) {
    this.told.push({ content: content as Record<string, unknown>, values: [...new Float32Array(buffers[0] ?? 0)] });
  }
  listen(onTraits: () => void, onAsked: () => void, signal: AbortSignal) {
    this.#onTraits = onTraits;
    this.ask = onAsked;
    signal.addEventListener("abort", () => {
      this.#onTraits = this.ask = () => {};
    });
  }
  request = () => Promise.reject(new Error("not asked"));
  /** By Python, or a linked widget. */
  set(traits: Partial<Traits>) {
    this.traits = { ...this.traits, ...traits };
    this.#onTraits();
  }
}
let made = 0;

function linked({
  traits = {},
  choice = {},
  ready = true,
}: { traits?: Partial<Traits>; choice?: Partial<Choice>; ready?: boolean } = {}) {
  // prettier-ignore
  const [session, model] = [new FakeSession(), new FakeModel()];
  session.choice = { ...session.choice, ...choice };
  if (!ready) session.rest.phase = { name: "preparing", stage: "" };
  const { selected = null, targets = {}, target = null } = choice;
  model.traits = { ...model.traits, selected, target: targets[selected ?? ""] ?? target, ...traits };
  const link = new Link(session as unknown as Linked, { modelId: model.model_id, payload: "p" });
  announce(model);
  if (ready) session.change({});
  links.push(link);
  return { session, model, link };
}
const links: Link[] = [];

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
  for (const link of links.splice(0)) link.dispose();
  jest.useRealTimers();
});

describe("what is chosen in the page", () => {
  test("is written once it is known with what the method starts, and only what is new", () => {
    const { session, model } = linked({ ready: false });
    jest.advanceTimersByTime(1000);
    expect(model.written).toEqual([]);
    session.change({}, { phase: { name: "ready" } });
    jest.advanceTimersByTime(100);
    expect(model.written).toEqual([
      {
        ...{ method: "Saliency", arguments: { abs: true }, target: null, selected: null },
        ...{ filters: START.filter, choice: { ...START, method: "Saliency" } },
      },
    ]);
    session.change({}, { scanning: true });
    jest.advanceTimersByTime(1000);
    expect(model.written).toHaveLength(1);
    expect(session.calls).toEqual([]);
  });

  test("reaches the kernel at most ten times a second, and in the end as it is", () => {
    const { session, model } = linked();
    jest.advanceTimersByTime(100);
    model.written.length = 0;
    for (let i = 1; i <= 100; i++) {
      session.change({ selected: 1, targets: { 1: i } });
      jest.advanceTimersByTime(5);
    }
    jest.advanceTimersByTime(100);
    expect(model.written.length).toBeLessThanOrEqual(6);
    expect(model.written.at(-1)).toMatchObject({ selected: 1, target: 100 });
    expect(session.calls).toEqual([]);
  });

  test("is not lost when the output goes at once", () => {
    const { session, model, link } = linked();
    session.change({ selected: 2, target: 0 });
    link.dispose();
    expect(model.written.at(-1)).toMatchObject({ selected: 2, target: 0 });
    session.change({ selected: 3 });
    model.set({ method: "LRP" });
    jest.advanceTimersByTime(1000);
    expect(model.written).toHaveLength(1);
    expect(session.calls).toEqual([]);
  });
});

describe("what is set from Python", () => {
  test.each<[string, Partial<Choice>, Partial<Traits>, unknown[][]]>([
    ["a method", {}, { method: "LRP" }, [["setMethod", "LRP"]]],
    ["arguments, those alone that differ", {}, { arguments: { abs: true, n: 7 } }, [["setArgument", "n", 7]]],
    ["both", {}, { method: "LRP", arguments: { n: 7 } }, [["setMethod", "LRP"], ["setArgument", "n", 7]]], // prettier-ignore
    ["no arguments", {}, { method: "LRP", arguments: {} }, [["setMethod", "LRP"]]],
    ["a sample", {}, { selected: 3 }, [["select", 3]]],
    ["no sample", { selected: 3 }, { selected: null }, [["restore", { selected: null }]]],
    ["a target of all", {}, { target: 0 }, [["setTargetForAll", 0]]],
    ["a target of the selected one", { selected: 3 }, { target: 0 }, [["setTarget", 3, 0]]],
    ["a sample and its target", {}, { selected: 3, target: 0 }, [["select", 3], ["setTarget", 3, 0]]], // prettier-ignore
    ["what is predicted, of all", { target: 0 }, { target: null }, [["restore", { targets: {}, target: null }]]],
    [
      "what is predicted, of the selected one",
      { selected: 3, targets: { 1: 0, 3: 0 } },
      { target: null },
      [["restore", { targets: { 1: 0 } }]],
    ],
    ["a filter", {}, { filters: { ...START.filter, labels: ["a"] } }, [["setFilter", { ...START.filter, labels: ["a"] }]]], // prettier-ignore
    ["a choice", {}, { choice: { view: "compare", show: 2 } }, [["restore", { view: "compare", show: 2 }]]],
    ["a choice as it is", {}, { choice: { show: 4, view: "samples" } }, []],
  ])("%s", (_, choice, traits, calls) => {
    const { session, model } = linked({ choice });
    jest.advanceTimersByTime(100);
    model.set(traits);
    expect(session.calls).toEqual(calls);
    jest.advanceTimersByTime(1000);
    expect(session.calls).toEqual(calls);
  });

  test("what the session does not do is taken back", () => {
    const { session, model } = linked({ choice: { selected: 1 } });
    jest.advanceTimersByTime(100);
    model.set({ selected: 99, target: 0 });
    expect(session.calls).toEqual([["select", 99]]);
    jest.advanceTimersByTime(100);
    expect(model.traits).toMatchObject({ selected: 1, target: null });
  });

  test("before there was a page counts once there is one, but not what follows from the choice", () => {
    const choice = { method: "LRP", selected: 2, targets: { 2: 1 } };
    const { session, model } = linked({ ready: false, traits: { method: "LRP", selected: 2, target: 1, choice } });
    expect(session.calls).toEqual([["restore", choice]]);
    expect(model.written).toEqual([]);

    const other = linked({ ready: false, traits: { method: "LRP", arguments: { n: 7 }, selected: 2 } });
    expect(other.session.calls).toEqual([["setMethod", "LRP"], ["select", 2]]); // prettier-ignore
    other.session.change({}, { phase: { name: "ready" } });
    expect(other.session.calls.slice(2)).toEqual([["setArgument", "n", 7]]);
  });

  test("of a kernel that comes back only what is new counts", () => {
    const { session, model } = linked();
    jest.advanceTimersByTime(100);
    retract(model);
    session.change({ selected: 2 });
    model.set({ selected: 1 });
    jest.advanceTimersByTime(1000);
    expect(session.calls).toEqual([]);
    model.traits.selected = null;
    announce(model);
    jest.advanceTimersByTime(100);
    expect(session.calls).toEqual([]);
    expect(model.traits.selected).toBe(2);
  });

  test("an output of before neither hears nor tells", () => {
    const { session, model } = linked();
    jest.advanceTimersByTime(400);
    model.payload = "q";
    announce(model);
    const [written, told] = [model.written.length, model.told.length];
    model.set({ method: "LRP" });
    session.change({ selected: 1 });
    jest.advanceTimersByTime(1000);
    expect(session.calls).toEqual([]);
    expect([model.written.length, model.told.length]).toEqual([written, told]);
  });
});

describe("results", () => {
  test("are told once the page has come to rest, and again when they or Python's turn change", () => {
    const { session, model } = linked();
    jest.advanceTimersByTime(299);
    expect(model.told).toEqual([]);
    jest.advanceTimersByTime(1);
    const samples = [0, 3].map((id) => ({ id, target: 1, prediction: 1, delta: 0.5, deletion: null, insertion: null }));
    expect(model.told).toEqual([
      {
        content: {
          ...{ op: "results", payload: "p", turn: 0, from: expect.stringMatching(/\w+\/\d+/) as string },
          ...{ parts: 1, part: 0 },
          columns: [
            {
              ...{ method: "Saliency", arguments: { abs: true }, baseline: "zero", model: "Net" },
              ...{ features: ["Photo"], shapes: [[[2], [2]]], scores: 2, samples },
            },
          ],
        },
        values: [1, 2, 1, 2, 0.25, 0.75, 0.25, 0.75],
      },
    ]);
    session.change({ display: { ...START.display, clip: 3 } });
    jest.advanceTimersByTime(1000);
    expect(model.told).toHaveLength(1);
    model.turn = 1;
    model.set({});
    jest.advanceTimersByTime(300);
    expect(model.told[1].content.turn).toBe(1);
    session.change({}, { cards: [card(0), card(3)] });
    jest.advanceTimersByTime(300);
    expect(model.told).toHaveLength(3);
  });

  test.each<[string, Partial<State>]>([
    ["a card is computed", { cards: [card(0), card(1, { status: "running" })] }],
    ["a card waits", { cards: [card(0, { status: "queued", result: null })] }],
    ["a card shows another method's", { cards: [card(0, { stale: true })] }],
    ["a card shows the first of it", { cards: [card(0, { result: result({ partial: true }) })] }],
    ["there is progress", { progress: { label: "", done: 0, total: 1, etaMs: null, cancellable: true } }],
    ["samples are looked for", { scanning: true }],
    ["nothing is shown", { cards: [] }],
  ])("are not told while %s", (_, rest) => {
    const { session, model } = linked();
    session.change({}, rest);
    jest.advanceTimersByTime(1000);
    expect(model.told).toEqual([]);
  });

  test("leave out what cannot be explained, and features that a method says nothing about", () => {
    const { session, model } = linked();
    const layer = result({ attributions: [null, result().attributions[0]], delta: null });
    const features = ["Left", "Right"].map((name) => ({
      name,
      kind: "image" as const,
      input: name,
      baselines: [],
      categories: [],
    }));
    session.change({}, { features, cards: [card(0, { status: "error", result: null }), card(3, { result: layer })] });
    jest.advanceTimersByTime(300);
    const [{ content, values }] = model.told;
    expect(content.columns).toMatchObject([{ features: ["Right"], samples: [{ id: 3, delta: null }] }]);
    expect(values).toEqual([1, 2, 0.25, 0.75]);
  });

  test("of texts tell each one's length", () => {
    const { session, model } = linked();
    const [short] = result().attributions;
    const long = { ...short!, values: Float32Array.of(3, 4, 5), shape: [3] };
    session.change({}, { cards: [card(0), card(3, { result: result({ attributions: [long] }) })] });
    jest.advanceTimersByTime(300);
    const [{ content, values }] = model.told;
    expect(content.columns).toMatchObject([{ shapes: [[[2], [3]]] }]);
    expect(values).toEqual([1, 2, 3, 4, 5, 0.25, 0.75, 0.25, 0.75]);
  });

  test("of Inspect are the selected sample's, of Compare one column for each", () => {
    const { session, model } = linked();
    const waiting = card(0, { status: "queued", result: null });
    const inspection = { card: card(3) } as State["inspection"];
    session.change({ view: "inspect", selected: 3 }, { cards: [waiting, card(3)], inspection });
    jest.advanceTimersByTime(300);
    expect(model.told[0].content.columns).toMatchObject([{ samples: [{ id: 3 }] }]);
    const column = { title: "", detail: "", rho: null, deletion: null, insertion: null };
    const pins = ["Saliency", "LRP"].map((method) => ({ ...column, pin: { method, arguments: {} }, model: 0 }));
    const judged = result({ method: "LRP", faithfulness: { at: [], deletion: new Float32Array(), insertion: new Float32Array(), auc: { deletion: 0.25, insertion: 0.5 } } }); // prettier-ignore
    const { predictions } = waiting;
    const row = [cell(), cell({ result: judged })].map((cell) => ({ ...cell, predictions }));
    session.change({ view: "compare" }, { cards: [waiting], comparison: { columns: pins, rows: [row] } });
    jest.advanceTimersByTime(300);
    expect(model.told[1].content.columns).toMatchObject([
      { method: "Saliency", samples: [{ id: 0, deletion: null }] },
      { method: "LRP", baseline: null, samples: [{ id: 0, deletion: 0.25, insertion: 0.5 }] },
    ]);
  });

  const large = (values: number) =>
    card(0, { result: result({ attributions: [{ ...result().attributions[0]!, values: new Float32Array(values).fill(1) }] }) }); // prettier-ignore

  test("go in parts that a server lets through", () => {
    const { session, model } = linked();
    session.change({}, { cards: [large(1.5e6)] });
    jest.advanceTimersByTime(300);
    expect(model.told.map(({ content }) => [content.part, content.parts])).toEqual([[0, 2], [1, 2]]); // prettier-ignore
    expect(model.told.flatMap(({ values }) => values)).toHaveLength(1.5e6 + 2);
  });

  test("go only when asked for if they are many, and if they are too many not at all", () => {
    const { session, model } = linked();
    session.change({}, { cards: [large(3e6)] });
    jest.advanceTimersByTime(1000);
    expect(model.told).toMatchObject([{ content: { op: "results", payload: "p", left_out: 12e6 + 8 } }]);
    model.ask();
    jest.advanceTimersByTime(300);
    expect(model.told.slice(1).map(({ content }) => content.parts)).toEqual([3, 3, 3]);
    session.change({}, { cards: [large(17e6)] });
    model.ask();
    jest.advanceTimersByTime(300);
    expect(model.told.slice(4)).toMatchObject([{ content: { left_out: 68e6 + 8 } }]);
  });
});
