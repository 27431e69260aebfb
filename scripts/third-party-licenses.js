/**
 * A webpack plugin that writes the licence texts of all bundled packages into one file. One instance is shared by several
 * compilers; the file then covers all their packages.
 */
const fs = require("fs");
const path = require("path");

/** For packages without a licence file: where its text stands instead, in a file or in a script's leading comment. */
const ELSEWHERE = {
  "Apache-2.0": ["comlink/LICENSE"],
  "(Apache-2.0 AND BSD-3-Clause)": ["comlink/LICENSE", "@bufbuild/protobuf/dist/esm/wire/varint.js"],
  seedrandom: ["seedrandom/seedrandom.js"],
};

/** What a package contains besides, without saying so. */
const NOTICES = { "@tensorflow/tfjs-backend-wasm": path.join(__dirname, "tfjs-backend-wasm-notices.txt") };

class ThirdPartyLicenses {
  #file;
  #packages = new Map();

  /** @param {string} file where to write */
  constructor(file) {
    this.#file = file;
  }

  apply(compiler) {
    compiler.hooks.afterEmit.tap("ThirdPartyLicenses", (compilation) => {
      for (const module of compilation.modules) {
        for (const { resource } of [module, ...(module.modules ?? [])]) {
          const folder = resource?.match(/^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/)?.[0];
          if (folder) this.#packages.set(folder, describe(folder));
        }
      }
      const parts = [...this.#packages.values()].sort();
      fs.mkdirSync(path.dirname(this.#file), { recursive: true });
      fs.writeFileSync(this.#file, parts.join(`\n${"-".repeat(100)}\n\n`));
    });
  }
}

function describe(folder) {
  const { name, version, license } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
  const own = fs.readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const modules = folder.slice(0, folder.lastIndexOf("node_modules") + "node_modules".length);
  const files = own
    ? [path.join(folder, own)]
    : (ELSEWHERE[name] ?? ELSEWHERE[license] ?? []).map((file) => path.join(modules, file));
  if (!files.length)
    throw new Error(`${name} ${version} (${license}) has no licence file: say in ELSEWHERE where its text is`);
  if (NOTICES[name]) files.push(NOTICES[name]);
  return `${name} ${version} (${license})\n\n${files.map(licenseText).join("\n\n")}\n`;
}

function licenseText(file) {
  const text = fs.readFileSync(file, "utf8");
  if (!file.endsWith(".js")) return text.trim();
  const comment = text.match(/^\/\*([^]*?)\*\//)?.[1] ?? text.match(/^(?:\/\/.*\n)+/)[0].replace(/^\/\/ ?/gm, "");
  return comment.trim();
}

module.exports = { ThirdPartyLicenses };
