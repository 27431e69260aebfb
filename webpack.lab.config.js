/** Merged into jupyter-builder's configuration: the labextension takes in the worker's text. */
module.exports = {
  performance: { hints: false },
  module: { rules: [{ resourceQuery: /raw/, type: "asset/source" }] },
};
