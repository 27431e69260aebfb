/** The package export `attriscope/engine` in Node and in a page: PyTorch's outputs and Captum's maps, on every backend. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { test } from "node:test";
import * as library from "attriscope/engine";
import { root } from "../../scripts/environment.mjs";
import { launch } from "./harness.mjs";

const fixture = JSON.parse(fs.readFileSync(root("tests/fixtures/data/digits.json"), "utf8"));
const METHODS = [
  ["Saliency", { abs: false }],
  ["Integrated Gradients", { n_steps: 25, method: "gausslegendre" }],
  ["Deep Lift", {}],
  ["Guided Backprop", {}],
];

/**
 * Runs in Node and, as text, in a page: the largest relative differences to the fixture, and what is left behind.
 * @returns {Promise<Record<string, number>>} by what was compared
 */
async function differences({ Model, attribute }, fixture, methods, backend) {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const array = ({ data, shape }) => ({ data: new Float32Array(bytes(data).buffer), shape });
  const arrays = (named) => Object.fromEntries(Object.entries(named).map(([name, value]) => [name, array(value)]));
  const largest = (got, expected) => {
    const scale = Math.max(...expected.data.map(Math.abs));
    return Math.max(...expected.data.map((e, i) => Math.abs(e - got.data[i]))) / scale;
  };
  const model = await Model.load(bytes(fixture.onnx), { backend });
  const inputs = arrays(fixture.inputs);
  const found = { raw: largest((await model.run(inputs)).raw, array(fixture.raw)) };
  for (const [method, given] of methods) {
    const expected = fixture.methods.find(
      (c) => c.method === method && c.baseline !== "random" && JSON.stringify(c.arguments) === JSON.stringify(given),
    );
    // Captum explains one sample at a time in these cases; the batch of one is the same question.
    const [name] = Object.keys(inputs);
    const size = inputs[name].data.length / inputs[name].shape[0];
    const one = { [name]: { data: inputs[name].data.slice(0, size), shape: [1, ...inputs[name].shape.slice(1)] } };
    const { attributions } = await attribute(model, {
      method,
      arguments: given,
      inputs: one,
      target: fixture.target[0],
    });
    const map = array(expected.attributions[name]);
    found[method] = largest(attributions[name], { data: map.data.slice(0, size), shape: one[name].shape });
  }
  const { layers } = model;
  model.dispose();
  return { ...found, layers: layers.length };
}

function check({ layers, ...found }, limit) {
  assert.equal(Object.keys(found).length, 1 + METHODS.length);
  for (const [what, difference] of Object.entries(found)) assert.ok(difference <= limit, `${what}: ${difference}`);
  assert.ok(layers > 3, `${layers} layers`);
}

for (const backend of ["cpu", "wasm"]) {
  test(`Node, ${backend}`, async () => check(await differences(library, fixture, METHODS, backend), 1e-4));
}

/** The README's example in a language, word by word. */
function example(language) {
  const readme = fs.readFileSync(root("README.md"), "utf8");
  const section = readme.slice(readme.indexOf("## The engine alone"));
  return section.match(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``))[1];
}

/** A model of such images. */
const vit = fs.readFileSync(root("tests/fixtures/data/zoo/mha_vit.onnx"));

test("the README's example for Node", async () => {
  const folder = root("build/example");
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "example.mjs"), example("js"));
  fs.writeFileSync(path.join(folder, "model.onnx"), vit);
  const { stdout } = await promisify(execFile)("node", ["example.mjs"], { cwd: folder });
  assert.match(stdout, /'Integrated Gradients'/);
  assert.match(stdout, /\[ 1, 3, 32, 32 \]\s*$/);
});

test("the README's example for a page", async () => {
  const page = await (await launch()).newPage();
  const bodies = {
    "/": ["text/html", example("html")],
    "/engine.mjs": ["text/javascript", fs.readFileSync(root("build/engine.mjs"))],
    "/model.onnx": ["application/octet-stream", vit],
  };
  await page.route("http://engine.test/**", (route) => {
    const [contentType, body] = bodies[new URL(route.request().url()).pathname] ?? [];
    return body ? route.fulfill({ contentType, body }) : route.fulfill({ status: 404 });
  });
  const logged = page.waitForEvent("console", (message) => message.type() === "log");
  await page.goto("http://engine.test/");
  const [map, delta] = await Promise.all(
    (await logged).args().map((arg) => arg.evaluate((value) => Array.from(value))),
  );
  assert.equal(map.length, 3 * 32 * 32);
  assert.ok(map.some((value) => value !== 0));
  assert.equal(delta.length, 1);
  assert.deepEqual(page.problems, []);
});

test("a page: WASM, WebGL in software, CPU", async (t) => {
  const page = await (await launch()).newPage();
  const files = { "/engine.mjs": fs.readFileSync(root("build/engine.mjs"), "utf8"), "/": "<!doctype html>" };
  await page.route("http://engine.test/**", (route) => {
    const name = new URL(route.request().url()).pathname;
    const contentType = name === "/" ? "text/html" : "text/javascript";
    return route.fulfill({ contentType, body: files[name] });
  });
  await page.goto("http://engine.test/");
  const inPage = ([body, fixture, methods, backend]) =>
    import("/engine.mjs").then((library) => new Function(`return ${body}`)()(library, fixture, methods, backend));
  for (const [backend, limit] of [
    ["wasm", 1e-4],
    ["webgl", 1e-3],
    ["cpu", 1e-4],
  ]) {
    await t.test(backend, async () =>
      check(await page.evaluate(inPage, [differences.toString(), fixture, METHODS, backend]), limit),
    );
  }
  assert.deepEqual(page.problems, []);
});
