/** Stands for files that only the bundlers read: style sheets, and the WASM binary, which tfjs finds by itself in Node. */
module.exports = { __esModule: true, default: null };
