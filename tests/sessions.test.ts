/** @jest-environment ./tests/browser-environment.js */
/** Who shares a session, how long it lives, and what stays of it. */
import { EVERYTHING, START, type Choice } from "../src/choice";
import { announce, type LiveModel, type Output } from "../src/live";
import { Session } from "../src/session";
import { open, shared } from "../src/sessions";
import type { Payload } from "../src/wire";

jest.mock("../src/session", () => ({
  Session: jest.fn((_payload: unknown, _source: unknown, { choice }: { choice?: object }) =>
    Object.assign(new EventTarget(), {
      state: { phase: { name: "preparing" }, choice: { ...choice } },
      dispose: jest.fn(),
    }),
  ),
}));

/** Two stored samples, both of class b and predicted so. */
const scores = { dtype: "float32", shape: [2], data: new Float32Array([0, 1]) };
const stored = [0, 1].map((id) => ({ id, label: 1, outputs: [{ raw: scores, scores }] }));
const payload = {
  ...{ classes: ["a", "b"], choice: { method: "LRP" }, show: 2 },
  scan: { samples: stored, scanned: 2, next: 2, exhausted: false },
} as unknown as Payload;
let outputs = 0;
const output = (): Output => ({ modelId: `model${++outputs}`, payload: "p" });
const given = () => (jest.mocked(Session).mock.lastCall as unknown[])[2];

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test("displays of one output share a session, which ends some time after the last one", () => {
  const of = output();
  expect(shared(of)).toBeNull();
  const first = open(of, payload);
  const second = shared(of)!;
  const third = open(of, payload);
  expect([second.session, third.session]).toEqual([first.session, first.session]);
  for (const share of [first, second, second]) share.release();
  jest.runAllTimers();
  expect(first.session.dispose).not.toHaveBeenCalled();
  third.release();
  jest.advanceTimersByTime(4000);
  const again = shared(of)!;
  jest.runAllTimers();
  expect(first.session.dispose).not.toHaveBeenCalled();
  again.release();
  jest.runAllTimers();
  expect(first.session.dispose).toHaveBeenCalledTimes(1);
  expect(shared(of)).toBeNull();
});

test("what was chosen stays for the output that comes back", () => {
  const of = output();
  const share = open(of, payload, { view: "inspect" });
  expect(given()).toEqual({ choice: { ...START, method: "LRP", show: 2, view: "inspect" } });
  const choice = { ...START, method: "Saliency" };
  Object.assign(share.session.state, { choice });
  share.release();
  jest.runAllTimers();
  open(of, payload, { view: "inspect" });
  expect(given()).toEqual({ choice });
});

test.each<[string, Partial<Choice>, Partial<Choice>]>([
  ["shows", { filter: { ...EVERYTHING, labels: ["b"] } }, { filter: { ...EVERYTHING, labels: ["b"] } }],
  ["has at all", { filter: { ...EVERYTHING, labels: ["a"] }, first: 2 }, {}],
  ["has on another page", { filter: { ...EVERYTHING, labels: ["b"] }, first: 2 }, { filter: { ...EVERYTHING, labels: ["b"] } }], // prettier-ignore
])("of what was saved, the filter is what this output %s", (_, saved, shown) => {
  open(output(), payload, saved);
  expect(given()).toEqual({ choice: { ...START, method: "LRP", show: 2, ...shown } });
});

test("a kernel's choice goes before the saved one", () => {
  const of = output();
  const traits = { choice: { method: "LRP" } };
  announce({ model_id: of.modelId, comm_live: true, payload: "p", traits, listen: jest.fn() } as unknown as LiveModel);
  open(of, payload, { method: "Saliency" });
  expect(given()).toEqual({ choice: traits.choice });
});

test.each<[string, Output, Output]>([
  ["two outputs", output(), output()],
  ["an output and the next one of its model", { modelId: "m", payload: "p" }, { modelId: "m", payload: "q" }],
  ["two pages", { modelId: null, payload: "p" }, { modelId: null, payload: "p" }],
  ["outputs without a key", { modelId: "n", payload: null }, { modelId: "n", payload: null }],
])("%s share none", (_, a, b) => {
  const [first, second] = [open(a, payload), open(b, payload)];
  expect(first.session).not.toBe(second.session);
  expect(shared({ ...a, payload: a.modelId && a.payload })?.session ?? first.session).toBe(first.session);
});

test("without a key it ends at once", () => {
  const share = open({ modelId: null, payload: null }, payload);
  share.release();
  expect(share.session.dispose).toHaveBeenCalled();
});
