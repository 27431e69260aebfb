/** What the browser tests share: a Chromium, a Jupyter server of their own, notebooks, and explorers in them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";
import { chromium } from "playwright-core";
import { env, findChromium, root, venv } from "../../scripts/environment.mjs";

/** The tutorial's images and weights, which the project does not ship. */
export const CIFAR = process.env.ATTRISCOPE_CIFAR10 ?? root("..", "shared", "data", "cifar10");

/** Patience for whatever passes through a kernel: torch's import and the export take seconds, on a busy machine many. */
export const KERNEL_MS = 120_000;

/** A folder that is gone after the tests. */
export function scratch() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "attriscope-"));
  after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A Chromium for all tests of a file; `page.problems` collects uncaught errors of a page. */
export async function launch() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROME ?? (await findChromium()),
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
      ...["--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader"],
    ],
  });
  after(() => browser.close());
  return {
    async newPage(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, ...options });
      const page = await context.newPage();
      page.problems = [];
      page.on("pageerror", (error) => page.problems.push(error.message));
      return page;
    },
  };
}

/** A Jupyter server with JupyterLab and Notebook on a folder of its own, which holds the examples. */
export async function startJupyter() {
  const folder = scratch();
  const settings = scratch();
  const labconfig = path.join(settings, "config", "labconfig");
  fs.mkdirSync(labconfig, { recursive: true });
  const disabledExtensions = { "@jupyterlab/apputils-extension:announcements": true };
  fs.writeFileSync(path.join(labconfig, "page_config.json"), JSON.stringify({ disabledExtensions }));
  for (const name of fs.readdirSync(root("examples"))) {
    if (/\.(ipynb|py)$/.test(name)) fs.copyFileSync(root("examples", name), path.join(folder, name));
  }
  const url = `http://127.0.0.1:${await freePort()}`;
  const environment = {
    ...env,
    JUPYTER_CONFIG_DIR: path.join(settings, "config"),
    JUPYTER_DATA_DIR: path.join(settings, "data"),
    JUPYTER_RUNTIME_DIR: path.join(settings, "runtime"),
    JUPYTERLAB_SETTINGS_DIR: path.join(settings, "lab"),
    JUPYTERLAB_WORKSPACES_DIR: path.join(settings, "workspaces"),
    IPYTHONDIR: path.join(settings, "ipython"),
    ATTRISCOPE_CIFAR10: CIFAR,
  };
  const options = {
    "ServerApp.ip": "127.0.0.1",
    "ServerApp.port": new URL(url).port,
    "ServerApp.port_retries": 0,
    "ServerApp.root_dir": folder,
    "IdentityProvider.token": "",
    "LabApp.expose_app_in_browser": "True",
    "JupyterNotebookApp.expose_app_in_browser": "True",
  };
  const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const server = spawn(venv("jupyter"), ["lab", "--no-browser", "--allow-root", ...given], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (chunk) => (log += chunk));
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const api = (path, options) => fetch(`${url}/api/${path}`, options);
  const answers = () =>
    api("status")
      .then((response) => response.ok)
      .catch(() => false);
  const shutDownKernels = async () => {
    const running = await (await api("kernels")).json();
    await Promise.all(running.map(({ id }) => api(`kernels/${id}`, { method: "DELETE" })));
  };
  after(async () => {
    await shutDownKernels().catch(() => {});
    server.kill();
    await ended;
  });
  for (let tries = 0; !(await answers()); tries++) {
    if (server.exitCode !== null || tries > 600) throw new Error(`the Jupyter server does not answer:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  /** Writes a notebook of code cells; an error in one does not stop the next. */
  const write = (name, cells) => {
    const metadata = { tags: ["raises-exception"] };
    const notebook = {
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: "python3", display_name: "Python 3" }, language_info: { name: "python" } },
      cells: cells.map((source, i) => ({
        cell_type: "code",
        id: `cell${i}`,
        source,
        metadata,
        outputs: [],
        execution_count: null,
      })),
    };
    fs.writeFileSync(path.join(folder, name), JSON.stringify(notebook));
  };
  return { url, folder, write, shutDownKernels };
}

/** What `npm start -- --page` writes: the path in its last line. */
export async function quickstartPage() {
  const options = { cwd: root(), env, stdio: ["ignore", "pipe", "inherit"] };
  const child = spawn("node", ["scripts/start.mjs", "--page"], options);
  let out = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  assert.equal(await new Promise((resolve) => child.once("close", resolve)), 0, out);
  return out.trimEnd().split("\n").at(-1);
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Opens a notebook in JupyterLab; where `kernel` is false, the page finds none to start, asks, and is told to go without. */
export async function openLab(page, { url }, name, { kernel = true } = {}) {
  if (!kernel) {
    await page.route("**/api/kernelspecs*", (route) => route.fulfill({ json: { default: "", kernelspecs: {} } }));
  }
  await page.goto(`${url}/lab/tree/${name}?reset`);
  if (!kernel) await page.locator('.jp-Dialog-button:has-text("No Kernel")').click();
  await notebookOpen(page, kernel);
}

/** Opens a notebook in Notebook 7. */
export async function openNotebook(page, { url }, name) {
  await page.goto(`${url}/notebooks/${name}`);
  await notebookOpen(page, true);
}

async function notebookOpen(page, kernel) {
  await page.waitForFunction(
    (kernel) => {
      const context = window.jupyterapp?.shell.currentWidget?.context;
      return context?.isReady && (!kernel || context.sessionContext?.session?.kernel?.status === "idle");
    },
    kernel,
    { timeout: KERNEL_MS },
  );
}

/** Menu "Run", "Run All Cells", as a user does it; returns when the kernel has run them, or stopped at an error. */
export async function runAll(page) {
  const finished = page.evaluate(
    () =>
      new Promise((resolve) =>
        window.jupyterapp.commands.commandExecuted.connect((_, { id, result }) => {
          if (id === "notebook:run-all-cells") result.then(resolve, resolve);
        }),
      ),
  );
  await page.locator('.lm-MenuBar-itemLabel:text-is("Run")').click();
  await page.locator('.lm-Menu-itemLabel:text-is("Run All Cells")').click();
  await finished;
}

export async function save(page) {
  await page.evaluate(() => window.jupyterapp.shell.currentWidget.context.save());
}

/** The text below an element, that in shadow roots included, in document order and with single spaces. */
export async function textOf(locator) {
  return locator.evaluate((element) => {
    const words = [];
    const walk = (node) => {
      if (node.nodeType === node.TEXT_NODE) words.push(node.data);
      if (node.localName === "style") return;
      [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes].forEach(walk);
    };
    walk(element);
    return words.join(" ").replace(/\s+/g, " ");
  });
}

/** One explorer in a page. */
export class Explorer {
  #host;

  /** @param within a page, or the locator of a part of one */
  constructor(within) {
    this.#host = within.locator(Explorer.TAG).first();
  }

  static TAG = "attriscope-explorer";

  /** Inside its shadow roots. */
  locator(selector) {
    return this.#host.locator(selector);
  }

  /** The state, or what `select` makes of it in the page; typed arrays come as lists. */
  async state(select = (state) => state) {
    return this.#host.evaluate(
      (element, select) =>
        JSON.parse(
          JSON.stringify(new Function(`return ${select}`)()(element.store.state), (_key, value) =>
            ArrayBuffer.isView(value) ? Array.from(value, Number) : value,
          ),
        ),
      select.toString(),
    );
  }

  /** Waits until the state satisfies `test`, given as an expression of `state`. */
  async until(test, timeout = 60_000) {
    const handle = await this.#host.elementHandle({ timeout });
    try {
      await this.#host
        .page()
        .waitForFunction(
          ([element, test]) => element.store && new Function("state", `return ${test}`)(element.store.state),
          [handle, test],
          { timeout, polling: 50 },
        );
    } catch (error) {
      const state = await this.#host.evaluate((element) =>
        JSON.stringify([element.store?.state, element.stage, element.stopped], (_key, value) =>
          ArrayBuffer.isView(value) ? `${value.length} values` : value,
        ),
      );
      throw new Error(`the explorer never reached (${test}); it is at ${state.slice(0, 4000)}\n${error.message}`);
    }
  }

  /** Opens the menu and takes the method, as a user does it. */
  async chooseMethod(name) {
    await this.locator('[data-control="method"]').first().click();
    await this.locator(`[role="option"][data-method="${name}"]`).click();
  }

  /** A field of an argument, where the line has folded it after More. */
  async argument(name) {
    const field = this.locator(`:is(input[type="text"], select)[data-argument="${name}"]`);
    await field.waitFor({ state: "attached" });
    if (!(await field.isVisible())) await this.locator("attriscope-method .more").click();
    return field;
  }

  /** Goes to another view by its tab. */
  async show(view) {
    await this.locator(`[role="tab"][data-view="${view}"]`).click();
    await this.until(`state.view === "${view}"`);
  }

  /** Ready for a picture: how long it took is not what that is about. */
  async still() {
    await this.#host.evaluate(({ store }) => {
      const { state } = store;
      if (state.engine) state.engine.ms = 7;
      for (const { result } of state.cards) if (result) result.ms = 7;
      store.dispatchEvent(new Event("change"));
    });
    await this.#host.page().mouse.move(0, 0);
    await this.#host.page().waitForTimeout(300);
  }

  /** Waits until every card shows what is asked for, and `test` holds. */
  async settled(test = "true", timeout = undefined) {
    await this.until(
      "state.phase.name === 'ready' && state.cards.length > 0 && " +
        `state.cards.every((card) => card.status === 'error' || (card.status === 'ready' && !card.stale)) && (${test})`,
      timeout,
    );
  }
}

/** Counts what a page asks its kernels for: samples and models. That its traits follow what is chosen asks for nothing. */
export function countKernelMessages(page) {
  let sent = 0;
  page.on("websocket", (socket) => {
    if (!/\/api\/kernels\//.test(socket.url())) return;
    socket.on("framesent", ({ payload }) => {
      if (/"op":"(fetch|model)"/.test(Buffer.from(payload).toString("latin1"))) sent += 1;
    });
  });
  return () => sent;
}

/** Runs a Python script of this folder: JSON in, JSON out. */
export async function python(script, input) {
  const child = spawn(venv("python"), [root("tests", "browser", script)], {
    env: { ...env, ATTRISCOPE_CIFAR10: CIFAR },
  });
  let out = "";
  let problems = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (problems += chunk));
  child.stdin.end(JSON.stringify(input));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${problems}`);
  return JSON.parse(out);
}
