/** What the bundlers make of files that are no scripts. */

/** A `data:` URL. */
declare module "*.wasm" {
  const url: string;
  export default url;
}

/** The file's text. */
declare module "*?raw" {
  const text: string;
  export default text;
}

declare module "*.css";
