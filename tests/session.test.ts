/** The session with the real engine (in this process) and a source that stands for the kernel. */
jest.mock("../src/client", () => ({ sharedEngine: () => undefined }));
import { availableBackends } from "../src/backend";
import { START } from "../src/choice";
import { Model, type FloatArray, type ResultArray } from "../src/engine";
import { attribute, describeLayers, describeMethods, plan } from "../src/methods";
import { measure } from "../src/metrics";
import { RefusedError, type Engine, type EngineModel, type Source } from "../src/seams";
import { Session } from "../src/session";
import type { State } from "../src/state";
import type { FeatureSpec, FetchRequest, Payload, Sample, Scan } from "../src/wire";
import { decode, difference, type Net, readLengths, readNet } from "./engine/fixtures";

const net = readNet("digits");
const [input] = Object.keys(net.inputs);
const x = net.inputs[input];
const count = x.shape[0];
const row = (array: { data: Float32Array; shape: number[] }, i: number) => {
  const size = array.data.length / count;
  return { dtype: "float32" as const, shape: array.shape.slice(1), data: array.data.slice(i * size, (i + 1) * size) };
};

const classes = Array.from({ length: 10 }, (_, i) => `Digit ${i}`);
const top = (i: number) => row(net.scores, i).data.reduce((best, v, k, all) => (v > all[best] ? k : best), 0);

/** Samples repeat the fixture's; the first one's label is right, all others' are wrong. */
const sample = (id: number): Sample => ({
  id,
  label: id === 0 ? top(0) : (top(id % count) + 1) % 10,
  display: [row(x, id % count)],
  inputs: [row(x, id % count)],
  baselines: [[{ ...row(x, id % count), data: new Float32Array(row(x, 0).data.length) }, row(x, (id + 1) % count)]],
  additional: {},
  outputs: [{ raw: row(net.raw, id % count), scores: row(net.scores, id % count) }],
  feature_masks: [null],
  error: null,
});

const payloadOf = (samples: Sample[], change: Partial<Payload> = {}): Payload => ({
  protocol: 1,
  version: "0.1.0",
  classes,
  features: [{ name: "Digit", kind: "image", input, baselines: ["zero", "other"], categories: [] }],
  models: [{ name: "Model 1", size: net.onnx.length, onnx: net.onnx }],
  use_label_for_attr: true,
  show: 2,
  choice: {},
  scan: { samples, scanned: samples.length, next: samples.length, exhausted: false },
  ...change,
});

class TestSource extends EventTarget implements Source {
  requests: FetchRequest[] = [];
  live: boolean;
  /** Of the dataset; negative: the kernel fails. */
  total: number;

  constructor(live: boolean, total = 8) {
    super();
    this.live = live;
    this.total = total;
  }

  async fetch(request: FetchRequest): Promise<Scan> {
    this.requests.push(request);
    if (this.total < 0) throw new Error("batch 3 of the dataset: boom");
    const end = Math.min(this.total, request.start + request.scan);
    const passing = Array.from({ length: end - request.start }, (_, i) => sample(request.start + i)).filter(
      (s) =>
        !request.filter.classes.length &&
        !request.filter.labels.length &&
        (request.filter.prediction === "all" || (request.filter.prediction === "correct") === (s.id === 0)),
    );
    const samples = passing.slice(0, request.count);
    const next = samples.length < passing.length ? samples[samples.length - 1].id + 1 : end;
    return { samples, scanned: next - request.start, next, exhausted: next >= this.total };
  }
  async model(): Promise<Uint8Array> {
    return net.onnx;
  }
}

let attributions = 0;
const loaded: Model[] = [];
const engine: Engine = {
  async load(bytes, backend): Promise<EngineModel> {
    const model = await Model.load(bytes, { backend: backend === "auto" ? "wasm" : backend });
    loaded.push(model);
    const { inputs, outputs } = model;
    return {
      info: {
        id: 1,
        backend: model.backend,
        available: availableBackends(),
        inputs,
        outputs,
        layers: describeLayers(model),
        methods: describeMethods(model),
      },
      run: (feeds) => model.run(feeds),
      plan: async (...args) => plan(model, ...args),
      attribute: async (requests, signal, onProgress, onPreview) => {
        attributions += requests.length;
        const results = [];
        for (const [i, request] of requests.entries())
          results.push(
            await attribute(model, { ...request, signal, onProgress, onPreview: (maps) => onPreview(i, maps) }),
          );
        return results;
      },
      measure: (question, signal) => measure(model, { ...question, signal }),
      dispose: () => model.dispose(),
    };
  },
};

/** Waits until a session's state is as wanted. */
const until = (session: Session, wanted: (state: State) => boolean): Promise<State> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new Error(
            `not reached: ${JSON.stringify({ ...session.state, cards: session.state.cards.length, methods: 0, layers: 0 })}`,
          ),
        ),
      4000,
    );
    const look = () => {
      if (!wanted(session.state)) return;
      clearTimeout(timer);
      session.removeEventListener("change", look);
      resolve(session.state);
    };
    session.addEventListener("change", look);
    look();
  });

const settled = (s: State) =>
  s.phase.name === "ready" &&
  s.cards.length > 0 &&
  s.cards.every((c) => c.status === "ready" && !c.stale) &&
  !s.scanning;

let session: Session;
const digits = (session: Session) => session.state.cards.map((c) => c.sample.id);

const start = (payload: Payload, source: Source, options = {}) =>
  (session = new Session(payload, source, { engine: () => engine, ...options }));
afterEach(() => session.dispose());

