/** Values, calls and imports as Python writes them. */
import type { ArgumentValue, ParamSpec } from "../methods/method";

/** A value as Python writes it; lists become the tuples that Captum asks for. */
export function python(value: ArgumentValue | undefined, kind?: ParamSpec["kind"]): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return kind === "float" && Number.isInteger(value) ? `${value}.0` : String(value);
  if (typeof value === "string") return quoted(value);
  return tuple(value.map((entry) => python(entry)));
}

/** JSON's escapes are Python's as well, and none of them ends a line. */
export const quoted = (text: string): string => JSON.stringify(text);

export const tuple = (entries: readonly string[]): string =>
  `(${entries.join(", ")}${entries.length === 1 ? "," : ""})`;

export const list = (entries: readonly (string | number)[]): string => `[${entries.join(", ")}]`;

/** A module by its path: `model.features[3]`. */
export function moduleAt(path: string): string {
  const steps = path.split(".");
  if (!steps.every((step) => /^([A-Za-z_]\w*|\d+)$/.test(step))) return `model.get_submodule(${quoted(path)})`;
  return steps.reduce((whole, step) => (/^\d/.test(step) ? `${whole}[${step}]` : `${whole}.${step}`), "model");
}

/** Most characters of a line that is not broken. */
const LINE = 100;

/** Whole modules first; those of Captum last. */
export function importing(names: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const whole = Array.from(names, ([module, { size }]) => (size === 0 ? `import ${module}` : "")).filter(Boolean);
  const parts = [...names].filter(([, { size }]) => size > 0);
  const captum = (module: string): number => Number(module.startsWith("captum"));
  parts.sort(([a], [b]) => captum(a) - captum(b) || (a < b ? -1 : 1));
  const from = ([module, some]: (typeof parts)[number]): string[] => {
    const sorted = [...some].sort();
    const line = `from ${module} import ${sorted.join(", ")}`;
    return line.length <= LINE ? [line] : called(`from ${module} import `, sorted);
  };
  return [...whole.sort(), ...parts.flatMap(from)];
}

export const indented = (lines: readonly string[]): string[] => lines.map((line) => `    ${line}`);

/** A call with one argument a line. */
export const called = (name: string, given: readonly string[]): string[] => [
  `${name}(`,
  ...indented(given.map((argument) => `${argument},`)),
  ")",
];
