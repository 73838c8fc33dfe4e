import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const BUILD = fileURLToPath(new URL("../../../firmware/moddable/build.mjs", import.meta.url));

/** A module of ours and its bytes of bytecode, or a room of them. */
export type Sized = readonly [name: string, bytes: number];

export interface CodeSize {
  readonly everfull: number;
  /** cbor-x and tweetnacl. */
  readonly beside: number;
  /** Modules of ours, the largest first. */
  readonly modules: readonly Sized[];
}

/** Bytes of bytecode in the linked image, by where they come from; a text says why there are none. */
export function codeSize(): CodeSize | string {
  if (!process.env.MODDABLE) return "skipped: MODDABLE is not set";
  const { status, stdout, stderr } = spawnSync(process.execPath, [BUILD, "esp32", "--modules"], {
    encoding: "utf8",
  });
  const size = status === 0 ? parseCodeSize(stdout) : undefined;
  return size ?? `failed: ${`${stdout}${stderr}`.trim().split("\n").at(-1)}`;
}

/** Reads what the build says; undefined when it says nothing of sizes. */
export function parseCodeSize(said: string): CodeSize | undefined {
  const sizes = new Map(
    [...said.matchAll(/^ +(\d+) {2}(\S+)/gm)].map(([, bytes, room]) => [room, Number(bytes)]),
  );
  const sum = (...rooms: readonly string[]) =>
    rooms.reduce((all, room) => all + (sizes.get(room) ?? Number.NaN), 0);
  const everfull = sum("SDK", "HAL", "firmware");
  const beside = sum("codec", "crypto");
  if (!(everfull > 0 && beside > 0)) return undefined;
  const modules = [...said.matchAll(/^ {4}(\S+): (\d+)$/gm)].map(
    ([, name, bytes]): Sized => [name!, Number(bytes)],
  );
  return { everfull, beside, modules };
}

/** Rooms: a folder of a top-level one, such as `sdk/ledger`, and what lies in that itself, such as `sdk`. The largest first. */
export function roomsOf(modules: readonly Sized[]): Sized[] {
  const rooms = new Map<string, number>();
  for (const [name, bytes] of modules) {
    const room = name.split("/").slice(0, -1).slice(0, 2).join("/");
    rooms.set(room, (rooms.get(room) ?? 0) + bytes);
  }
  return [...rooms].sort((a, b) => b[1] - a[1]);
}
