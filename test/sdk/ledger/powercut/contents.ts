import { Random } from "../../../../hal/simulator/models/random.js";
import { NorFlash } from "../../../../hal/simulator/nor-flash.js";
import { crc32 } from "../../../../sdk/ledger/crc32.js";
import { LedgerError } from "../../../../sdk/ledger/index.js";
import { type Geometry, geometry, newFlash } from "./geometry.js";
import { sameBytes, Violation, Witness, writesOnce } from "./invariants.js";
import type { Scenario } from "./scenarios.js";
import type { Expected } from "./stores.js";

/*
 * A partition may hold anything: what another program left, a journal with bits that flipped, blocks that were copied about. Whatever it is, a device
 * starts, and what it believes was once committed. If that is not the newest there was, it says so.
 */

/** A partition with a history, and every state that it went through. */
export interface Base {
  readonly scenario: Scenario;
  readonly shape: Geometry;
  readonly image: Uint8Array;
  readonly states: readonly Expected[];
  readonly newest: Expected;
}

/** Histories that contents are made of. Scenarios that begin with an erased partition are needed. */
export function bases(scenarios: readonly Scenario[]): Base[] {
  const made: Base[] = [];
  const add = (name: string, shape: Geometry, commits: number, restarts: number) => {
    const scenario = scenarios.find((each) => each.name === name)!;
    const flash = newFlash(shape);
    let expected = scenario.prepare(shape).possible[0]!;
    const states = [expected];
    for (let life = 0; life < restarts; life++) {
      const running = scenario.start(flash, () => {});
      running.open();
      for (let i = 0; i < commits / restarts; i++) {
        running.commit(expected, 0);
        expected = expected.next(0);
        states.push(expected);
      }
    }
    made.push({ scenario, shape, image: flash.bytes.slice(), states, newest: expected });
  };
  add("tally-ring", geometry(3, 512, 4), 60, 1);
  add("tally-ring", geometry(4, 512, 1), 60, 2);
  add("tally-ring", geometry(5, 512, 16), 7, 1);
  add("first-boot", geometry(4, 1024, 4), 90, 2);
  add("order-cycle", geometry(3, 1024, 16), 40, 1);
  return made;
}

type Maker = (random: Random, base: Base) => Uint8Array;

