/** @jest-environment node */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

const SRC = path.join(__dirname, "../src");

/**
 * Which layers a layer may import; a layer is a folder of `src` or a file outside of folders. The page's side never takes
 * a value from the worker's side: what it needs to know of it are types.
 */
const LAYERS: Record<string, { values: string[]; types?: string[] }> = {
  plugin: { values: ["version", "widget"] },
  mime: { values: ["version", "display"] },
  page: { values: ["display"] },
  index: { values: ["version", "widget"] },
  widget: { values: ["display", "live", "version"], types: ["wire"] },
  display: { values: ["elements", "link", "sessions", "wire"], types: ["live"] },
  sessions: { values: ["choice", "link", "listing", "live", "session", "version"], types: ["wire"] },
  link: { values: ["live", "shown"], types: ["state"] },
  shown: { values: [], types: ["state", "wire"] },
  live: { values: ["wire"], types: ["choice", "methods", "seams"] },
  elements: {
    values: ["derived", "figure", "format", "items", "state", "styles", "version"],
    types: ["methods", "backend", "wire"],
  },
  figure: { values: ["derived", "format", "items", "styles"], types: ["choice", "methods", "state", "wire"] },
  derived: { values: ["format", "items", "styles"], types: ["state"] },
  items: { values: ["styles"], types: ["state", "wire"] },
  format: { values: [] },
  session: {
    values: [
      "choice",
      "client",
      "explanations",
      "items",
      "listing",
      "notices",
      "samples",
      "seams",
      "state",
      "trials",
      "wire",
    ],
    types: ["backend", "methods"],
  },
  explanations: { values: ["notices", "samples", "seams"], types: ["engine", "methods", "state", "wire", "worker"] },
  listing: { values: ["choice", "samples", "state"], types: ["wire"] },
  trials: { values: ["items", "pixels"], types: ["choice", "state", "wire"] },
  notices: { values: ["seams", "state"], types: ["wire"] },
  samples: { values: ["items", "ranks", "styles"], types: ["engine", "state", "wire", "worker"] },
  state: { values: [], types: ["backend", "choice", "methods", "wire"] },
  choice: { values: [], types: ["methods", "wire"] },
  client: { values: ["seams", "version"], types: ["worker"] },
  seams: { values: [], types: ["backend", "engine", "methods", "metrics", "wire", "worker"] },
  worker: { values: ["metrics", "methods", "engine", "seams", "support", "backend", "graph"] },
  library: { values: ["metrics", "methods", "engine", "fold", "support", "backend", "onnx", "graph"] },
  metrics: { values: ["methods", "engine", "pixels", "random", "ranks", "support", "graph"] },
  methods: { values: ["engine", "program", "random", "support", "ops", "graph"], types: ["patches"] },
  engine: { values: ["backend", "fold", "fuse", "patches", "program", "support", "weights", "ops", "onnx", "graph"] },
  random: { values: [] },
  ranks: { values: [] },
  pixels: { values: [] },
  patches: { values: ["ops", "graph"], types: ["program"] },
  program: { values: ["layout", "support", "weights", "ops", "graph"] },
  weights: { values: ["graph"] },
  support: { values: ["ops", "graph"] },
  fold: { values: ["ops", "graph"] },
  fuse: { values: ["graph"] },
  backend: { values: [] },
  layout: { values: ["graph", "ops", "support"] },
  ops: { values: ["graph"] },
  onnx: { values: ["graph", "proto"] },
  proto: { values: [] },
  graph: { values: [] },
  styles: { values: [] },
  wire: { values: [] },
  version: { values: [] },
  assets: { values: [] },
};

