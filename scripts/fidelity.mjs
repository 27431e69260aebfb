/**
 * `npm run fidelity [name ...]`: every method that Captum has, on whole models, ours on WASM against Captum's. Records what
 * is missing in build/fidelity, runs tests/fidelity on it and writes bench/FIDELITY.md (with names: prints the table).
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { format } from "prettier";
import { prepare, root, run, venv } from "./environment.mjs";

const TOLERANCE = 1e-4;
/** Ours may differ by so many times what rounding moves Captum's own answer by, of which sixteen draws are seen. */
const NEAR = 4;
const folder = root("build/fidelity");
const rowsFile = root("build/reports/fidelity");

const ROUNDING =
  "In brackets: how far Captum's own answer moves when every layer's values, or all weights, are moved by about one rounding of float32.";

/** Why rounding moves an answer of Captum's that far, by method; the first that fits. */
const SENSITIVE = [
  [/^LRP/, "divides by sums that nearly cancel"],
  [/^Deep Lift/, "divides by differences that are nearly zero"],
  [/vargrad/, "subtracts squares that are nearly the same, or one of its points lies by a kink"],
  [/^(Noise|Gradient|Integrated)/, "looks at points, one of which lies by the kink of a ReLU or the tie of a maximum: one path more or less"],
  [/./, "subtracts outputs that are far larger than what is left"],
]; // prettier-ignore

await prepare();
const made = await run(venv("python"), ["tests/fixtures/fidelity.py", "record", folder, ...process.argv.slice(2)]);
if (made) throw new Error("not recorded; the reason is above");
const every = JSON.parse(
  execFileSync(venv("python"), [root("tests/fixtures/fidelity.py"), "list"], { encoding: "utf8" }),
);
const names = every.filter((name) => process.argv.length < 3 || process.argv.includes(name));
fs.mkdirSync(root("build/reports"), { recursive: true });
fs.rmSync(rowsFile, { force: true });
const ran = await run("node", ["node_modules/jest/bin/jest.js", "tests/fidelity", "--silent"], {
  env: { ...process.env, FIDELITY: folder, FIDELITY_NAMES: names.join(), FIDELITY_ROWS: rowsFile },
});

const rows = fs.readFileSync(rowsFile, "utf8").trim().split("\n").map((line) => JSON.parse(line)); // prettier-ignore
for (const name of names) {
  const off = rows.filter((row) => row.model === name && row.difference > TOLERANCE);
  if (!off.length) continue;
  console.log(`${name}: how far does rounding move Captum's ${off.map(({ label }) => label).join("; ")}?`);
  const script = [root("tests/fixtures/fidelity.py"), "rounding", name, ...off.map(({ label }) => label)];
  const found = JSON.parse(execFileSync(venv("python"), script, { encoding: "utf8" }));
  for (const row of off) row.rounding = found[row.label];
}
const footnotes = [];
const unexplained = [];

const small = (number) => (number === 0 ? "0" : number.toExponential(0));
function footnote(text) {
  if (!footnotes.includes(text)) footnotes.push(text);
  return `[^${footnotes.indexOf(text) + 1}]`;
}

/** The first sentence, on one line. */
const brief = (text) => text.replace(/\s+/g, " ").split(/(?<=[^.][.!]) /)[0].slice(0, 220); // prettier-ignore

function cell(row, label) {
  if (!row) return `–${footnote("No module of the model gives an image [N, C, H, W].")}`;
  const problem = (text) => {
    unexplained.push(`${row.title}, ${label}: ${text}`);
    return `**${text}**`;
  };
  const { raises, whyNot, missing, error, difference, rounding, zero } = row;
  if (missing) return problem("missing");
  if (whyNot) return `–${footnote(`Not offered for this model: ${whyNot}.`)}`;
  if (error && !raises) return problem(error);
  if (raises) return `–${footnote(`Captum refuses: “${brief(raises)}” ${error ? "So does ours." : "Ours gives a map."}`)}`; // prettier-ignore
  if (difference <= TOLERANCE) return `${small(difference)}${zero ? footnote("Captum's map is zero everywhere.") : ""}`;
  if (difference <= NEAR * rounding)
    return `${small(difference)} (${small(rounding)})${footnote(`${ROUNDING} The method ${SENSITIVE.find(([methods]) => methods.test(label))[1]}.`)}`;
  return problem(`${small(difference)} (${small(rounding)})`);
}

const models = [...new Set(rows.map(({ title }) => title))];
const labels = [...new Set(rows.map(({ label }) => label))];
const versions = JSON.parse(fs.readFileSync(`${folder}/${names[0]}.json`, "utf8")).versions;
const { version: tfjs } = JSON.parse(fs.readFileSync(root("node_modules/@tensorflow/tfjs-core/package.json"), "utf8"));
const table = [
  ["", ...models],
  models.map(() => "---").concat("---"),
  ...labels.map((label) => [
    label,
    ...models.map((title) =>
      cell(
        rows.find((row) => row.title === title && row.label === label),
        label,
      ),
    ),
  ]),
];
const text = await format(
  `# Fidelity: ours against Captum's

\`npm run fidelity\`. Largest difference of a map from Captum's, relative to the map's maximum, on the WASM backend; two
samples a model, seeds set. ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}, tfjs ${tfjs}, Node ${process.versions.node}.

${table.map((line) => `| ${line.join(" | ")} |`).join("\n")}

${footnotes.map((note, i) => `[^${i + 1}]: ${note}`).join("\n")}
`,
  { parser: "markdown", printWidth: 120 },
);
console.log(text);
if (process.argv.length < 3) fs.writeFileSync(root("bench/FIDELITY.md"), text);
if (unexplained.length) console.log(`Not explained:\n${unexplained.join("\n")}`);
process.exitCode = ran || (unexplained.length ? 1 : 0);
