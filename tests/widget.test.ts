/** @jest-environment ./tests/browser-environment.js */
import { announce, KernelSource, type Traits } from "../src/live";
import { encodeScan, type FetchRequest, type Payload, type Scan } from "../src/wire";

const scan: Scan = { samples: [], scanned: 7, next: 11, exhausted: false };
const payload = { classes: [], features: [], models: [] } as unknown as Payload;
const fetchRequest: FetchRequest = {
  ...{ op: "fetch", filter: { classes: ["Cat"], labels: [], prediction: "all" } },
  ...{ start: 4, count: 4, scan: 512 },
};
const out = (modelId: string | null, payload: string | null = "p") => ({ modelId, payload });
const never = () => new AbortController().signal;

/** The kernel's end: keeps what was sent, sends on demand. */
class Comm {
  readonly sent: Record<string, unknown>[] = [];
  closed = false;
  receive!: (message: unknown) => unknown;
  closedByKernel!: (message: unknown) => unknown;
  /** States written, as in `sent`, which has custom messages only. */
  readonly updates: Record<string, unknown>[] = [];
  buffers: unknown[] = [];
  send(data: { content: Record<string, unknown>; state: Record<string, unknown> }, ...rest: unknown[]) {
    if (data.content) this.sent.push(data.content);
    else this.updates.push(data.state);
    this.buffers = (rest[2] as unknown[] | undefined) ?? [];
    return "msg";
  }
  on_msg(callback: Comm["receive"]) {
    this.receive = callback;
  }
  on_close(callback: Comm["closedByKernel"]) {
    this.closedByKernel = callback;
  }
  close() {
    this.closed = true;
  }
  reply(content: object, buffers: DataView[] = []) {
    void this.receive({ content: { data: { method: "custom", content } }, buffers });
  }
  update(state: object) {
    return this.receive({ content: { data: { method: "update", state } } });
  }
}

/** A Lumino signal with one slot. */
class Disposed {
  slot: (() => void) | undefined;
  connect(slot: () => void, self: object) {
    this.slot = slot.bind(self);
    return true;
  }
  disconnect() {
    this.slot = undefined;
    return true;
  }
}

let made = 0;
async function liveModel() {
  const { AttriscopeModel } = await import("../src/widget");
  const comm = new Comm();
  const disposed = new Disposed();
  const widget_manager = { kernel: { disposed }, callbacks: () => ({}) };
  const model_id = `model${++made}`;
  const model = new AttriscopeModel({ _payload: "p" }, { model_id, comm, widget_manager });
  return { model, comm, disposed, model_id };
}

/** At an odd offset, as buffers arrive from a websocket. */
function buffer(bytes: Uint8Array): DataView {
  const padded = new Uint8Array(bytes.length + 3);
  padded.set(bytes, 3);
  return new DataView(padded.buffer, 3);
}

test("a source made before its model becomes live with it, and static without it", async () => {
  const source = new KernelSource(out(`model${made + 1}`), payload);
  const seen: boolean[] = [];
  source.addEventListener("change", () => seen.push(source.live));
  expect(source.live).toBe(false);
  const { model } = await liveModel();
  expect(seen).toEqual([true]);
  model.comm_live = false;
  model.comm_live = true;
  await model.close();
  expect(seen).toEqual([true, false, true, false]);
});

test("a request gets the reply that names it, and no other", async () => {
  const { comm, model_id } = await liveModel();
  const source = new KernelSource(out(model_id), payload);
  const first = source.fetch(fetchRequest, never());
  const second = source.model(0, never());
  expect(comm.sent).toMatchObject([fetchRequest, { op: "model", model: 0 }]);
  comm.reply({ for: "another tab's", op: "scan" }, [buffer(new Uint8Array([1]))]);
  comm.reply({ for: comm.sent[1]!.for, op: "model" }, [buffer(new Uint8Array([1, 2, 3]))]);
  comm.reply({ for: comm.sent[0]!.for, op: "scan" }, [buffer(encodeScan(scan))]);
  expect(await first).toEqual(scan);
  expect(await second).toEqual(new Uint8Array([1, 2, 3]));
});

test("what the kernel refuses is told in its words", async () => {
  const { comm, model_id } = await liveModel();
  const answer = new KernelSource(out(model_id), payload).fetch(fetchRequest, never());
  comm.reply({ for: comm.sent[0]!.for, op: "error", message: 'class "Cat" does not exist' });
  await expect(answer).rejects.toThrow('class "Cat" does not exist');
});

test("a reply without data is an error", async () => {
  const { comm, model_id } = await liveModel();
  const answer = new KernelSource(out(model_id), payload).fetch(fetchRequest, never());
  comm.reply({ for: comm.sent[0]!.for, op: "scan" });
  await expect(answer).rejects.toThrow('The kernel\'s reply to "fetch" carries no data');
});

test("an aborted request ends at once and leaves no listener", async () => {
  const { model, comm, model_id } = await liveModel();
  const off = jest.spyOn(model, "off");
  const aborter = new AbortController();
  const answer = new KernelSource(out(model_id), payload).fetch(fetchRequest, aborter.signal);
  aborter.abort(new Error("changed my mind"));
  await expect(answer).rejects.toThrow("changed my mind");
  expect(off.mock.calls.map(([event]) => event)).toEqual(["msg:custom", "comm_live_update"]);
  await expect(new KernelSource(out(model_id), payload).fetch(fetchRequest, aborter.signal)).rejects.toThrow(
    "changed my mind",
  );
  expect(comm.sent).toHaveLength(1);
});

