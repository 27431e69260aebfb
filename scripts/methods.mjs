/** Writes down for Python what the explorer's methods are called, and their arguments. */
import fs from "node:fs";
import { METHODS } from "../build/engine.mjs";
import { root } from "./environment.mjs";

const methods = Object.fromEntries(METHODS.map(({ name, params }) => [name, params.map((param) => param.name)]));
fs.writeFileSync(root("attriscope/static/methods.json"), `${JSON.stringify(methods, null, 1)}\n`);
