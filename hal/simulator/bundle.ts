import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { DEVICE_PROGRAM } from "./device-program.js";

/** The product with every kind of sensor. */
const ANY = fileURLToPath(new URL("../../firmware/any/index.js", import.meta.url));

/**
 * Bundles a device program from the compiled modules: a product, the firmware for the desktop board, the SDK, the HAL, cbor-x and tweetnacl. Needs esbuild.
 *
 * @param product module whose default export is the `Product`
 * @param outfile where the program is written
 */
export async function bundle(product: string = ANY, outfile: string = DEVICE_PROGRAM): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true });
  await build({
    entryPoints: [fileURLToPath(new URL("../../firmware/desktop.js", import.meta.url))],
    outfile,
    alias: { "product/index": product },
    bundle: true,
    format: "iife",
    // Not Node's variants of packages: the device has nothing of Node. tweetnacl's for browsers does not look for Node's crypto.
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle(...process.argv.slice(2));
