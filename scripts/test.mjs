/** `npm test`: every check and test, stage by stage; the last line counts them. `--no-browser` leaves the browser out. */
import fs from "node:fs";
import { env, findChromium, must, prepare, root, run, venv } from "./environment.mjs";

const reports = "build/reports";
const node = (tool) => ["node", `node_modules/${tool}`];

/** Linters and type checks: each counts as one test. */
const checks = {
  "types of src": [...node("typescript/bin/tsc"), "--noEmit"],
  "types of tests": [...node("typescript/bin/tsc"), "-p", "tests"],
  eslint: [...node("eslint/bin/eslint.js"), "."],
  prettier: [...node("prettier/bin/prettier.cjs"), "--check", "--log-level=warn", "."],
  ruff: [venv("ruff"), "check", "--quiet", "."],
  "ruff format": [venv("ruff"), "format", "--check", "--quiet", "."],
  mypy: [venv("mypy"), "--no-error-summary"],
};

/** Test runners: each leaves a report, from which its tests are counted. */
const runners = {
  jest: {
    command: [...node("jest/bin/jest.js"), "--json", `--outputFile=${reports}/jest`],
    count: (report) => {
      const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(report);
      return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
    },
  },
  pytest: {
    command: [venv("python"), "-m", "pytest", "-q", `--junitxml=${reports}/pytest`],
    count: (report) => {
      const [tests, failures, errors, skipped] = ["tests", "failures", "errors", "skipped"].map((name) =>
        Number(report.match(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`))[1]),
      );
      return { passed: tests - failures - errors - skipped, failed: failures + errors };
    },
  },
  browser: {
    command: [
      ...["node", "--test", "--test-concurrency=1", "--test-reporter=spec", "--test-reporter-destination=stdout"],
      ...["--test-reporter=tap", `--test-reporter-destination=${reports}/browser`],
      ...browserTests(),
    ],
    count: (report) => {
      const [passed, failed, cancelled] = ["pass", "fail", "cancelled"].map((name) =>
        Number(report.match(new RegExp(`^# ${name} (\\d+)$`, "m"))[1]),
      );
      return { passed, failed: failed + cancelled };
    },
  },
};

function browserTests() {
  const folder = "tests/browser";
  const names = fs.existsSync(root(folder)) ? fs.readdirSync(root(folder)) : [];
  return names.filter((name) => name.endsWith(".test.mjs")).map((name) => `${folder}/${name}`);
}

const total = { passed: 0, failed: 0 };
const summary = [];

function record(stage, { passed, failed }, start) {
  total.passed += passed;
  total.failed += failed;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  summary.push(`${failed ? "FAILED" : "ok    "} ${stage}: ${passed} of ${passed + failed} (${seconds} s)`);
}

/** A stage that throws counts as one failure; the others still run. */
async function stage(name, work) {
  console.log(`\n== ${name}`);
  const start = performance.now();
  try {
    record(name, await work(), start);
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    record(name, { passed: 0, failed: 1 }, start);
  }
}

async function runTests(name) {
  const { command, count } = runners[name];
  const report = root(reports, name);
  fs.rmSync(report, { force: true });
  const code = await run(command[0], command.slice(1));
  if (!fs.existsSync(report)) throw new Error(`ended with exit code ${code} and left no report`);
  const counts = count(fs.readFileSync(report, "utf8"));
  // No test at all, or a failure outside of any test, is no success.
  if (counts.passed === 0 || (code !== 0 && counts.failed === 0)) counts.failed += 1;
  return counts;
}

try {
  await prepare();
} catch (error) {
  console.error(`\nSet-up: ${error.message}\n\n0 passed, 1 failed`);
  process.exit(1);
}
fs.mkdirSync(root(reports), { recursive: true });
for (const [name, [command, ...args]] of Object.entries(checks)) {
  await stage(name, async () =>
    (await run(command, args)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 },
  );
}
await stage("fixtures", async () => {
  for (const script of [["make.py"], ["metrics.py"], ["ops.py"], ["zoo.py", "ci"]])
    await must(venv("python"), [`tests/fixtures/${script[0]}`, ...script.slice(1)]);
  return { passed: 0, failed: 0 };
});
await stage("jest", () => runTests("jest"));
await stage("pytest", () => runTests("pytest"));
if (!process.argv.includes("--no-browser")) {
  await stage("browser", async () => {
    env.CHROME = await findChromium();
    return runTests("browser");
  });
}

console.log(`\n${summary.join("\n")}\n\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed ? 1 : 0;