test("explains the first samples and compares with PyTorch", async () => {
  const state = await until(start(payloadOf([sample(0), sample(1)]), new TestSource(false)), settled);
  expect(state.cards.map((c) => [c.sample.id, c.correct, c.target])).toEqual([
    [0, true, top(0)],
    [1, false, top(1)],
  ]);
  expect(state.cards[0].predictions).toHaveLength(10);
  expect(state.cards[0].predictions[0].score).toBeCloseTo(Math.max(...row(net.scores, 0).data), 5);
  expect(state.engine).toMatchObject({ backend: "wasm" });
  expect(state.engine!.maxDiff).toBeLessThan(1e-5);
  const { result } = state.cards[0];
  expect(result).toMatchObject({
    method: "Integrated Gradients",
    arguments: { n_steps: 25, method: "gausslegendre" },
    signed: true,
  });
  const { values, sum, positive, negative, share, contribution } = result!.attributions[0]!;
  expect(sum).toBeCloseTo(values.reduce((a, b) => a + b));
  expect(share).toBeCloseTo(sum / (positive - negative));
  expect(Math.abs(contribution)).toBe(1);
  expect(Math.abs(result!.delta! - (sum - result!.change!))).toBeLessThan(1e-4);
});

test("a clicked class is explained with Captum's numbers, without asking the kernel", async () => {
  const source = new TestSource(true);
  await until(start(payloadOf([sample(0), sample(1)]), source), settled);
  session.setMethod("Saliency");
  session.setTarget(1, net.target![1]);
  const state = await until(
    session,
    (s) => settled(s) && s.cards[1].target === net.target![1] && s.cards[1].result!.method === "Saliency",
  );
  const expected = net.methods.find((c) => c.method === "Saliency" && c.arguments.abs === true)!.attributions![input];
  const size = expected.data.length / count;
  const got = state.cards[1].result!.attributions[0]!;
  expect(
    difference({ data: got.values, shape: got.shape }, { data: expected.data.slice(size, 2 * size), shape: got.shape }),
  ).toBeLessThan(1e-4);
  expect(source.requests).toEqual([]);
});

test("going back to what was explained before computes nothing", async () => {
  await until(start(payloadOf([sample(0)]), new TestSource(false)), settled);
  session.setMethod("Saliency");
  await until(session, (s) => settled(s) && s.cards[0].result!.method === "Saliency");
  const before = attributions;
  session.setMethod("Integrated Gradients");
  await until(session, (s) => settled(s) && s.cards[0].result!.method === "Integrated Gradients");
  expect(attributions).toBe(before);
});

test("an argument out of its limits is refused and the old result stays", async () => {
  await until(start(payloadOf([sample(0)]), new TestSource(false)), settled);
  session.setArgument("n_steps", 1);
  const state = await until(session, (s) => "n_steps" in s.argumentErrors);
  expect(state.argumentErrors.n_steps).toBe("a whole number from 2 to 1000; got 1");
  expect(state.cards[0].result!.arguments.n_steps).toBe(25);
  session.setArgument("n_steps", 9);
  const after = await until(session, (s) => settled(s) && s.cards[0].result!.arguments.n_steps === 9);
  expect(after.argumentErrors).toEqual({});
});

test("the second baseline changes the result; reset brings the first back", async () => {
  await until(start(payloadOf([sample(0)]), new TestSource(false)), settled);
  const { sum } = session.state.cards[0].result!.attributions[0]!;
  session.setBaseline(1);
  const state = await until(session, (s) => settled(s) && s.cards[0].result!.baseline === 1);
  expect(state.cards[0].result!.attributions[0]!.sum).not.toBeCloseTo(sum, 3);
  session.reset();
  expect((await until(session, settled)).cards[0].result!.attributions[0]!.sum).toBe(sum);
});

test("Next asks the kernel for what is missing, Previous asks nobody", async () => {
  const source = new TestSource(true);
  await until(start(payloadOf([sample(0), sample(1)]), source), settled);
  expect(session.state).toMatchObject({ first: 0, known: 2, total: null, hasPrevious: false, hasNext: true });
  session.next();
  const state = await until(session, (s) => settled(s) && s.first === 2);
  expect(state.cards.map((c) => c.sample.id)).toEqual([2, 3]);
  expect(source.requests).toEqual([
    { op: "fetch", filter: { classes: [], labels: [], prediction: "all" }, start: 2, count: 2, scan: 512 },
  ]);
  session.previous();
  expect((await until(session, (s) => s.first === 0 && settled(s))).cards[0].sample.id).toBe(0);
  expect(source.requests).toHaveLength(1);
  session.setShow(8);
  const all = await until(session, (s) => settled(s) && s.cards.length === 8);
  expect(all).toMatchObject({ total: 8, hasNext: false });
});

test("a filter scans on, and one that matches nothing says how far it looked", async () => {
  const source = new TestSource(true, 2000);
  await until(start(payloadOf([sample(0), sample(1)]), source), settled);
  session.setFilter({ classes: ["Digit 3"], prediction: "incorrect" });
  const state = await until(session, (s) => s.notice?.kind === "empty");
  expect(state.notice).toMatchObject({
    title: "No match in the first 514 samples",
    text: expect.stringContaining("predicted class Digit 3, prediction incorrect"),
  });
  expect(state.notice!.actions!.map((a) => a.label)).toEqual(["Scan the next 512", "Clear filter"]);
  state.notice!.actions![0].run();
  expect((await until(session, (s) => s.scanned === 1026 && s.notice?.kind === "empty")).notice!.title).toBe(
    "No match in the first 1026 samples",
  );
  session.state.notice!.actions![1].run();
  const back = await until(session, (s) => settled(s) && !s.notice);
  expect(back.filter).toEqual({ classes: [], labels: [], prediction: "all" });
  expect(back.cards.map((c) => c.sample.id)).toEqual([0, 1]);
});

