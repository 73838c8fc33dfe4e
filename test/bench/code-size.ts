import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const BUILD = fileURLToPath(new URL("../../../firmware/moddable/build.mjs", import.meta.url));

/** Bytes of bytecode in the linked image, by where they come from; a text says why there are none. */
export function codeSize(): { readonly everfull: number; readonly beside: number } | string {
  if (!process.env.MODDABLE) return "skipped: MODDABLE is not set";
  const { status, stdout, stderr } = spawnSync(process.execPath, [BUILD, "esp32"], { encoding: "utf8" });
  const sizes = new Map(
    [...stdout.matchAll(/^ +(\d+) {2}(\S+)/gm)].map(([, size, room]) => [room, Number(size)]),
  );
  const sum = (...rooms: readonly string[]) => rooms.reduce((all, room) => all + (sizes.get(room) ?? NaN), 0);
  const figures = { everfull: sum("SDK", "HAL", "firmware"), beside: sum("codec", "crypto") };
  if (status !== 0 || !(figures.everfull > 0 && figures.beside > 0))
    return `failed: ${`${stdout}${stderr}`.trim().split("\n").at(-1)}`;
  return figures;
}
