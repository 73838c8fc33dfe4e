import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const BUILD = fileURLToPath(new URL("../../../firmware/moddable/build.mjs", import.meta.url));

/** Bytes of bytecode in the linked image, by where they come from; a text says why there are none. */
export function codeSize(): { readonly everfull: number; readonly beside: number } | string {
  if (!process.env.MODDABLE) return "skipped: MODDABLE is not set";
  const { status, stdout, stderr } = spawnSync(process.execPath, [BUILD, "esp32"], { encoding: "utf8" });
  const sizes = /Everfull (\d+), cbor-x (\d+), tweetnacl (\d+)/.exec(stdout);
  if (status !== 0 || !sizes) return `failed: ${`${stdout}${stderr}`.trim().split("\n").at(-1)}`;
  return { everfull: Number(sizes[1]), beside: Number(sizes[2]) + Number(sizes[3]) };
}
