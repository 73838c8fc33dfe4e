import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SLOT_BYTES } from "../../hal/simulator/heap-use.js";
import { bundleOnDevice } from "../hal/platform/device-like.js";
import { newMedia } from "./host.js";
import { SLOTS } from "./profiles.js";
import { type Journal, LATER } from "./recovery.js";
import { copyOf } from "./storage.js";
import { MonthOfTurns, type Turn } from "./turns.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const REPLAY = join(ROOT, "test", "bench", "moddable", "replay.js");
const OUT = join(ROOT, "dist", "moddable-heap");
/** Bytes of a slot of a 64-bit XS. */
const WIDE_SLOT = 32;
/** Seconds that the host goes on once the replay has ended, which it does before the host's loop begins. */
const PATIENCE = 1;

/** What lives in the heap in the course of a kind of turn, above what there is before the program starts. */
export interface HeapPeak {
  readonly kind: string;
  readonly count: number;
  /** Bytes of slots on a 32-bit chip: at the most at a call of the board, and after the turn. */
  readonly slotBytes: number;
  readonly restSlotBytes: number;
  /** Bytes of chunks of the 64-bit simulator, which are more than a chip's. */
  readonly chunkBytes: number;
  readonly restChunkBytes: number;
}

/**
 * Heap at rest and at peak of the whole firmware, measured in Moddable's simulator on Linux with preloaded modules; a text says why it was not.
 *
 * @param slots 1 to 4
 */
export async function heapPeaks(
  full: Journal,
  slots = SLOTS,
  days = 17,
): Promise<readonly HeapPeak[] | string> {
  const { MODDABLE, EVERFULL_MODDABLE_HOST: host } = process.env;
  if (!MODDABLE) return "skipped: MODDABLE is not set";
  if (!host || !existsSync(host)) return "skipped: EVERFULL_MODDABLE_HOST is not set, see firmware/README.md";
  const month = new Recorded(slots);
  await month.start("empty flash");
  for (let day = 0; day < days; day++) await month.day(day);
  await month.cut();
  const start = new Recorded(slots, { ...newMedia(), flash: copyOf(full.flash) }, full.at + LATER);
  await start.start("full 64 KB journal");
  await start.cut();
  const peaks: HeapPeak[] = [];
  for (const run of [month, start]) {
    const said = await replay(run.transcript, MODDABLE, host);
    if (typeof said === "string") return said;
    peaks.push(...byKind(run.turns, said));
  }
  return peaks.sort((a, b) => b.slotBytes - a.slotBytes);
}

/** A household whose device's dialogue with its host is kept. */
class Recorded extends MonthOfTurns {
  readonly #records: Buffer[] = [];

  constructor(slots: number, media = newMedia(), start?: number) {
    super("node", slots, media, start);
  }

  override heard(isAnswer: boolean, bytes: Uint8Array): void {
    const head = Buffer.alloc(5);
    head[0] = isAnswer ? 2 : 1;
    head.writeUInt32BE(bytes.length, 1);
    this.#records.push(head, Buffer.from(bytes));
  }

  get transcript(): Buffer {
    return Buffer.concat(this.#records);
  }
}

interface Look {
  readonly slots: number;
  readonly chunks: number;
  readonly restSlots: number;
  readonly restChunks: number;
}

/** Builds the simulator with a transcript and runs it. @returns what it said of each event; a text when it failed */
async function replay(transcript: Buffer, moddable: string, host: string): Promise<Look[] | string> {
  await mkdir(OUT, { recursive: true });
  await writeFile(join(OUT, "program.js"), await bundleOnDevice());
  await writeFile(join(OUT, "transcript.bin"), transcript);
  const manifest = {
    build: { NAME: "heap" },
    include: [
      "$(MODDABLE)/examples/manifest_base.json",
      "$(MODDABLE)/modules/base/instrumentation/manifest.json",
      "$(MODDABLE)/modules/base/debug/manifest.json",
    ],
    creation: {
      main: "main",
      chunk: { initial: 78848, incremental: 16384 },
      heap: { initial: 4928, incremental: 1024 },
      // Twice a chip's: the desktop board and the replay call deeper.
      stack: 1024,
    },
    modules: { main: REPLAY.replace(/\.js$/, ""), program: "./program" },
    preload: ["program"],
    data: { "*": "./transcript" },
  };
  await writeFile(join(OUT, "manifest.json"), JSON.stringify(manifest));
  const path = [
    join(ROOT, "node_modules", ".bin"),
    join(moddable, "build", "bin", "lin", "release"),
    process.env.PATH,
  ].join(delimiter);
  const args = ["-i", "-m", "-p", "lin", "-t", "build", "-o", OUT];
  const built = spawnSync("mcconfig", args, {
    cwd: OUT,
    env: { ...process.env, PATH: path },
    encoding: "utf8",
  });
  if (built.status !== 0)
    return `failed: mcconfig: ${`${built.stdout}${built.stderr}`.trim().split("\n").at(-1)}`;
  const library = join(OUT, "bin", "lin", "mc", "instrument", "heap", "mc.so");
  const { stdout } = spawnSync(host, [library, String(PATIENCE)], { encoding: "utf8", maxBuffer: 1 << 26 });
  const empty = /^HEAP empty (\d+) (\d+)$/m.exec(stdout)?.slice(1).map(Number);
  if (!empty || !/^HEAP end$/m.test(stdout)) return `failed: ${stdout.trim().split("\n").at(-1)}`;
  const [slots, chunks] = empty as [number, number];
  return [...stdout.matchAll(/^HEAP \d+ (\d+) (\d+) (\d+) (\d+)$/gm)].map((line) => ({
    slots: Number(line[1]) - slots,
    chunks: Number(line[2]) - chunks,
    restSlots: Number(line[3]) - slots,
    restChunks: Number(line[4]) - chunks,
  }));
}

function byKind(turns: readonly Turn[], looks: readonly Look[]): HeapPeak[] {
  if (turns.length !== looks.length) throw new Error(`heap: ${turns.length} turns, ${looks.length} looks`);
  const kinds = new Map<string, Look[]>();
  turns.forEach(({ kind }, index) => {
    kinds.set(kind, [...(kinds.get(kind) ?? []), looks[index]!]);
  });
  const most = (list: readonly Look[], value: (look: Look) => number) => Math.max(...list.map(value));
  const onChip = (bytes: number) => (bytes / WIDE_SLOT) * SLOT_BYTES;
  return [...kinds].map(([kind, list]) => ({
    kind,
    count: list.length,
    // What is in use after the turn was in use at its end too.
    slotBytes: onChip(most(list, (look) => Math.max(look.slots, look.restSlots))),
    restSlotBytes: onChip(most(list, (look) => look.restSlots)),
    chunkBytes: most(list, (look) => Math.max(look.chunks, look.restChunks)),
    restChunkBytes: most(list, (look) => look.restChunks),
  }));
}
