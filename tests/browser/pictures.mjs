/**
 * Pictures of pages, compared with committed ones. `UPDATE_PICTURES=1` writes those that are missing or differ; without it
 * what was drawn instead, and where it differs, is left in build/pictures.
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { root } from "../../scripts/environment.mjs";

/** Share of the pixels that may differ: browsers smooth the edges of letters and lines in their own ways. */
const TOLERANCE = 0.01;

const font = (weight) => {
  const file = root("node_modules", "@fontsource", "inter", "files", `inter-latin-${weight}-normal.woff2`);
  const source = `url(data:font/woff2;base64,${fs.readFileSync(file, "base64")})`;
  return `@font-face { font-family: Inter; font-weight: ${weight}; src: ${source} }`;
};

/** Letters that are the same on every machine, and nothing that moves. */
const STYLE = `${font(400)} ${font(600)}
:root { --jp-ui-font-family: Inter, sans-serif !important; }
*, *::before, *::after { transition: none !important; animation-duration: 0s !important; caret-color: transparent !important; }`;

export async function dress(page) {
  await page.addStyleTag({ content: STYLE });
  await page.evaluate(() => document.fonts.load("12px Inter").then(() => document.fonts.ready));
}

/** @param file the committed picture, from the repository's root */
export async function matches(locator, file) {
  const drawn = await locator.screenshot({ animations: "disabled", caret: "hide" });
  const committed = root(file);
  const update = process.env.UPDATE_PICTURES === "1";
  if (!fs.existsSync(committed)) {
    assert.ok(update, `there is no ${file}; look at what is drawn, and write it with UPDATE_PICTURES=1`);
    return write(committed, drawn);
  }
  const [ours, theirs] = [drawn, fs.readFileSync(committed)].map((bytes) => PNG.sync.read(bytes));
  const { width, height } = ours;
  const isSame = width === theirs.width && height === theirs.height;
  const difference = new PNG({ width, height });
  const wrong = isSame
    ? pixelmatch(ours.data, theirs.data, difference.data, width, height, { threshold: 0.15 })
    : width * height;
  if (wrong <= TOLERANCE * width * height) return;
  if (update) return write(committed, drawn);
  write(root("build", "pictures", file), drawn);
  if (isSame) write(root("build", "pictures", file.replace(/\.png$/, ".difference.png")), PNG.sync.write(difference));
  const size = isSame ? `${wrong} pixels` : `${width} x ${height} instead of ${theirs.width} x ${theirs.height}`;
  assert.fail(`${file} differs: ${size}; see build/pictures, and if it is better, UPDATE_PICTURES=1`);
}

function write(file, bytes) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, bytes);
}
