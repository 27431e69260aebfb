/** @jest-environment ./tests/browser-environment.js */
import { readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { IRenderMime } from "@jupyterlab/rendermime-interfaces";
import type { AttriscopeExplorer } from "../src/elements/explorer";
import type { KernelSource } from "../src/live";
import extension from "../src/mime";
import { Session } from "../src/session";
import { encodePayload, type Payload } from "../src/wire";

jest.mock("../src/session", () => ({
  Session: jest.fn(() =>
    Object.assign(new EventTarget(), { state: { phase: { name: "preparing" }, choice: {} }, dispose: jest.fn() }),
  ),
}));
jest.mock("../src/elements/explorer", () => ({ TAG: "x-explorer", define: jest.fn() }));

const { createRenderer, mimeTypes, safe, defaultRank } = extension.rendererFactory as IRenderMime.IRendererFactory;
const sessions = () => jest.mocked(Session).mock;

const payload: Payload = {
  ...{
    protocol: 1,
    version: "0.1.0",
    classes: ["Cat", "Dog"],
    features: [],
    models: [],
    use_label_for_attr: true,
    show: 4,
    choice: {},
  },
  scan: { samples: [], scanned: 0, next: 0, exhausted: true },
};

/** As `html.escape(page, quote=True)` leaves it in an iframe's `srcdoc`. */
const htmlOf = (bytes: Uint8Array) =>
  `<iframe srcdoc="&lt;script type=&quot;application/octet-stream&quot; id=&quot;payload&quot;&gt;` +
  `${Buffer.from(bytes).toString("base64")}&lt;/script&gt;"></iframe><p>fallback</p>`;
const html = htmlOf(gzipSync(encodePayload(payload)));

const MIME = mimeTypes[0];

function makeRenderer(metadata: object = {}) {
  const renderer = createRenderer({} as IRenderMime.IRendererOptions);
  const setData = jest.fn();
  const render = async (announcement: object | null, html?: string | string[]): Promise<AttriscopeExplorer> => {
    const data = { [MIME]: announcement, "text/html": html };
    await renderer.renderModel({ data, metadata, setData } as unknown as IRenderMime.IMimeModel);
    expect(renderer.node.children).toHaveLength(1);
    return renderer.node.firstElementChild as AttriscopeExplorer;
  };
  return { renderer, render, setData };
}

beforeEach(() => jest.mocked(Session).mockClear());

test("wins over text/html, in untrusted notebooks too", () => {
  expect({ mimeTypes, safe, defaultRank }).toEqual({
    ...{ mimeTypes: ["application/vnd.attriscope.v1+json"], safe: true, defaultRank: 10 },
  });
});

test("is no part of the start: explorer, session and codec are loaded with the first output", () => {
  const source = readFileSync(path.join(__dirname, "../src/mime.ts"), "utf8");
  const statically = [...source.matchAll(/^import (?!type\b).* from "(.*)"/gm)].map(([, from]) => from);
  expect(statically).toEqual(["@lumino/widgets", "./version"]);
});

test.each([
  ["one string", html],
  ["a list of lines, as in the file", html.split(/(?<=;)/)],
])("draws the payload out of text/html that is %s", async (_name, html) => {
  const { render } = makeRenderer();
  const explorer = await render({ state: "ready", model_id: "m", version: 1 }, html);
  expect(sessions().calls[0]![0]).toEqual(payload);
  expect((sessions().calls[0]![1] as KernelSource).live).toBe(false);
  expect(explorer.store).toBe(sessions().results[0]!.value);
  expect(explorer).toMatchObject({ stage: null, stopped: null });
});

test("shows the frame at once, and the payload when the kernel has it", async () => {
  const { render } = makeRenderer();
  const explorer = await render({ state: "preparing", stage: "Exporting the model" });
  expect(explorer).toMatchObject({ store: null, stage: "Exporting the model", stopped: null });
  await render({ state: "ready" }, html);
  expect(explorer.stage).toBeNull();
  expect(explorer.store).not.toBeNull();
});

test("an update ends the session that it replaces, and so does the end of the output", async () => {
  const { renderer, render } = makeRenderer();
  await render({ state: "ready" }, html);
  const [first] = sessions().results.map(({ value }) => value);
  await render({ state: "ready" }, html);
  const second = sessions().results[1]!.value;
  expect([first.dispose, second.dispose].map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
  renderer.dispose();
  expect(second.dispose).toHaveBeenCalledTimes(1);
});

test("two outputs with one key show one session, and the same payload again changes nothing", async () => {
  const known = { state: "ready", model_id: "m", payload: "p" };
  const [one, other] = [makeRenderer(), makeRenderer()];
  const explorer = await one.render(known, html);
  const second = await other.render(known, html);
  expect(second.store).toBe(explorer.store);
  await one.render(known, html);
  expect(sessions().calls).toHaveLength(1);
  await one.render({ ...known, payload: "q" }, html);
  expect(sessions().calls).toHaveLength(2);
  expect(explorer.store).not.toBe(second.store);
});

test("what is chosen is saved with the output, once it differs, and comes back with it", async () => {
  const saved = { [MIME]: { choice: { method: "LRP" } }, other: 1 };
  const { renderer, render, setData } = makeRenderer(saved);
  await render({ state: "ready", model_id: "saved", payload: "p" }, html);
  expect(sessions().calls[0]![2]).toMatchObject({ choice: { method: "LRP" } });
  const session = sessions().results[0].value as EventTarget & { state: { choice: object } };
  jest.useFakeTimers();
  const choose = (choice: object) => {
    session.state = { ...session.state, choice };
    session.dispatchEvent(new Event("change"));
  };
  choose({});
  jest.advanceTimersByTime(1000);
  expect(setData).not.toHaveBeenCalled();
  for (let clip = 0; clip < 5; clip++) choose({ clip });
  jest.advanceTimersByTime(1000);
  expect(setData.mock.calls).toEqual([[{ metadata: { [MIME]: { choice: { clip: 4 } }, other: 1 } }]]);
  Object.assign(saved, { [MIME]: { choice: { clip: 5 } } });
  choose({ clip: 5 });
  jest.advanceTimersByTime(1000);
  expect(setData).toHaveBeenCalledTimes(1);
  choose({ clip: 6 });
  renderer.dispose();
  jest.advanceTimersByTime(1000);
  expect(setData).toHaveBeenCalledTimes(1);
  jest.useRealTimers();
});

test("of two updates the last one stays", async () => {
  const { render } = makeRenderer();
  const [explorer] = await Promise.all([
    render({ state: "ready" }, html),
    render({ state: "stopped", message: "over" }),
  ]);
  expect(sessions().calls).toHaveLength(0);
  expect(explorer).toMatchObject({ store: null, stopped: { title: "The explorer could not be made", text: "over" } });
});

test.each<[string, object | null, string | undefined, RegExp]>([
  ["no html", { state: "ready" }, undefined, /carries no payload/],
  ["html that was rewritten", { state: "ready" }, "<p>fallback</p>", /carries no payload/],
  ["html that was cut", { state: "ready" }, html.slice(0, 200), /carries no payload/],
  ["what is no base64", { state: "ready" }, html.replace("H4sI", "H#sI"), /payload is damaged/],
  ["what is no gzip", { state: "ready" }, htmlOf(encodePayload(payload)), /payload is damaged/],
  ["what is no payload", { state: "ready" }, htmlOf(gzipSync(new Uint8Array([0xc1]))), /no MessagePack/],
  [
    "a payload of another protocol",
    null,
    htmlOf(gzipSync(encodePayload({ ...payload, protocol: 2 as 1 }))),
    /protocol/,
  ],
])("%s is told, not thrown", async (_name, announcement, html, text) => {
  const { render } = makeRenderer();
  const explorer = await render(announcement, html);
  expect(explorer.stopped).toEqual({ title: "This output cannot be read", text: expect.stringMatching(text) });
  expect(explorer.store).toBeNull();
});
