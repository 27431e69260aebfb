/** The wheel, in an environment without Node and without a checkout. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";
import { env, root, venv } from "../../scripts/environment.mjs";
import { scratch } from "./harness.mjs";

const execute = promisify(execFile);
const folder = scratch();

describe("the wheel", () => {
  let python;

  before(async () => {
    await execute(venv("python"), ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, root()], {
      env,
    });
    const wheel = fs.readdirSync(folder).find((name) => name.endsWith(".whl"));
    const environment = path.join(folder, "venv");
    await execute(venv("python"), ["-m", "venv", environment]);
    python = path.join(environment, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
    await execute(python, ["-m", "pip", "install", "--quiet", "--no-deps", path.join(folder, wheel)]);
    // JupyterLab and torch are those of the project's own environment, whose labextensions this one does not see.
    const site = async (of) =>
      (await execute(of, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])).stdout.trim();
    fs.writeFileSync(path.join(await site(python), "shared.pth"), `${await site(venv("python"))}\n`);
  });

  const withoutNode = (args) =>
    execute(python, args, {
      cwd: folder,
      env: { HOME: folder, PATH: path.dirname(python), SYSTEMROOT: process.env.SYSTEMROOT },
    });

  it("is enabled in JupyterLab", async () => {
    const { stdout, stderr } = await withoutNode(["-m", "jupyterlab.labextensions", "list"]);
    assert.match(stdout + stderr, /attriscope v\S+ .*enabled.*OK.*\(python, attriscope\)/);
  });

  it("has the page's app and the licences of what is in it", async () => {
    const script = [
      "import attriscope, importlib.resources as r",
      "print(attriscope.__file__)",
      "print(*sorted(f.name for f in (r.files('attriscope') / 'static').iterdir()))",
    ];
    const { stdout } = await withoutNode(["-c", script.join("; ")]);
    const [file, names] = stdout.trim().split("\n");
    assert.ok(file.startsWith(fs.realpathSync(folder)), file);
    assert.equal(names, "THIRD_PARTY_LICENSES.txt methods.json page.js");
  });

  it("stays small", () => {
    const [size] = fs
      .readdirSync(folder)
      .flatMap((name) => (name.endsWith(".whl") ? [fs.statSync(path.join(folder, name)).size] : []));
    assert.ok(size < 1.5e6, `${size} bytes`);
  });
});
