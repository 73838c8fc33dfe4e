import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { DEVICE_PROGRAM } from "./device-program.js";

/** Bundles the device program from the compiled modules: the firmware for the desktop board, the SDK, the HAL, cbor-x and tweetnacl. */
async function bundle(): Promise<void> {
  await mkdir(dirname(DEVICE_PROGRAM), { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL("../../firmware/desktop.js", import.meta.url))],
    outfile: DEVICE_PROGRAM,
    bundle: true,
    format: "iife",
    // Not Node's variants of packages: the device has nothing of Node. tweetnacl's for browsers does not look for Node's crypto.
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