test.each<[string, (kernel: Awaited<ReturnType<typeof liveModel>>) => unknown]>([
  ["the kernel is shut down", ({ disposed }) => disposed.slot!()],
  ["the kernel closes the model", ({ comm }) => comm.closedByKernel({})],
  ["the connection is lost", ({ model }) => (model.comm_live = false)],
])("pending requests fail when %s", async (_name, end) => {
  const kernel = await liveModel();
  const source = new KernelSource(out(kernel.model_id), payload);
  const answer = source.fetch(fetchRequest, never());
  end(kernel);
  await expect(answer).rejects.toThrow("The kernel went away before it answered");
  expect(source.live).toBe(false);
  await expect(source.fetch(fetchRequest, never())).rejects.toThrow("No kernel is connected");
});

test("a closed model leaves nothing behind at the kernel's signal", async () => {
  const { model, comm, disposed } = await liveModel();
  await model.close();
  expect(disposed.slot).toBeUndefined();
  expect(comm.closed).toBe(true);
});

test("a page has no model, and a disposed source hears no more of its own", async () => {
  const page = new KernelSource(out(null), payload);
  expect(page.live).toBe(false);
  await expect(page.model(0, never())).rejects.toThrow("only the samples stored here");
  const { model, model_id } = await liveModel();
  const source = new KernelSource(out(model_id), payload);
  const changed = jest.fn();
  source.addEventListener("change", changed);
  source.dispose();
  model.comm_live = false;
  announce(model);
  expect(changed).not.toHaveBeenCalled();
});

test("an output of before is static: the kernel has rendered another payload", async () => {
  const { comm, model_id } = await liveModel();
  const [before, after] = ["p", "q"].map((key) => new KernelSource(out(model_id, key), payload));
  expect([before.live, after.live]).toEqual([true, false]);
  await comm.update({ _payload: "q" });
  expect([before.live, after.live]).toEqual([false, true]);
});

const traits: Traits = {
  ...{ method: "Saliency", arguments: { abs: true }, target: 2, selected: 1 },
  ...{ filters: { classes: [], labels: [], prediction: "all" }, choice: { show: 4 } },
};

test("traits go to the kernel in one message, those alone that have changed, and come from it", async () => {
  const { model, comm } = await liveModel();
  model.write(traits);
  expect(comm.updates).toEqual([traits]);
  expect(model.traits).toEqual(traits);
  await comm.update({ target: 0, _turn: 3 });
  expect([model.traits.target, model.turn]).toEqual([0, 3]);
});

test("listeners hear of traits and of the wish for results, until they are told off", async () => {
  const { model, comm } = await liveModel();
  const [onTraits, onAsked, stop] = [jest.fn(), jest.fn(), new AbortController()];
  model.listen(onTraits, onAsked, stop.signal);
  await comm.update({ method: "Saliency", selected: 1 });
  comm.reply({ op: "results" });
  comm.reply({ op: "scan", for: "x" });
  expect([onTraits, onAsked].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  stop.abort();
  await comm.update({ method: "LRP" });
  comm.reply({ op: "results" });
  expect([onTraits, onAsked].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
});

test("results go with their buffers", async () => {
  const { model, comm } = await liveModel();
  const { buffer } = new Float32Array([1]);
  model.tell({ op: "results" }, [buffer]);
  expect([comm.sent, comm.buffers]).toEqual([[{ op: "results" }], [buffer]]);
});

describe("the view in a box", () => {
  const shown: { announcement: unknown; packed: () => Promise<Uint8Array> }[] = [];
  const dispose = jest.fn();
  beforeEach(() => {
    shown.length = 0;
    jest.doMock("../src/display", () => ({
      Display: class {
        dispose = dispose;
        show = (announcement: unknown, packed: () => Promise<Uint8Array>) => shown.push({ announcement, packed });
      },
    }));
  });

  async function view() {
    const kernel = await liveModel();
    const { AttriscopeView } = await import("../src/widget");
    const made = new AttriscopeView({ model: kernel.model, options: {} });
    made.render();
    await new Promise((resolve) => setTimeout(resolve));
    return { ...kernel, made };
  }

  test("asks the kernel for the payload, and again for the next one", async () => {
    const { comm, model_id } = await view();
    expect(shown[0].announcement).toEqual({ state: "ready", model_id, payload: "p" });
    const packed = shown[0].packed();
    expect(comm.sent).toMatchObject([{ op: "payload" }]);
    comm.reply({ for: comm.sent[0].for, op: "payload" }, [buffer(new Uint8Array([7]))]);
    expect(await packed).toEqual(new Uint8Array([7]));
    await comm.update({ _payload: "q" });
    await new Promise((resolve) => setTimeout(resolve));
    expect(shown[1].announcement).toEqual({ state: "ready", model_id, payload: "q" });
  });

  test("ends with the box", async () => {
    const { made, comm } = await view();
    const packed = shown[0].packed();
    made.remove();
    await expect(packed).rejects.toThrow("aborted");
    expect(dispose).toHaveBeenCalled();
    await comm.update({ _payload: "q" });
    expect(shown).toHaveLength(1);
  });
});
