/*
 * XS strips the names of functions; cbor-x makes the names of DataView's methods from those of the typed arrays while it loads. This module runs
 * while the image is linked, before the built-ins are frozen.
 */
const NAMES = {
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
};
for (const name of Object.keys(NAMES)) Object.defineProperty(NAMES[name], "name", { value: name });
