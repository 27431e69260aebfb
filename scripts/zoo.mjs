/**
 * `npm run zoo [name ...]`: whole models, outputs and gradients on WASM against torch's. Exports what is missing in
 * build/zoo (1.9 GB for all), runs tests/zoo on it and prints a table. Needs 16 GB of memory.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { prepare, root, run, venv } from "./environment.mjs";

const folder = root("build/zoo");
const rows = root("build/reports/zoo");

await prepare();
const all = JSON.parse(execFileSync(venv("python"), [root("tests/fixtures/zoo.py"), "list"], { encoding: "utf8" }));
const names = all.map(({ name }) => name).filter((name) => !name.endsWith("_64"));
const unknown = process.argv.slice(2).filter((name) => !names.includes(name));
if (unknown.length) throw new Error(`the zoo has no ${unknown.join(", ")}; it has ${names.join(", ")}`);
const wanted = process.argv.length > 2 ? process.argv.slice(2) : names;

const made = await run(venv("python"), ["tests/fixtures/zoo.py", "make", folder, ...wanted]);
const there = wanted.filter((name) => fs.existsSync(`${folder}/${name}.stamp`));
if (!there.length) throw new Error("no model could be exported; the reasons are above");
fs.mkdirSync(root("build/reports"), { recursive: true });
fs.rmSync(rows, { force: true });
const code = await run("node", ["node_modules/jest/bin/jest.js", "tests/zoo", "--silent"], {
  env: { ...process.env, ZOO: folder, ZOO_NAMES: there.join(), ZOO_TABLE: rows },
});

const small = (number) => number.toExponential(1);
console.log("\nLargest difference from torch, relative to the largest value; times of the first run.\n");
console.table(
  Object.fromEntries(
    fs
      .readFileSync(rows, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map(({ name, nodes, raw, gradient, load, forward, backward }) => [
        name,
        {
          nodes,
          output: small(raw),
          gradient: small(gradient),
          "load ms": load,
          "forward ms": forward,
          "gradient ms": backward,
        },
      ]),
  ),
);
process.exitCode = made || code;