test("without a kernel a filter looks through what is stored", async () => {
  await until(start(payloadOf([sample(0), sample(1), sample(2)]), new TestSource(false)), settled);
  session.setFilter({ prediction: "incorrect" });
  const state = await until(session, (s) => settled(s) && s.filter.prediction === "incorrect");
  expect(state.cards.map((c) => c.sample.id)).toEqual([1, 2]);
  expect(state.hasNext).toBe(false);
  session.setFilter({ classes: ["Digit 3"] });
  expect((await until(session, (s) => s.notice?.kind === "empty")).notice!.text).toContain("No kernel is connected");
});

test("the kernel's error is shown and nothing is lost", async () => {
  await until(start(payloadOf([sample(0), sample(1)]), new TestSource(true, -1)), settled);
  session.next();
  const state = await until(session, (s) => s.notice?.kind === "error");
  expect(state.notice!.text).toBe("batch 3 of the dataset: boom");
  expect(await until(session, settled)).toMatchObject({ first: 0 });
});

test("a bad sample marks only its card", async () => {
  const bad = { ...sample(1), error: 'feature "Digit": the raw input holds NaN' };
  const state = await until(
    start(payloadOf([sample(0), bad]), new TestSource(false)),
    (s) => s.cards[0]?.status === "ready" && s.cards[1].status === "error",
  );
  expect(state.cards[1].error).toContain("holds NaN");
  session.setMethod("Occlusion");
  await until(session, (s) => s.cards[0].status === "ready" && s.cards[0].result?.method === "Occlusion");
});

test("a sample that the model does not take marks only its card", async () => {
  const odd = sample(1);
  odd.inputs = [{ dtype: "float32", shape: [1, 3, 3], data: new Float32Array(9) }];
  const state = await until(
    start(payloadOf([odd, sample(0)]), new TestSource(false)),
    (s) => s.cards[0]?.status === "error" && s.cards[1].status === "ready",
  );
  expect(state.cards[0].error).toMatch(/has the shape \[1, 1, 3, 3\], expected \[N, 1, 8, 8\]/);
});

test("a scan that is cancelled leaves a way on", async () => {
  const source = new TestSource(true, 2000);
  await until(start(payloadOf([sample(0), sample(1)]), source), settled);
  source.fetch = () => new Promise(() => {});
  session.setFilter({ classes: ["Digit 3"] });
  await until(session, (s) => s.scanning);
  session.cancel();
  const state = await until(session, (s) => s.notice?.kind === "empty");
  expect(state).toMatchObject({ scanning: false, notice: { title: "No match in the first 2 samples" } });
  session.setFilter({ classes: [] });
  session.next();
  await until(session, (s) => s.scanning);
  session.setFilter({ prediction: "correct" });
  session.setFilter({ prediction: "all" });
  expect((await until(session, settled)).cards.map((c) => c.sample.id)).toEqual([0, 1]);
});

test("cancel keeps what is done; Continue goes on", async () => {
  await until(start(payloadOf([sample(0), sample(1)]), new TestSource(false)), settled);
  session.setMethod("Feature Ablation");
  await until(session, (s) => s.cards[0].status === "running");
  session.cancel();
  const state = await until(session, (s) => s.notice?.title === "Cancelled");
  expect(state.cards.some((c) => c.status === "running")).toBe(false);
  expect(state.cards[0].result!.method).toBe("Integrated Gradients");
  state.notice!.actions![0].run();
  const after = await until(session, (s) => settled(s) && s.cards[1].result!.method === "Feature Ablation");
  expect(after.notice).toBeNull();
});

test("where there is no delta, deletion and insertion tell how good a map is", async () => {
  await until(start(payloadOf([sample(0), sample(1)]), new TestSource(false)), settled);
  expect(session.state.cards.every(({ result }) => result!.delta !== null && result!.faithfulness === null)).toBe(true);
  session.setMethod("Saliency");
  const { cards } = await until(
    session,
    (s) => settled(s) && s.cards.every(({ result }) => result!.faithfulness !== null),
  );
  for (const { result } of cards) {
    expect(result!.delta).toBeNull();
    expect(result!.faithfulness!.auc.deletion).toBeGreaterThan(0);
    expect(result!.faithfulness!.auc.insertion).toBeLessThan(1);
  }
  // What has been measured once is not measured again.
  const before = cards.map(({ result }) => result!.faithfulness);
  session.setMethod("Integrated Gradients");
  await until(session, settled);
  session.setMethod("Saliency");
  expect((await until(session, settled)).cards.map(({ result }) => result!.faithfulness)).toEqual(before);
});

test("a method that explains samples by each other gets the whole page", async () => {
  await until(start(payloadOf([sample(0), sample(1)]), new TestSource(false)), settled);
  session.setMethod("Feature Permutation");
  const { cards } = await until(session, (s) => settled(s) && s.cards[0].result!.method === "Feature Permutation");
  expect(cards.map(({ error }) => error)).toEqual([null, null]);
  const request = { method: "Feature Permutation", arguments: cards[0].result!.arguments, target: cards.map(({ target }) => target!) }; // prettier-ignore
  const data = Float32Array.from([0, 1].flatMap((i) => Array.from(row(x, i).data)));
  const expected = await attribute(loaded.at(-1)!, { ...request, inputs: { [input]: { data, shape: [2, ...x.shape.slice(1)] } } }); // prettier-ignore
  cards.forEach(({ result }, i) => {
    const { values } = result!.attributions[0]!;
    expect(values).toEqual(expected.attributions[input].data.slice(i * values.length, (i + 1) * values.length));
  });
});

