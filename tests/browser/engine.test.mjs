/**
 * The engine in a page. On WebGL, with Chromium's software renderer: every operator and whole models, as far as in Node on
 * WASM. On both: what many attributions leave behind.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { must, root } from "../../scripts/environment.mjs";
import { launch } from "./harness.mjs";

const WEBGL_TOLERANCE = 1e-3;
const MODELS = [
  ...["unet_transpose", "unet_bilinear", "context_net", "cnn3d", "signal1d", "text_cnn", "bilstm", "bigru", "mha_vit"],
  ...["transformer_encoder", "mlp_batch_norm", "tabular_embeddings", "image_text", "mobilenet_like", "adaptive_resnet"],
];

const webpack = "node_modules/webpack/bin/webpack.js";
await must("node", [webpack, "--mode=development", "--config-name", "tests"], { stdio: "ignore" });
const page = await (await launch()).newPage();
page.setDefaultTimeout(0);
const files = { "/": "<!doctype html>", "/tests.js": fs.readFileSync(root("build/engine-tests.js")) };
await page.route("http://engine.test/**", (route) => {
  const { pathname } = new URL(route.request().url());
  if (!(pathname in files)) return route.fulfill({ path: root("tests/fixtures", path.normalize(pathname)) });
  return route.fulfill({ contentType: pathname === "/" ? "text/html" : "text/javascript", body: files[pathname] });
});
await page.goto("http://engine.test/");
await page.addScriptTag({ url: "/tests.js" });

test("WebGL: every operator", async () => {
  const { count, complaints } = await page.evaluate((t) => window.tests.operators("webgl", t), WEBGL_TOLERANCE);
  assert.ok(count > 1000, `${count} cases`);
  assert.deepEqual(complaints, []);
});

test("WebGL: whole models", async (t) => {
  for (const name of MODELS) {
    await t.test(name, async () => {
      const { raw, gradient, left } = await page.evaluate((n) => window.tests.zoo(n, "webgl"), name);
      assert.ok(raw < WEBGL_TOLERANCE, `output: ${raw}`);
      assert.ok(gradient < WEBGL_TOLERANCE, `gradient: ${gradient}`);
      assert.equal(left, 0);
    });
  }
});

for (const [backend, model] of [
  ["wasm", "mha_vit"],
  ["webgl", "mlp_batch_norm"],
]) {
  test(`${backend}: a thousand attributions leave memory flat, and dispose() leaves none`, async () => {
    const { before, after, left } = await page.evaluate(([m, b]) => window.tests.memory(m, b, 1000), [model, backend]);
    assert.deepEqual(after, before);
    assert.equal(left.tensors, 0);
    assert.equal(left.bytes, 0);
  });
}

test("no uncaught error", () => assert.deepEqual(page.problems, []));
