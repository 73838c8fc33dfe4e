import type { Engine, NorFlash } from "../../hal/simulator/index.js";
import { decodeHeader, HEADER_BYTES } from "../../sdk/ledger/frame.js";
import { Host, newMedia } from "./host.js";
import { BUSY } from "./profiles.js";
import { copyOf, workInNode } from "./storage.js";
import { DAY, START, Stream } from "./stream.js";

/** A journal that is in use, and how full it is. */
export interface Journal {
  readonly flash: NorFlash;
  /** Share of the blocks that are in use. */
  readonly ring: number;
  /** Share of the newest block's room behind its checkpoint that is in use. */
  readonly newest: number;
  /** UTC of its last record, in milliseconds. */
  readonly at: number;
}

/** Of the ring, and of the newest block's room for records. */
const FILLS: readonly (readonly [ring: number, newest: number])[] = [
  [0.25, 1],
  [0.5, 1],
  [1, 0.25],
  [1, 0.5],
  [1, 1],
];
/** A journal that has not been filled so far after these days never will be. */
const MOST_DAYS = 30;

/** The journal of a busy device, when it was first filled 25, 50 and 100 %: of the ring, and of its newest block. */
export function journals(): Journal[] {
  const media = newMedia();
  const work = workInNode("journal", BUSY, media);
  const stream = new Stream(BUSY);
  const { flash } = media;
  const { blocks, blockLength } = flash.status();
  const found: Journal[] = [];
  let block = -1;
  let begin = 0;
  let before = { flash: copyOf(flash), newest: 0, used: 0, at: 0 };
  for (let day = 0; day < MOST_DAYS && found.length < FILLS.length; day++)
    for (const task of stream.next()) {
      const [ring, fill] = FILLS[found.length] ?? [0, 0];
      work.perform(task);
      const now = fillOf(flash);
      const isNew = now.block !== block;
      // The last picture before a new block is that of a full one.
      if (fill === 1 && isNew && before.used === ring * blocks)
        found.push({ flash: before.flash, ring, newest: before.newest, at: before.at });
      if (isNew) {
        block = now.block;
        begin = now.end;
      }
      const newest = (now.end - begin) / (blockLength - begin);
      if (fill < 1 && now.used === ring * blocks && newest >= fill)
        found.push({ flash: copyOf(flash), ring, newest, at: task.at });
      const isNear = newest > 0.95 && fill === 1;
      before = { flash: isNear ? copyOf(flash) : before.flash, newest, used: now.used, at: task.at };
    }
  if (found.length < FILLS.length) throw new Error("bench: the journal was not filled");
  return found;
}

/** How many blocks are in use, which is the newest, and where its records end. */
function fillOf(flash: NorFlash): { used: number; block: number; end: number } {
  const { blocks, blockLength } = flash.status();
  let newest = { block: -1, sequence: 0 };
  let used = 0;
  for (let block = 0; block < blocks; block++) {
    const at = block * blockLength;
    const header = decodeHeader(flash.bytes.subarray(at, at + HEADER_BYTES));
    if (!header) continue;
    used++;
    if (header.sequence > newest.sequence) newest = { block, sequence: header.sequence };
  }
  let end = blockLength;
  while (end > 0 && flash.bytes[newest.block * blockLength + end - 1] === 0xff) end--;
  return { used, block: newest.block, end };
}

export interface Recovery {
  readonly steps: number;
  /** Bytes read, including what is read back after writing. */
  readonly bytesRead: number;
}

/** Opens a journal in an engine. */
export async function openJournal(engine: Engine["name"], { flash, at }: Journal): Promise<Recovery> {
  const media = { ...newMedia(), flash: copyOf(flash) };
  const host = await Host.start(engine, media);
  try {
    await host.run({ do: "work", store: "journal", profile: BUSY });
    const { steps } = await host.run({ do: "task", task: { do: "start", at: at + LATER } });
    return { steps, bytesRead: media.flash.bytesRead };
  } finally {
    await host.stop();
  }
}

/** The device is off for so many milliseconds. */
export const LATER = 1000;

/** Days of the device whose text is read. */
const TEXT_DAYS = 30;

/** Reads and restores the state from its text, and the same without restoring. */
export async function openText(
  engine: Engine["name"],
): Promise<{ all: Recovery; parsed: Recovery; length: number }> {
  const media = newMedia();
  const work = workInNode("event", BUSY, media);
  const stream = new Stream(BUSY);
  for (let day = 0; day < TEXT_DAYS; day++) for (const task of stream.next()) work.perform(task);
  const length = media.nvs.get("state")!.length;
  const host = await Host.start(engine, media);
  try {
    await host.run({ do: "work", store: "event", profile: BUSY });
    const measured = async (run: () => Promise<{ steps: number }>): Promise<Recovery> => {
      media.nvs.read = 0;
      media.nvs.load();
      const { steps } = await run();
      return { steps, bytesRead: media.nvs.read };
    };
    const parsed = await measured(() => host.run({ do: "parse" }));
    const all = await measured(() =>
      host.run({ do: "task", task: { do: "start", at: START + TEXT_DAYS * DAY } }),
    );
    return { all, parsed, length };
  } finally {
    await host.stop();
  }
}