test("the user's feature mask makes groups", async () => {
  const one = sample(0);
  const { shape, data } = one.inputs[0];
  const mask = {
    dtype: "int32" as const,
    shape,
    data: new Int32Array(data.length).fill(1).fill(0, 0, data.length / 2),
  };
  await until(start(payloadOf([{ ...one, feature_masks: [mask] }]), new TestSource(false)), settled);
  session.setMethod("Feature Ablation");
  const { values } = (await until(session, settled)).cards[0].result!.attributions[0]!;
  expect(new Set(values.slice(0, values.length / 2)).size).toBe(1);
  expect(new Set(values).size).toBe(2);
});

test("another backend gives the same numbers", async () => {
  await until(start(payloadOf([sample(0)]), new TestSource(false)), settled);
  const { sum } = session.state.cards[0].result!.attributions[0]!;
  session.setBackend("cpu");
  const state = await until(session, (s) => s.engine?.backend === "cpu" && settled(s));
  expect(state.cards[0].result!.attributions[0]!.sum).toBeCloseTo(sum, 3);
});

test("a model that was not stored is asked of the kernel, or the explorer says so", async () => {
  const models = [{ name: "Model 1", size: 50 * 2 ** 20, onnx: null }];
  const source = new TestSource(false);
  const state = await until(start(payloadOf([sample(0)], { models }), source), (s) => s.phase.name === "stopped");
  expect(state.phase).toMatchObject({ notice: { kind: "static", text: expect.stringContaining("50.0 MB") } });
  source.live = true;
  source.dispatchEvent(new Event("change"));
  await until(session, settled);
});

test("a model that is refused names the operator, the node and the module", async () => {
  const nodes = [
    {
      node: "Loop_3",
      op: "Loop",
      opset: 18,
      path: "bag",
      class: "torch.nn.EmbeddingBag",
      reason: "operator Loop is not supported",
    },
  ];
  const refusing: Engine = { load: () => Promise.reject(new RefusedError({ message: "no", nodes, total: 46 })) };
  const state = await until(
    start(payloadOf([sample(0)]), new TestSource(false), { engine: () => refusing }),
    (s) => s.phase.name === "stopped",
  );
  expect(state.phase).toMatchObject({
    notice: {
      title: "One operator of this model cannot run in the browser",
      text: "The other 45 of 46 nodes are supported. Nothing was computed.",
      facts: expect.arrayContaining([
        ["node", "Loop_3"],
        ["from module", "bag  torch.nn.EmbeddingBag"],
      ]),
    },
  });
});

test("an output that differs from PyTorch's is said to", async () => {
  const wrong = sample(0);
  (wrong.outputs[0].raw.data as Float32Array)[0] += 1;
  const state = await until(start(payloadOf([wrong]), new TestSource(false)), settled);
  expect(state.engine!.maxDiff).toBeGreaterThan(1e-3);
});

test("one output per sample has no classes and no target", async () => {
  const regression = readNet("regression");
  const [name] = Object.keys(regression.inputs);
  const n = regression.inputs[name].shape[0];
  const first = (a: { data: Float32Array; shape: number[] }) => ({
    dtype: "float32" as const,
    shape: a.shape.slice(1),
    data: a.data.slice(0, a.data.length / n),
  });
  const one = first(regression.inputs[name]);
  const payload = payloadOf(
    [
      {
        id: 0,
        label: null,
        display: [one],
        inputs: [one],
        baselines: [[{ ...one, data: new Float32Array(one.data.length) }]],
        additional: {},
        outputs: [{ raw: first(regression.raw), scores: first(regression.scores) }],
        feature_masks: [null],
        error: null,
      },
    ],
    {
      models: [{ name: "Model 1", size: 1, onnx: regression.onnx }],
      features: [{ name: "Photo", kind: "image", input: name, baselines: ["zero"], categories: [] }],
    },
  );
  const state = await until(start(payload, new TestSource(false)), settled);
  expect(state.cards[0]).toMatchObject({ predictions: [], target: null, correct: null });
});

