/** jsdom, and what browsers have and it lacks but Node has. */
const { TestEnvironment } = require("jest-environment-jsdom");

class BrowserEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    Object.assign(this.global, { Blob, DecompressionStream, Response, TextDecoder, TextEncoder, Uint8Array });
    this.global.DragEvent = class {}; // named by Lumino when it is loaded
  }
}

module.exports = BrowserEnvironment;
