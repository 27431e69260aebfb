/** tfjs, lit, msgpack and friends ship ES modules, which jest runs as CommonJS. */
const esm = [
  "lit",
  "lit-html",
  "lit-element",
  "@lit",
  "@jupyter-widgets",
  "@jupyterlab",
  "@jupyter",
  "@lumino",
  "lib0",
  "nanoid",
  "yjs",
  "y-protocols",
  "d3-scale-chromatic",
  "d3-interpolate",
  "d3-color",
  "@tensorflow",
  "@msgpack",
  "comlink",
];
module.exports = {
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/attriscope/", "<rootDir>/lib/", "<rootDir>/build/"],
  transform: { "\\.(ts|js|mjs)$": ["ts-jest", { tsconfig: "tests/tsconfig.json", diagnostics: false }] },
  transformIgnorePatterns: [`/node_modules/(?!(${esm.join("|")})/)`],
  moduleNameMapper: { "\\.(css|wasm)$": "<rootDir>/tests/stub.js" },
};
