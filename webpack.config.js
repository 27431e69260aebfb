/**
 * The bundles, in the order in which they need each other: the worker (one classic script, taken in as text by the page
 * and the labextension), the page's app, and the engine as a library. `--config-name gallery` serves
 * the elements' gallery.
 */
const path = require("path");
const MinimizerPlugin = require("minimizer-webpack-plugin");
const webpack = require("webpack");
const { ThirdPartyLicenses } = require("./scripts/third-party-licenses");

const root = (...parts) => path.join(__dirname, ...parts);

const base = {
  devtool: false,
  resolve: {
    extensions: [".ts", ".js"],
    // tfjs asks for these in Node only, and for `util` of what is global in every Node that we support.
    alias: { util: root("scripts/util-of-globals.mjs") },
    fallback: { fs: false, os: false, path: false, worker_threads: false, perf_hooks: false, crypto: false },
  },
  module: {
    rules: [
      { test: /\.ts$/, loader: "ts-loader", options: { transpileOnly: true } },
      { test: /\.css$/, use: ["style-loader", "css-loader"] },
      { test: /\.wasm$/, type: "asset/inline" },
      { resourceQuery: /raw/, type: "asset/source" },
    ],
  },
  plugins: [new webpack.optimize.LimitChunkCountPlugin({ maxChunks: 1 })],
  optimization: { minimizer: [new MinimizerPlugin({ extractComments: false })] },
  performance: { hints: false },
  stats: "minimal",
};

const licenses = new ThirdPartyLicenses(root("attriscope/static/THIRD_PARTY_LICENSES.txt"));

const worker = {
  ...base,
  name: "worker",
  target: "webworker",
  entry: root("src/worker.ts"),
  output: { path: root("build"), filename: "worker.js", publicPath: "" },
  plugins: [...base.plugins, licenses],
};

const page = {
  ...base,
  name: "page",
  dependencies: ["worker"],
  entry: root("src/page.ts"),
  output: { path: root("attriscope/static"), filename: "page.js", publicPath: "" },
  plugins: [...base.plugins, licenses],
};

const engine = {
  ...base,
  name: "engine",
  target: ["web", "es2022"],
  entry: root("src/library.ts"),
  experiments: { outputModule: true },
  output: { path: root("build"), filename: "engine.mjs", library: { type: "module" }, module: true, publicPath: "" },
};

const gallery = {
  ...base,
  name: "gallery",
  devtool: "eval-source-map",
  entry: root("tests/gallery/gallery.ts"),
  output: { filename: "gallery.js", publicPath: "/" },
  devServer: { static: root("tests/gallery"), hot: true },
};

/** What the browser tests run of the engine's own tests. */
const tests = {
  ...base,
  name: "tests",
  entry: root("tests/browser/engine.ts"),
  output: { path: root("build"), filename: "engine-tests.js" },
};

module.exports = (_env, { configName }) =>
  configName ? [gallery, tests].filter(({ name }) => configName.includes(name)) : [worker, page, engine];