describe("texts of different lengths", () => {
  const { onnx, calls } = readLengths().encoder;
  const lengths = [1, 4, 9];
  const place = (length: number) => calls.find(({ inputs }) => inputs.text.shape[1] === length)!;
  const text = (id: number, length: number, i: number): Sample => {
    const { inputs, baselines, raw } = place(length);
    const own = ({ data, shape: [n, ...shape] }: FloatArray) => ({
      ...{ dtype: "float32" as const, shape },
      data: Float32Array.from(data).slice((i * data.length) / n, ((i + 1) * data.length) / n),
    });
    const ids = own(inputs.text);
    return {
      ...{ id, label: null, inputs: [ids], display: [Array.from(ids.data, String)] },
      ...{ baselines: [[own(baselines.text)]], additional: {}, feature_masks: [null], error: null },
      outputs: [{ raw: own(raw), scores: own(raw) }],
    };
  };
  /** First and second ones of each length take turns. */
  const texts = [0, 1].flatMap((i) => lengths.map((length, k) => text(i * lengths.length + k, length, i)));
  const payload = (method: string) =>
    payloadOf(texts, {
      models: [{ name: "Encoder", size: 1, onnx: decode(onnx) }],
      features: [{ name: "Review", kind: "text", input: "text", baselines: ["random"], categories: [] }],
      choice: { method, arguments: { "Integrated Gradients": { n_steps: 6 } } },
      show: texts.length,
    });

  test("go through the model batch by batch, with PyTorch's outputs and Captum's attributions", async () => {
    const run = jest.spyOn(Model.prototype, "run");
    const state = await until(start(payload("Integrated Gradients"), new TestSource(false)), settled);
    expect(run.mock.calls.map(([{ text }]) => text.shape)).toEqual(lengths.map((length) => [2, length]));
    run.mockRestore();
    expect(state.engine!.maxDiff).toBeLessThan(1e-5);
    state.cards.forEach(({ result, sample }, k) => {
      const length = lengths[k % lengths.length];
      const { attributions } = place(length).cases.find(({ method }) => method === "Integrated Gradients")!;
      const i = Math.floor(k / lengths.length);
      const { values, shape } = result!.attributions[0]!;
      expect([sample.id, shape]).toEqual([k, [length]]);
      const expected = { data: attributions.text.data.slice(i * length, (i + 1) * length), shape };
      expect(difference({ data: values, shape }, expected)).toBeLessThan(1e-4);
    });
  });

  test("cannot be explained by each other, and the cards say why", async () => {
    start(payload("Feature Permutation"), new TestSource(false));
    const { cards } = await until(session, ({ cards }) => cards.length > 0 && cards.every((c) => c.status === "error"));
    expect(new Set(cards.map(({ error }) => error))).toEqual(
      new Set([
        "Feature Permutation explains samples by each other and needs inputs of one shape, " +
          'got 1, 4, 9 tokens in feature "Review". Pad or cut all texts to one length.',
      ]),
    );
    session.setMethod("Saliency");
    await until(session, settled);
  });

  test("one that the model does not take marks only its card", async () => {
    const wrong = { ...texts[2], inputs: [{ ...texts[2].inputs[0], data: new Float32Array(9).fill(99) }] };
    const samples = [...texts.slice(0, 2), wrong, ...texts.slice(3)];
    start({ ...payload("Saliency"), scan: { ...payload("Saliency").scan, samples } }, new TestSource(false));
    const { cards } = await until(session, ({ cards }) => cards.length > 0 && cards.every((c) => c.status !== "queued" && c.status !== "running")); // prettier-ignore
    expect(cards.map(({ status }) => status)).toEqual(["ready", "ready", "error", "ready", "ready", "ready"]);
    expect(cards[2].error).toMatch(/99/);
  });
});

describe("what was chosen", () => {
  test("is undone and redone, one step for what a slider passes on its way", async () => {
    start(payloadOf([sample(0), sample(1)]), new TestSource(false));
    await until(session, settled);
    const { arguments: before } = session.state;
    for (const steps of [10, 11, 12]) session.setArgument("n_steps", steps);
    session.setMethod("Saliency");
    session.setTarget(1, 4);
    session.setView("compare");
    session.undo();
    expect(session.state).toMatchObject({ view: "samples", method: "Saliency" });
    session.undo();
    expect(session.state).toMatchObject({ method: "Integrated Gradients", arguments: { n_steps: 12 } });
    session.undo();
    expect(session.state.arguments).toEqual(before);
    expect(session.state).toMatchObject({ canUndo: false, canRedo: true });
    for (let i = 0; i < 3; i++) session.redo();
    expect(session.state.view).toBe("compare");
    session.setView("samples");
    const state = await until(session, (s) => settled(s) && s.cards[1].target === 4);
    expect(state.method).toBe("Saliency");
    session.setMethod("Deep Lift");
    expect(session.state.canRedo).toBe(false);
  });

  test("comes back from JSON, and nothing that does not fit does", async () => {
    const kept = JSON.parse(
      JSON.stringify({
        ...START,
        method: "Occlusion",
        arguments: { Occlusion: { sliding_window_shapes: 3 }, Saliency: "abs" },
        targets: { 0: 7, 1: "x" },
        show: 1,
        first: -3,
        display: { ...START.display, sign: "sideways", clip: 5 },
        compare: { columns: "methods", scale: "row", pins: [{ method: "Saliency", arguments: {} }, { method: 3 }] },
        view: "nowhere",
        unknown: 1,
      }),
    ) as unknown;
    start(payloadOf([sample(0), sample(1)]), new TestSource(false), { choice: kept });
    const { choice, cards, arguments: args } = await until(session, settled);
    expect(args).toMatchObject({ sliding_window_shapes: 3, strides: null });
    expect(cards.map(({ target }) => target)).toEqual([7]);
    expect(choice).toMatchObject({ view: "samples", first: 0, show: 1, display: { sign: "signed", clip: 5 } });
    expect(choice.compare.pins).toEqual([{ method: "Saliency", arguments: {} }]);
    expect(choice.arguments).toEqual({ Occlusion: { sliding_window_shapes: 3 } });
    expect(choice).not.toHaveProperty("unknown");
  });

  test("the payload's choice is the start, and Reset keeps to the method's own", async () => {
    const choice = { method: "Saliency", arguments: { Saliency: { abs: false } } };
    start(payloadOf([sample(0)], { choice }), new TestSource(false));
    const { cards } = await until(session, settled);
    expect(cards[0].result).toMatchObject({ method: "Saliency", arguments: { abs: false }, signed: true });
    session.reset();
    expect((await until(session, settled)).arguments).toEqual({ abs: true });
  });
});

test("samples are sorted by confidence, loss and entropy; what is here is counted", async () => {
  const samples = [0, 1, 2, 3].map(sample);
  start(payloadOf(samples, { show: 4 }), new TestSource(false));
  await until(session, settled);
  const confidence = ({ outputs }: Sample) => Math.max(...(outputs[0].scores.data as Float32Array));
  const loss = ({ outputs, label }: Sample) => -Math.log(Number(outputs[0].scores.data[label!]));
  const sorted = (key: (s: Sample) => number) => [...samples].sort((a, b) => key(a) - key(b)).map(({ id }) => id);
  session.setSort({ by: "confidence" });
  await until(session, settled);
  expect(digits(session)).toEqual(sorted(confidence));
  session.setSort({ by: "loss", ascending: false });
  await until(session, settled);
  expect(digits(session)).toEqual(sorted(loss).reverse());
  const { confusion } = session.state;
  expect(confusion!.flat().reduce((a, b) => a + b)).toBe(4);
  expect(confusion![samples[0].label!][samples[0].label!]).toBe(1);
  session.setFilter({ labels: [classes[samples[0].label!]] });
  await until(session, settled);
  expect(digits(session)).toEqual([0]);
});