/** Which layers know a package, or a file outside of `src`. */
const PACKAGES: [RegExp, string[]][] = [
  [/^@tensorflow\/tfjs-/, ["backend", "ops", "weights", "program", "patches", "engine", "methods", "metrics"]],
  [/^lit($|\/)/, ["elements"]],
  [/^comlink$/, ["worker", "client"]],
  [/^@jupyter-widgets\/base$/, ["plugin", "widget"]],
  [/^@jupyterlab\/|^@lumino\//, ["plugin", "mime"]],
  [/^@msgpack\/msgpack$/, ["wire"]],
  [/^@bufbuild\/protobuf/, ["onnx", "proto"]],
  [/^d3-/, ["styles"]],
  [/^\.\.\/build\/worker\.js\?raw$/, ["client"]],
  [/^\.\.\/css\//, ["display"]],
];

interface Import {
  /** As written. */
  specifier: string;
  typeOnly: boolean;
}

/** All imports and re-exports of a source, dynamic ones included. */
function importsOf(source: string): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const clause = node.importClause;
      const named =
        clause?.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : [];
      const onlyTypes = !clause?.name && named.length > 0 && named.every((element) => element.isTypeOnly);
      found.push({ specifier: node.moduleSpecifier.text, typeOnly: Boolean(clause?.isTypeOnly) || onlyTypes });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) found.push({ specifier: argument.text, typeOnly: false });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      found.push({ specifier: (node.argument.literal as ts.StringLiteral).text, typeOnly: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("source.ts", source, ts.ScriptTarget.Latest));
  return found;
}

/** The file of `src` that a relative import means, without extension; undefined where it leaves `src`. */
function resolved(from: string, specifier: string): string | undefined {
  const target = path.posix.join(path.posix.dirname(from), specifier);
  return specifier.startsWith(".") && !target.startsWith("..") && !specifier.includes("?") ? target : undefined;
}

const layerOf = (file: string) => file.split("/")[0]!.replace(/(\.d)?\.ts$/, "");

/** @param file below `src`, with slashes */
function violations(file: string, source: string): string[] {
  const layer = layerOf(file);
  const rule = LAYERS[layer];
  if (!rule) return [`${file}: layer "${layer}" is not in this test's table`];
  return importsOf(source).flatMap(({ specifier, typeOnly }) => {
    const target = resolved(file, specifier);
    if (target !== undefined) {
      const to = layerOf(target);
      const allowed = to === layer || rule.values.includes(to) || (typeOnly && rule.types?.includes(to));
      return allowed ? [] : [`${file}: imports ${typeOnly ? "types" : "values"} of "${to}"`];
    }
    const users = PACKAGES.find(([pattern]) => pattern.test(specifier))?.[1];
    if (!users) return [`${file}: package "${specifier}" is not in this test's table`];
    return users.includes(layer) ? [] : [`${file}: imports "${specifier}", which belongs to ${users.join(", ")}`];
  });
}

function sources(): Map<string, string> {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return new Map(files.map((file) => [file.split(path.sep).join("/"), readFileSync(path.join(SRC, file), "utf8")]));
}

test("imports point down the layers only", () => {
  expect([...sources()].flatMap(([file, source]) => violations(file, source))).toEqual([]);
});

test("no file imports itself through others", () => {
  const files = sources();
  const file = (name: string) => [`${name}.ts`, `${name}/index.ts`].find((candidate) => files.has(candidate));
  const edges = new Map(
    [...files].map(([from, source]) => {
      const targets = importsOf(source).filter(({ typeOnly }) => !typeOnly);
      return [
        from,
        targets.map(({ specifier }) => file(resolved(from, specifier) ?? "")).filter((to) => to !== undefined),
      ];
    }),
  );
  const cycles: string[] = [];
  const walk = (node: string, trail: string[]): void => {
    if (trail.includes(node)) {
      cycles.push([...trail.slice(trail.indexOf(node)), node].join(" -> "));
    } else if (!finished.has(node)) {
      edges.get(node)!.forEach((next) => walk(next, [...trail, node]));
      finished.add(node);
    }
  };
  const finished = new Set<string>();
  [...edges.keys()].forEach((node) => walk(node, []));
  expect(cycles).toEqual([]);
});

test.each([
  ["elements/card.ts", 'import { Model } from "../engine";', /values of "engine"/],
  ["elements/card.ts", 'import type { Model } from "../engine";', /types of "engine"/],
  ["elements/card.ts", 'import { zeros } from "@tensorflow/tfjs-core";', /which belongs to/],
  ["session.ts", 'const { KernelSource } = await import("./live");', /values of "live"/],
  ["wire.ts", 'export { MAX_DIFFERENCE } from "./state";', /values of "state"/],
  ["wire.ts", 'import lodash from "lodash";', /not in this test's table/],
  ["utils.ts", "", /layer "utils"/],
])("%s with %s is refused", (file, source, problem) => {
  expect(violations(file, source)).toEqual([expect.stringMatching(problem)]);
});

test.each([
  ["elements/card.ts", 'import type { MethodInfo } from "../methods/method";'],
  ["elements/card.ts", 'import { type MethodInfo, type ParamSpec } from "../methods/method";'],
  ["client.ts", 'import worker from "../build/worker.js?raw";'],
])("%s with %s is allowed", (file, source) => {
  expect(violations(file, source)).toEqual([]);
});
