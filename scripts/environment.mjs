/** Makes what `npm start`, `npm test` and `npm run bench` stand on, as far as it is missing or out of date, and says so. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const windows = process.platform === "win32";

/** The project's root folder, and paths below it. */
export const root = (...parts) => path.join(path.dirname(fileURLToPath(import.meta.url)), "..", ...parts);

const bin = root(".venv", windows ? "Scripts" : "bin");
/** An executable of the virtual environment. */
export const venv = (name) => path.join(bin, windows ? `${name}.exe` : name);

/** Every process sees the virtual environment first. */
export const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}` };

/**
 * Runs a command in the project's root, its output going to ours.
 * @returns its exit code
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root(),
      env,
      stdio: "inherit",
      shell: windows && command === "npm",
      ...options,
    });
    child.once("error", (error) => reject(new Error(`${command} could not be started: ${error.message}`)));
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** The same, where anything but success ends the work. */
export async function must(command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0)
    throw new Error(`"${[command, ...args].join(" ")}" failed with exit code ${code}; its own words are above`);
}

/** A step whose inputs are files: does it unless `stamp` holds their hash and all `outputs` exist. */
async function step(name, { stamp, inputs, outputs }, work) {
  const hash = createHash("sha256");
  for (const file of inputs.flatMap((input) => files(root(input)))) hash.update(file).update(fs.readFileSync(file));
  const wanted = hash.digest("hex");
  const present = fs.existsSync(root(stamp)) ? fs.readFileSync(root(stamp), "utf8") : "";
  if (present === wanted && outputs.every((output) => fs.existsSync(root(output)))) return;
  console.log(`\n== ${name}`);
  await work();
  fs.mkdirSync(path.dirname(root(stamp)), { recursive: true });
  fs.writeFileSync(root(stamp), wanted);
}

/** All files under a folder (or the one file), in a fixed order. */
function files(entry) {
  if (!fs.existsSync(entry)) return [];
  if (!fs.statSync(entry).isDirectory()) return [entry];
  return fs
    .readdirSync(entry)
    .filter((name) => name !== "__pycache__")
    .sort()
    .flatMap((name) => files(path.join(entry, name)));
}

/** Node and Python packages, the built front end and the labextension, ready to use. */
export async function prepare() {
  await Promise.all([nodePackages(), virtualEnvironment()]);
  await step(
    "Building the front end",
    {
      stamp: "build/.stamp",
      inputs: [
        "src",
        "css",
        "package.json",
        "package-lock.json",
        "tsconfig.json",
        "webpack.config.js",
        "webpack.lab.config.js",
      ],
      outputs: [
        "build/engine.mjs",
        "attriscope/static/page.js",
        "attriscope/static/methods.json",
        "attriscope/labextension/package.json",
      ],
    },
    () => must("npm", ["run", "--silent", "build:prod"]),
  );
  await step("Installing the package", { stamp: ".venv/.attriscope", inputs: ["pyproject.toml"], outputs: [] }, () =>
    // Editable, and without the build hook, which would build the front end a second time.
    must(venv("python"), ["-m", "pip", "install", "--quiet", "-e", ".[dev]"], {
      env: { ...env, SKIP_JUPYTER_BUILDER: "1" },
    }),
  );
  linkLabextension();
}

async function nodePackages() {
  if (installedAsLocked()) return;
  console.log("\n== Installing Node packages");
  await must("npm", ["ci", "--no-audit", "--no-fund"]);
}

/** npm notes in `node_modules/.package-lock.json` what it has installed. */
function installedAsLocked() {
  const [wanted, present] = ["package-lock.json", "node_modules/.package-lock.json"].map((file) =>
    fs.existsSync(root(file)) ? JSON.parse(fs.readFileSync(root(file), "utf8")).packages : {},
  );
  return Object.entries(wanted).every(
    ([name, { version, optional }]) => name === "" || optional || present[name]?.version === version,
  );
}

async function virtualEnvironment() {
  if (!fs.existsSync(venv("python"))) {
    const python = await findPython();
    console.log(`\n== Making .venv with ${python.join(" ")}`);
    await must(python[0], [...python.slice(1), "-m", "venv", root(".venv")]);
  }
  if (fs.existsSync(venv("jupyter-builder"))) return;
  console.log("\n== Installing torch and the builder of JupyterLab extensions into .venv");
  // This torch is the one that the tests' numbers were made for; the package itself asks for an older one at least.
  await must(venv("python"), ["-m", "pip", "install", "--quiet", "torch==2.13.0", "jupyter-builder>=1.2,<2"]);
}

async function findPython() {
  const probe = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
  const candidates = [
    process.env.PYTHON,
    "python3",
    "python",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "py -3",
  ];
  for (const candidate of candidates.filter(Boolean).map((line) => line.split(" "))) {
    const code = await run(candidate[0], [...candidate.slice(1), "-c", probe], { stdio: "ignore" }).catch(() => 1);
    if (code === 0) return candidate;
  }
  throw new Error(
    `no Python >= 3.10 with venv and ensurepip was found (looked for ${candidates.filter(Boolean).join(", ")}); ` +
      "install one (on Debian also the package python3-venv), or name it in the environment variable PYTHON",
  );
}

/** JupyterLab takes the extension from the working tree, so a rebuild needs no reinstallation. */
function linkLabextension() {
  const link = root(".venv", "share", "jupyter", "labextensions", "attriscope");
  const target = root("attriscope", "labextension");
  const present = fs.lstatSync(link, { throwIfNoEntry: false });
  if (present?.isSymbolicLink() && fs.realpathSync(link) === fs.realpathSync(target)) return;
  fs.rmSync(link, { recursive: true, force: true });
  fs.mkdirSync(path.dirname(link), { recursive: true });
  fs.symlinkSync(target, link, "junction");
}

/**
 * The path of a Chromium: `CHROME` of the environment, an installed one, or one that is installed now.
 */
export async function findChromium() {
  const installed = () => [process.env.CHROME, ...systemBrowsers()].find((file) => file && fs.existsSync(file));
  const { chromium } = await import("playwright-core");
  const found = installed() ?? [chromium.executablePath()].find((file) => file && fs.existsSync(file));
  if (found) {
    console.log(`Chromium: ${found}`);
    return found;
  }
  if (process.getuid?.() === 0 && onPath("apt-get")) {
    console.log("Chromium: none found, installing the package chromium by apt-get");
    const quiet = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
    await must("apt-get", ["update", "-qq"], quiet);
    await must("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], quiet);
    return installed();
  }
  console.log("Chromium: none found, installing playwright's own");
  await must("npx", ["playwright-core", "install", "chromium"], { shell: windows });
  return chromium.executablePath();
}

function systemBrowsers() {
  const fixed = {
    darwin: [
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    win32: [`${process.env.PROGRAMFILES}\\Google\\Chrome\\Application\\chrome.exe`],
  };
  return [
    ...["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].map(onPath),
    ...(fixed[process.platform] ?? []),
  ];
}

function onPath(name) {
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find((file) => fs.existsSync(file));
}