test("a selected sample brings its page", async () => {
  start(payloadOf([0, 1, 2, 3].map(sample)), new TestSource(false));
  await until(session, settled);
  session.select(3);
  const { first, selected } = await until(session, (s) => settled(s) && s.first === 2);
  expect({ first, selected }).toEqual({ first: 2, selected: 3 });
  session.select(99);
  expect(session.state.selected).toBe(3);
});

describe("Compare", () => {
  const compared = ({ view, comparison }: State) =>
    view === "compare" &&
    comparison !== null &&
    comparison.rows.length > 0 &&
    comparison.rows
      .flat()
      .every(({ status, result }) => status === "error" || (status === "ready" && result?.faithfulness));

  test("pinned methods are columns, with their faithfulness and their agreement with the first", async () => {
    start(payloadOf([sample(0), sample(1)]), new TestSource(false));
    await until(session, settled);
    session.pin();
    session.pin("Saliency");
    session.pin("Input X Gradient");
    session.setView("compare");
    const { comparison, cards } = await until(session, compared);
    expect(comparison!.columns.map(({ title }) => title)).toEqual([
      "Integrated Gradients",
      "Saliency",
      "Input X Gradient",
    ]);
    expect(comparison!.columns[0]).toMatchObject({ detail: "25 steps · zero" });
    expect(comparison!.columns[0].rho).toBeCloseTo(1, 6);
    for (const { rho, deletion, insertion } of comparison!.columns) {
      expect(Math.abs(rho!)).toBeLessThanOrEqual(1.000001);
      expect(deletion).toBeGreaterThan(0);
      expect(insertion).toBeLessThan(1);
    }
    expect(comparison!.rows).toHaveLength(cards.length);
    expect(comparison!.rows[1][1].result!.attributions[0]!.values.every((v) => v >= 0)).toBe(true);
    const asked = attributions;
    session.movePin(0, 2);
    const moved = await until(session, (s) => compared(s) && s.comparison!.columns[0].title === "Saliency");
    expect(moved.comparison!.rows[1][0].result).toEqual(comparison!.rows[1][1].result);
    session.unpin(1);
    await until(session, (s) => compared(s) && s.comparison!.columns.length === 2);
    expect(attributions).toBe(asked);
  });

  test("a method that cannot be applied, or is refused, says so in its column", async () => {
    const choice = {
      view: "compare",
      compare: {
        pins: [
          { method: "Attention Rollout", arguments: {} },
          { method: "Integrated Gradients", arguments: { n_steps: 0, method: "gausslegendre" } },
          { method: "Nonsense", arguments: {} },
          { method: "Saliency", arguments: {} },
        ],
      },
    };
    start(payloadOf([sample(0)], { choice }), new TestSource(false));
    const { comparison } = await until(session, compared);
    const [row] = comparison!.rows;
    expect(row.map(({ status }) => status)).toEqual(["error", "error", "error", "ready"]);
    expect(row[0].error).toMatch(/attention/);
    expect(row[1].error).toMatch(/n_steps/);
    expect(row[2].error).toMatch(/Nonsense/);
  });

  test("models are columns with predictions of their own, and share the target", async () => {
    const other = { ...sample(0) };
    other.outputs = [...other.outputs, ...other.outputs];
    const model = { name: "Model 2", size: net.onnx.length, onnx: net.onnx };
    const models = [...payloadOf([]).models, model];
    const choice = { view: "compare", compare: { columns: "models" }, targets: { 0: 3 } };
    start(payloadOf([other], { models, choice }), new TestSource(false));
    const { comparison } = await until(session, compared);
    expect(comparison!.columns.map(({ title }) => title)).toEqual(["Model 1", "Model 2"]);
    const [a, b] = comparison!.rows[0];
    expect([a.result!.target, b.result!.target]).toEqual([3, 3]);
    expect(b.predictions).toEqual(a.predictions);
    expect(comparison!.columns[1].rho).toBeCloseTo(1, 6);
    session.setModel(1);
    session.setView("samples");
    expect((await until(session, (s) => settled(s) && s.model === 1)).cards[0].target).toBe(3);
  });
});

