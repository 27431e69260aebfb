/** bench/RESULTS.md: one section a bench, each replaced by its bench alone. */
import fs from "node:fs";
import os from "node:os";
import { format } from "prettier";
import { root } from "../scripts/environment.mjs";

const file = root("bench", "RESULTS.md");

/** Writes a section, which begins with its title ("# ..."), and prints it. */
export async function writeSection(text) {
  const section = await format(text, { parser: "markdown", printWidth: 120 });
  const title = section.split("\n")[0];
  const before = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  const sections = before.split(/^(?=# )/m).filter(Boolean);
  const at = sections.findIndex((other) => other.split("\n")[0] === title);
  if (at < 0) sections.push(section);
  else sections[at] = section;
  fs.writeFileSync(file, sections.map((part) => part.trim()).join("\n\n") + "\n");
  console.log(`\n${section}`);
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What all benches say of where they ran. */
export const place = (browser) => ({
  Browser: `Chromium ${browser.version()}, headless`,
  Machine: `${os.cpus().length} CPU cores, ${os.cpus()[0].model}, ${process.platform} ${process.arch}`,
});
