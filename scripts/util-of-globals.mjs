/** What tfjs takes from Node's `util`, so that one bundle of the engine runs in pages, workers and Node. */
export const { TextEncoder, TextDecoder } = globalThis;

export const types = {
  isFloat32Array: (value) => value instanceof Float32Array,
  isInt32Array: (value) => value instanceof Int32Array,
  isUint8Array: (value) => value instanceof Uint8Array,
  isUint8ClampedArray: (value) => value instanceof Uint8ClampedArray,
};