describe("Inspect", () => {
  const flat = (data: ResultArray["data"]): ResultArray => ({ data, shape: [data.length] });

  test("painting the baseline over everything gives the baseline's prediction, and undo takes it off", async () => {
    start(payloadOf([sample(0), sample(1)]), new TestSource(false));
    await until(session, settled);
    session.select(1);
    session.setView("inspect");
    const { inspection } = await until(session, (s) => Boolean(s.inspection?.card.result) && !s.inspection!.card.stale);
    const { width, height, card } = inspection!;
    expect([width, height, card.sample.id]).toEqual([8, 8, 1]);
    session.paint(new Uint8Array(64).fill(1), true);
    const painted = await until(session, (s) => Boolean(s.inspection?.after?.scores));
    const zero = await loaded.at(-1)!.run({ [input]: { data: new Float32Array(64), shape: [1, 1, 8, 8] } });
    expect(difference(flat(painted.inspection!.after!.scores!), flat(zero.scores.data))).toBeLessThan(1e-6);
    expect(new Set(painted.inspection!.after!.picture!.data as Float32Array).size).toBe(1);
    session.undo();
    expect((await until(session, (s) => s.inspection!.after === null)).inspection!.painted.some(Boolean)).toBe(false);
  });

  test("the scrubber deletes and inserts the most important pixels", async () => {
    start(payloadOf([sample(0)]), new TestSource(false));
    await until(session, settled);
    session.setView("inspect");
    session.setInspect({ at: 1 });
    const { inspection } = await until(session, (s) =>
      Boolean(s.inspection?.deleted?.scores && s.inspection.inserted?.scores),
    );
    expect(difference(flat(inspection!.inserted!.scores!), flat(row(net.scores, 0).data))).toBeLessThan(1e-5);
    const judged = await until(session, (s) => Boolean(s.inspection?.card.result?.faithfulness));
    const { deletion } = judged.inspection!.card.result!.faithfulness!;
    expect(deletion.at(-1)).toBeCloseTo(inspection!.deleted!.scores![judged.inspection!.card.target!], 5);
  });

  test("a stroke leaves what is at the scrubber as it was; the scrubber and the baseline do not", async () => {
    start(payloadOf([sample(0)], { choice: { view: "inspect", inspect: { at: 0.25 } } }), new TestSource(false));
    const deleted = async () => {
      const { inspection } = await until(session, ({ inspection: now }) => Boolean(now?.deleted?.scores));
      return inspection!.deleted!.picture;
    };
    const before = await deleted();
    session.paint(new Uint8Array(64).fill(1, 8, 20), true);
    expect(await deleted()).toBe(before);
    session.setInspect({ at: 0.5 });
    const later = await deleted();
    expect(later).not.toEqual(before);
    session.setBaseline(1);
    await until(session, (s) => settled(s) && s.inspection!.card.result!.baseline === 1);
    expect(await deleted()).not.toEqual(later);
  });

  test("a stroke is one step, and its runs are few", async () => {
    start(payloadOf([sample(0)], { choice: { view: "inspect" } }), new TestSource(false));
    await until(session, (s) => Boolean(s.inspection?.card.result));
    for (let i = 0; i < 5; i++) session.paint(new Uint8Array(64).fill(1, 8, 9 + i), i === 4);
    session.paint(new Uint8Array(64).fill(1, 8, 20), true);
    expect(session.state.choice.painted).toEqual({ 0: [8, 12] });
    session.undo();
    expect(session.state.choice.painted).toEqual({ 0: [8, 5] });
    session.undo();
    expect(session.state.choice.painted).toEqual({});
  });
});

describe("an engine that fails", () => {
  /** Fails with an error of that name as long as there are some left. */
  const failing = (names: string[]): Engine => ({
    async load(...args) {
      const model = await engine.load(...args);
      return {
        ...model,
        attribute: (...rest) => {
          const name = names.shift();
          return name ? Promise.reject(Object.assign(new Error("out of memory"), { name })) : model.attribute(...rest);
        },
      };
    },
  });

  test("is started once more, and nothing of what was chosen is lost", async () => {
    const broken = failing(["EngineStopped"]);
    start(payloadOf([sample(0), sample(1)]), new TestSource(false), { engine: () => broken });
    session.setTarget(1, 5);
    const { notice, cards } = await until(session, (s) => settled(s) && s.notice !== null);
    expect(notice).toMatchObject({ kind: "warning", title: "The engine was started again." });
    expect(cards[1].result!.target).toBe(5);
  });

  test("twice, says so", async () => {
    const broken = failing(["EngineStopped", "EngineStopped"]);
    start(payloadOf([sample(0)]), new TestSource(false), { engine: () => broken });
    const { phase } = await until(session, (s) => s.phase.name === "stopped");
    expect(phase).toMatchObject({ notice: { title: "The engine stopped twice", text: expect.stringMatching(/memory/) as string } }); // prettier-ignore
    (phase as { notice: NonNullable<State["notice"]> }).notice.actions![0].run();
    await until(session, settled);
  });

  test("without graphics goes on on the processor", async () => {
    const broken = failing(["GraphicsLost"]);
    start(payloadOf([sample(0)]), new TestSource(false), { engine: () => broken });
    const state = await until(session, (s) => settled(s) && s.notice !== null);
    expect(state.notice).toMatchObject({ title: "The graphics context was lost." });
    expect(state.engine!.backend).toBe("wasm");
  });
});

