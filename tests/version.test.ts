/** @jest-environment node */
import { readFileSync } from "node:fs";
import path from "node:path";
import { NAME, VERSION } from "../src/version";

const read = (file: string) => readFileSync(path.join(__dirname, "..", file), "utf8");

test("the front end and package.json have one name and one version", () => {
  const { name, version } = JSON.parse(read("package.json"));
  expect({ NAME, VERSION }).toEqual({ NAME: name, VERSION: version });
});

test("the Python package has the same version", () => {
  expect(read("attriscope/_version.py")).toContain(`__version__ = "${VERSION}"`);
});