/** Kinds of contents, by what a failure calls them. */
export const CONTENTS: { readonly [kind: string]: Maker } = Object.freeze({
  "random bytes": (random, { image }) => randomBytes(random, image.length),
  "random blocks among erased ones": (random, base) => {
    const image = new Uint8Array(base.image.length).fill(0xff);
    for (let block = 0; block < base.shape.blocks; block++)
      if (random.int(2) === 0) inBlock(image, base, block).set(randomBytes(random, base.shape.blockLength));
    return image;
  },
  "flipped bits anywhere": (random, { image }) => flipped(random, image.slice(), 0, image.length),
  "flipped bits in one block": (random, base) => {
    const image = base.image.slice();
    const { blockLength, blocks } = base.shape;
    return flipped(random, image, random.int(blocks) * blockLength, blockLength);
  },
  "flipped bits close together": (random, { image }) => {
    const length = 1 + random.int(64);
    return flipped(random, image.slice(), random.int(image.length - length), length);
  },
  "flipped bits in a header": (random, base) => {
    const image = base.image.slice();
    return flipped(random, image, random.int(base.shape.blocks) * base.shape.blockLength, 20);
  },
  "headers before random bytes": (random, base) => {
    const image = randomBytes(random, base.image.length);
    for (let block = 0; block < base.shape.blocks; block++)
      inBlock(image, base, block).set(
        inBlock(base.image, base, block).subarray(0, random.int(3) === 0 ? 0 : 20),
      );
    return image;
  },
  "headers of any sequence before random or erased bytes": (random, base) => {
    const image = new Uint8Array(base.image.length).fill(0xff);
    for (let block = 0; block < base.shape.blocks; block++) {
      const bytes = inBlock(image, base, block);
      if (random.int(2) === 0) bytes.set(randomBytes(random, bytes.length));
      if (random.int(4) > 0)
        writeHeader(bytes, 1 + random.int(2), random.int(2) ? random.int(9) : random.int(2 ** 32));
    }
    return image;
  },
  "a random tail of blocks": (random, base) => {
    const image = base.image.slice();
    const { blockLength, blocks } = base.shape;
    for (let block = 0; block < blocks; block++) {
      if (random.int(2) === 0) continue;
      const from = random.int(blockLength);
      inBlock(image, base, block).set(randomBytes(random, blockLength - from), from);
    }
    return image;
  },
  "shuffled blocks": (random, base) => {
    const { blocks } = base.shape;
    const order = Array.from({ length: blocks }, (_, block) => block);
    for (let i = blocks - 1; i > 0; i--) {
      const j = random.int(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return rearranged(base, order);
  },
  "duplicated blocks": (random, base) => {
    const { blocks } = base.shape;
    const order = Array.from({ length: blocks }, (_, block) =>
      random.int(2) === 0 ? block : random.int(blocks),
    );
    return rearranged(base, order);
  },
  "erased blocks": (random, base) => {
    const image = base.image.slice();
    const first = random.int(base.shape.blocks);
    for (let block = first; block < base.shape.blocks; block++) inBlock(image, base, block).fill(0xff);
    if (random.int(2) === 0) inBlock(image, base, random.int(base.shape.blocks)).fill(0xff);
    return image;
  },
  "programmed blocks": (random, base) => {
    const image = base.image.slice();
    inBlock(image, base, random.int(base.shape.blocks)).fill(0);
    return image;
  },
  "a newer format": (random, base) => {
    const image = base.image.slice();
    const block = inBlock(image, base, random.int(base.shape.blocks));
    writeHeader(block, 3 + random.int(253), random.int(2 ** 32));
    return image;
  },
});

const KINDS = Object.freeze(Object.keys(CONTENTS));

export interface ContentCounts {
  images: number;
  /** Refused as of a newer format. */
  refused: number;
  /** In which the newest state was found. */
  newest: number;
  /** In which an older one was found, or none, and a warning said so. */
  older: number;
  /** In which records in the middle were damaged, and a warning said so. */
  gaps: number;
}

/** A warning of committed records that no longer read as such. What came after them is folded all the same: sequences must go on. */
const DAMAGED = /damaged/;

/** The content of a seed. */
export function contentOf(
  all: readonly Base[],
  seed: number,
): { readonly kind: string; readonly base: Base; readonly content: Uint8Array } {
  const random = new Random(`content ${seed}`);
  const kind = KINDS[seed % KINDS.length]!;
  const base = all[random.int(all.length)]!;
  return { kind, base, content: CONTENTS[kind]!(random, base) };
}

/** One partition; what is wrong with what a device makes of it is thrown. */
export function tryContent(
  all: readonly Base[],
  seed: number,
  tell?: (text: string) => void,
): keyof ContentCounts {
  const { kind, base, content } = contentOf(all, seed);
  tell?.(`${kind}; ${base.scenario.name} on ${JSON.stringify(base.shape)}`);
  const flash = new NorFlash({ ...base.shape, content });
  const warnings: string[] = [];
  const start = () =>
    base.scenario.start(flash, (text) => {
      warnings.push(text);
      tell?.(`  warning: ${text}`);
    });
  const running = start();
  try {
    running.open();
  } catch (error) {
    tell?.(`  ${error}`);
    if (!(error instanceof LedgerError && error.code === "version")) throw error;
    if (!sameBytes(flash.bytes, content))
      throw new Violation("erasesNothing", "a newer format was written to");
    return "refused";
  }
  if (kind === "a newer format")
    throw new Violation("refusesNewer", "a newer format was taken for a journal");
  const found = base.states.find(({ state }) => sameBytes(state, running.state));
  if (!found) {
    if (!warnings.some((text) => DAMAGED.test(text)))
      throw new Violation("wasCommitted", "the state was never committed, and nothing is said to be damaged");
    running.checkDamaged(base.newest);
    const { state } = running;
    const again = start();
    again.open();
    if (!sameBytes(again.state, state))
      throw new Violation("isAsBefore", "a second start finds another state");
    return "gaps";
  }
  tell?.(`  the state is that after ${found.number} of ${base.newest.number} commits`);
  const isErased = content.every((byte) => byte === 0xff);
  if (found !== base.newest && !isErased && warnings.length === 0)
    throw new Violation(
      "saysSo",
      `the state is that after ${found.number} of ${base.newest.number} commits, untold`,
    );
  // What it believes now it keeps.
  let expected = found;
  const witness = new Witness(base.scenario.codec);
  running.check(expected, witness);
  for (let i = 0; i < 3; i++) {
    running.commit(expected, 7);
    expected = expected.next(7);
  }
  const again = start();
  again.open();
  if (!sameBytes(again.state, expected.state))
    throw new Violation("isAsBefore", "what was committed after it is not there");
  writesOnce(flash);
  return found === base.newest ? "newest" : "older";
}

/** So many partitions from a seed on. Failures have the ids `content/SEED`. */
export function exploreContents(
  scenarios: readonly Scenario[],
  seed: number,
  images: number,
): { counts: ContentCounts; failures: { id: string; message: string }[] } {
  const all = bases(scenarios);
  const counts: ContentCounts = { images: 0, refused: 0, newest: 0, older: 0, gaps: 0 };
  const failures: { id: string; message: string }[] = [];
  for (let i = 0; i < images; i++) {
    counts.images++;
    try {
      counts[tryContent(all, seed + i)]++;
    } catch (error) {
      failures.push({
        id: `content/${seed + i}`,
        message: `${KINDS[(seed + i) % KINDS.length]}: ${error instanceof Error ? error.message : error}`,
      });
    }
  }
  return { counts, failures };
}

function inBlock(image: Uint8Array, { shape }: Base, block: number): Uint8Array {
  return image.subarray(block * shape.blockLength, (block + 1) * shape.blockLength);
}

function rearranged(base: Base, order: readonly number[]): Uint8Array {
  const image = new Uint8Array(base.image.length);
  order.forEach((from, to) => {
    inBlock(image, base, to).set(inBlock(base.image, base, from));
  });
  return image;
}

/** 1 to 64 of the bits. */
function flipped(random: Random, image: Uint8Array, from: number, length: number): Uint8Array {
  const many = 1 + random.int(random.int(2) === 0 ? 4 : 64);
  for (let i = 0; i < many; i++) image[from + random.int(length)]! ^= 1 << random.int(8);
  return image;
}

function randomBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.int(256);
  return bytes;
}

/** The header that all formats have. */
function writeHeader(block: Uint8Array, format: number, sequence: number): void {
  const view = new DataView(block.buffer, block.byteOffset, 20);
  view.setUint32(0, 0x45564652);
  view.setUint32(4, format * 0x1000000);
  view.setUint32(8, sequence);
  view.setUint32(12, 1);
  view.setUint32(16, crc32(block, 0, 0, 16));
}
