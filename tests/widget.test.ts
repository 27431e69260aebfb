/** @jest-environment ./tests/browser-environment.js */
import { KernelSource, announce } from "../src/live";
import { encodeScan, type FetchRequest, type Payload, type Scan } from "../src/wire";

const scan: Scan = { samples: [], scanned: 7, next: 11, exhausted: false };
const payload = { classes: [], features: [], models: [] } as unknown as Payload;
const fetchRequest: FetchRequest = {
  ...{ op: "fetch", filter: { classes: ["Cat"], labels: [], prediction: "all" } },
  ...{ start: 4, count: 4, scan: 512 },
};
const never = () => new AbortController().signal;

/** The kernel's end: keeps what was sent, sends on demand. */
class Comm {
  readonly sent: Record<string, unknown>[] = [];
  closed = false;
  receive!: (message: unknown) => unknown;
  closedByKernel!: (message: unknown) => unknown;
  send({ content }: { content: Record<string, unknown> }) {
    this.sent.push(content);
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
  const widget_manager = { kernel: { disposed } };
  const model_id = `model${++made}`;
  const model = new AttriscopeModel({}, { model_id, comm, widget_manager });
  return { model, comm, disposed, model_id };
}

/** At an odd offset, as buffers arrive from a websocket. */
function buffer(bytes: Uint8Array): DataView {
  const padded = new Uint8Array(bytes.length + 3);
  padded.set(bytes, 3);
  return new DataView(padded.buffer, 3);
}

test("a source made before its model becomes live with it, and static without it", async () => {
  const source = new KernelSource(`model${made + 1}`, payload);
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
  const source = new KernelSource(model_id, payload);
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
  const answer = new KernelSource(model_id, payload).fetch(fetchRequest, never());
  comm.reply({ for: comm.sent[0]!.for, op: "error", message: 'class "Cat" does not exist' });
  await expect(answer).rejects.toThrow('class "Cat" does not exist');
});

test("a reply without data is an error", async () => {
  const { comm, model_id } = await liveModel();
  const answer = new KernelSource(model_id, payload).fetch(fetchRequest, never());
  comm.reply({ for: comm.sent[0]!.for, op: "scan" });
  await expect(answer).rejects.toThrow('The kernel\'s reply to "fetch" carries no data');
});

test("an aborted request ends at once and leaves no listener", async () => {
  const { model, comm, model_id } = await liveModel();
  const off = jest.spyOn(model, "off");
  const aborter = new AbortController();
  const answer = new KernelSource(model_id, payload).fetch(fetchRequest, aborter.signal);
  aborter.abort(new Error("changed my mind"));
  await expect(answer).rejects.toThrow("changed my mind");
  expect(off.mock.calls.map(([event]) => event)).toEqual(["msg:custom", "comm_live_update"]);
  await expect(new KernelSource(model_id, payload).fetch(fetchRequest, aborter.signal)).rejects.toThrow(
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
  const source = new KernelSource(kernel.model_id, payload);
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
  const page = new KernelSource(null, payload);
  expect(page.live).toBe(false);
  await expect(page.model(0, never())).rejects.toThrow("only the samples stored here");
  const { model, model_id } = await liveModel();
  const source = new KernelSource(model_id, payload);
  const changed = jest.fn();
  source.addEventListener("change", changed);
  source.dispose();
  model.comm_live = false;
  announce(model);
  expect(changed).not.toHaveBeenCalled();
});
