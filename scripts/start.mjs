/**
 * `npm start`: JupyterLab on the quickstart notebook. `npm start -- --page`: executes it instead and prints, as the last
 * line, the path of the self-contained page that it writes.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import { env, must, prepare, root, venv } from "./environment.mjs";

const NOTEBOOK = "quickstart.ipynb";
const PAGE = root("examples", "quickstart.html");

try {
  await prepare();
  if (process.argv.includes("--page")) await writePage();
  else await openLab();
} catch (error) {
  console.error(`\nnpm start: ${error.message}`);
  process.exitCode = 1;
}

async function writePage() {
  console.log(`\n== Executing examples/${NOTEBOOK}`);
  fs.rmSync(PAGE, { force: true });
  await must(venv("jupyter"), ["execute", `examples/${NOTEBOOK}`]);
  if (!fs.existsSync(PAGE)) throw new Error(`examples/${NOTEBOOK} ran, but wrote no ${PAGE}`);
  console.log(PAGE);
}

/** Ends with the server; an interrupt reaches it as it reaches us. */
async function openLab() {
  const options = process.getuid?.() === 0 ? ["--allow-root"] : [];
  const server = spawn(venv("jupyter"), ["lab", NOTEBOOK, ...options], {
    cwd: root("examples"),
    env,
    stdio: ["inherit", "inherit", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (chunk) => {
    process.stderr.write(chunk);
    if (log === undefined) return;
    log += chunk;
    const [, lab, token = ""] = log.match(/(https?:\/\/\S+\/lab)\b\S*?(\?token=\w+)?\s/) ?? [];
    if (!lab) return;
    console.log(`\nJupyterLab: ${lab}/tree/${NOTEBOOK}${token}\n`);
    log = undefined;
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => server.kill(signal));
  const code = await new Promise((resolve) => server.once("exit", resolve));
  if (code) throw new Error(`JupyterLab ended with exit code ${code}; its own words are above`);
}