describe("Inspect, of texts and rows", () => {
  const flat = (data: ResultArray["data"]): ResultArray => ({ data, shape: [data.length] });
  const feature = (input: string, kind: FeatureSpec["kind"], categories: string[] = []): FeatureSpec => ({
    name: input,
    kind,
    input,
    baselines: ["other"],
    categories,
  });
  const words = feature("ids", "text");
  const numbers = feature("numbers", "general", ["a", "b", "c", "d"]);
  const inputOf = (net: Net, name: string, i: number) => {
    const { data, shape } = net.inputs[name];
    return row({ data: Float32Array.from(data), shape }, i);
  };

  /** Sample 0 of a net, with sample 1 as its baseline: the two have PyTorch's scores. */
  const between = (net: Net, features: FeatureSpec[], display: Sample["display"]): Payload => {
    const one: Sample = {
      ...{ id: 0, label: null, display, additional: {}, error: null },
      inputs: features.map(({ input }) => inputOf(net, input, 0)),
      baselines: features.map(({ input }) => [inputOf(net, input, 1)]),
      outputs: [{ raw: row(net.raw, 0), scores: row(net.scores, 0) }],
      feature_masks: features.map(() => null),
    };
    const models = [{ name: "Model 1", size: net.onnx.length, onnx: net.onnx }];
    return payloadOf([one], { models, features, choice: { view: "inspect" } });
  };

  const explained = (s: State): boolean => Boolean(s.inspection?.card.result) && !s.inspection!.card.stale;
  const tried = (s: State): boolean => Boolean(s.inspection?.after?.scores);
  /** Of what is tried now, from PyTorch's scores of a sample. */
  const distance = (net: Net, i: number): number =>
    difference(flat(session.state.inspection!.after!.scores!), flat(row(net.scores, i).data));

  test("tokens are hidden and values changed: all of both together make the other sample", async () => {
    const net = readNet("tokens");
    const display = [
      ["one", "two", "three", "four", "five", "six"],
      [1, 2, 3, 4],
    ];
    start(between(net, [words, numbers], display), new TestSource(false));
    const { inspection } = await until(session, explained);
    expect(inspection).toMatchObject({ width: 6, height: 1, after: null });
    expect(inspection!.card.result!.attributions.map((a) => a!.shape)).toEqual([[6], [4]]);

    session.paint(Uint8Array.of(0, 1, 0, 0, 1, 0), true);
    const { after } = (await until(session, tried)).inspection!;
    expect(after).toMatchObject({ picture: null, hidden: Uint8Array.of(0, 1, 0, 0, 1, 0) });
    const ids = inputOf(net, "ids", 0).data.map((id, i) => (i === 1 || i === 4 ? inputOf(net, "ids", 1).data[i] : id));
    const own = { data: ids, shape: [1, 6] };
    const expected = await loaded.at(-1)!.run({ ids: own, numbers: { ...inputOf(net, "numbers", 0), shape: [1, 4] } });
    expect(difference(flat(after!.scores!), flat(expected.scores.data))).toBeLessThan(1e-6);

    session.setInspect({ feature: 1 });
    inputOf(net, "numbers", 1).data.forEach((value, i) => session.edit(i, value));
    const changed = await until(session, (s) => tried(s) && s.inspection!.edited.size === 4);
    expect(changed.inspection).toMatchObject({ width: 4, after: { hidden: Uint8Array.of(1, 1, 1, 1) } });
    expect(distance(net, 1)).toBeGreaterThan(0.01);
    session.setInspect({ feature: 0 });
    session.paint(new Uint8Array(6).fill(1), true);
    await until(session, (s) => tried(s) && distance(net, 1) < 1e-5);
    expect(session.state.inspection!.edited.size).toBe(0);

    session.clear();
    expect((await until(session, (s) => s.inspection!.after === null)).choice).toMatchObject({
      painted: {},
      edited: {},
    });
  });

  test("the feature that is in view already, chosen again, is no step and leaves what is hidden", async () => {
    const net = readNet("tokens");
    start(between(net, [words, numbers], [[..."abcdef"], [1, 2, 3, 4]]), new TestSource(false));
    await until(session, explained);
    session.paint(Uint8Array.of(0, 1, 0, 0, 1, 0), true);
    const { choice } = session.state;
    session.setInspect({ feature: 0 });
    expect(session.state.choice).toBe(choice);
    session.undo();
    expect(session.state.choice.painted).toEqual({});
  });

  test("a value that is taken back leaves nothing", async () => {
    const net = readNet("tokens");
    start(between(net, [numbers, words], [[1, 2, 3, 4], [..."abcdef"]]), new TestSource(false));
    await until(session, explained);
    session.edit(2, 7);
    await until(session, tried);
    expect([...session.state.inspection!.edited]).toEqual([[2, 7]]);
    expect(distance(net, 0)).toBeGreaterThan(0.01);
    session.edit(2, null);
    expect((await until(session, (s) => s.inspection!.after === null)).choice.edited).toEqual({});
  });

  test("of embeddings a token has as many places as dimensions, and the scrubber takes them one by one", async () => {
    const net = readNet("recurrent");
    start(between(net, [feature("x", "text")], [[..."abcde"]]), new TestSource(false));
    const { inspection } = await until(session, explained);
    expect(inspection).toMatchObject({ width: 4, height: 5 });
    session.paint(new Uint8Array(20).fill(1), true);
    await until(session, tried);
    expect(distance(net, 1)).toBeLessThan(1e-5);

    const hiddenAt = async (at: number): Promise<(number | undefined)[]> => {
      session.setInspect({ at });
      const state = await until(session, ({ inspection: now }) =>
        Boolean(now?.deleted?.scores && now.inserted?.scores),
      );
      const { deleted, inserted } = state.inspection!;
      return [deleted, inserted].map((trial) => trial?.hidden.reduce((sum, v) => sum + v, 0));
    };
    expect(await hiddenAt(0.35)).toEqual([7, 13]);
    expect(await hiddenAt(1)).toEqual([20, 0]);
    const last = await until(
      session,
      ({ inspection: now }) => difference(flat(now!.deleted!.scores!), flat(row(net.scores, 1).data)) < 1e-5,
    );
    expect(difference(flat(last.inspection!.inserted!.scores!), flat(row(net.scores, 0).data))).toBeLessThan(1e-5);
  });

  test("what is not shown is not in view", async () => {
    const net = readNet("tokens");
    const features = [{ ...words, kind: "empty" as const }, numbers];
    start(between(net, features, [null, [1, 2, 3, 4]]), new TestSource(false));
    const { choice, inspection } = await until(session, explained);
    expect(choice.inspect.feature).toBe(1);
    expect(inspection!.width).toBe(4);
    session.edit(0, 5);
    expect(session.state.choice.edited).toEqual({ 0: [[1, 0, 5]] });
  });
});
