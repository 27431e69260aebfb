/** The Chromium of the benches, and a server for the files that their pages load. */
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { findChromium } from "../scripts/environment.mjs";

/** Headless, without graphics hardware; the network stays quiet. */
export async function launch() {
  const { chromium } = await import("playwright-core");
  const quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({
    executablePath: await findChromium(),
    args: ["--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic", ...quiet],
  });
}

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves folders of this machine under the first part of the path: {models: "/some/folder"} as /models/... */
export async function serve(folders) {
  const server = http.createServer((request, response) => {
    const [, name, ...rest] = new URL(request.url, "http://localhost").pathname.split("/").map(decodeURIComponent);
    const file = folders[name] && path.join(folders[name], ...rest);
    if (!file || !path.normalize(file).startsWith(folders[name]) || !fs.existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    fs.createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
