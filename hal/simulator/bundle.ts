import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Where the device program lies, as one script. */
export const BUNDLE = fileURLToPath(new URL("../../device/everfull-device.js", import.meta.url));

/** Bundles the device program from the compiled modules: the firmware for the desktop board, the SDK, the HAL, cbor-x and tweetnacl. */
async function bundle(): Promise<void> {
  await mkdir(fileURLToPath(new URL("../../device/", import.meta.url)), { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL("../../firmware/desktop.js", import.meta.url))],
    outfile: BUNDLE,
    bundle: true,
    format: "iife",
    // Not Node's variants of packages: the device has nothing of Node. tweetnacl's for browsers does not look for Node's crypto.
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
