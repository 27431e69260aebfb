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

jest.mock("../src/session", () => ({ Session: jest.fn(() => ({ dispose: jest.fn() })) }));
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

function makeRenderer() {
  const renderer = createRenderer({} as IRenderMime.IRendererOptions);
  const render = async (announcement: object | null, html?: string | string[]): Promise<AttriscopeExplorer> => {
    const data = { [mimeTypes[0]!]: announcement, "text/html": html };
    await renderer.renderModel({ data } as unknown as IRenderMime.IMimeModel);
    expect(renderer.node.children).toHaveLength(1);
    return renderer.node.firstElementChild as AttriscopeExplorer;
  };
  return { renderer, render };
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
