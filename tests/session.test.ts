/** The session with the real engine (in this process) and a source that stands for the kernel. */
jest.mock("../src/client", () => ({ sharedEngine: () => undefined }));
import { availableBackends } from "../src/backend";
import { Model } from "../src/engine";
import { attribute, describeLayers, describeMethods, plan } from "../src/methods";
import { measure } from "../src/metrics";
import { RefusedError, type Engine, type EngineModel, type Source } from "../src/seams";
import { Session } from "../src/session";
import type { State } from "../src/state";
import type { FetchRequest, Payload, Sample, Scan } from "../src/wire";
import { difference, readNet } from "./engine/fixtures";

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
  features: [{ name: "Digit", kind: "image", input, baselines: ["zero", "other"] }],
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
      features: [{ name: "Photo", kind: "image", input: name, baselines: ["zero"] }],
    },
  );
  const state = await until(start(payload, new TestSource(false)), settled);
  expect(state.cards[0]).toMatchObject({ predictions: [], target: null, correct: null });
});
