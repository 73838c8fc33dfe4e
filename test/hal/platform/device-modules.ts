import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

export const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** Where no device code is: the desktop's engines and its board, the entry point for npm, the QR code in JavaScript, and what a maker's desk writes into packs. */
const NO_DEVICE =
  /^(hal\/simulator|hal\/boards\/desktop|hal\/platform|hal\/types)\/|^hal\/sensors\/i2c\/encode-identity$|^firmware\/(desktop|index|moddable\/.*|qr-code\/qr-code)$/;
/** Moddable's simulator on Linux: `embedded:storage/files` cannot be preloaded there, nor what imports it. */
export const ON_LINUX = /^hal\/boards\/lin\/|^firmware\/board-lin$/;

/** Every module that is built for a device, from the project's folder and without an ending, such as `sdk/slot`. */
export function deviceModules(): string[] {
  return ["sdk", "hal", "firmware"]
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map(
        (path) => `${folder}/${path}`,
      ),
    )
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /\.ts$/.test(path) && !path.endsWith(".d.ts"))
    .map((path) => path.replace(/\.ts$/, ""))
    .filter((module) => !NO_DEVICE.test(module))
    .sort();
}

/** The JavaScript of a module: its source without types. */
export function scriptOf(module: string): string {
  return transformSync(readFileSync(join(ROOT, `${module}.ts`), "utf8"), {
    loader: "ts",
    target: "es2022",
    sourcefile: module,
  }).code;
}
