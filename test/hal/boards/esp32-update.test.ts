import { createHash } from "node:crypto";
import { register } from "node:module";
import test from "ava";
import type { CreateDigest, UpdatePort } from "../../../sdk/update/index.js";
import { Supply, TornNor } from "../../sdk/update/torn-nor.js";

/** What stands for the SDK's modules, below. */
const platform: {
  flash: Record<string, TornNor>;
  opened: string[];
  updates: { partition: TornNor; mode: string; calls: string[]; refuses: boolean };
} = {
  flash: {},
  opened: [],
  updates: { partition: undefined as unknown as TornNor, mode: "", calls: [], refuses: false },
};
Object.assign(globalThis, {
  platformUpdate: platform,
  platformHash: (algorithm: string) => createHash(algorithm.toLowerCase()),
});
const SOURCES: Record<string, string> = {
  "embedded:storage/flash": `export default { open({ path, mode }) {
    globalThis.platformUpdate.opened.push(path + " " + mode);
    const found = globalThis.platformUpdate.flash[path];
    if (!found) throw new Error("can't find partition");
    return found;
  } };`,
  "embedded:update": `export default { open({ partition, mode }) {
    const { updates } = globalThis.platformUpdate;
    Object.assign(updates, { partition, mode });
    return {
      write: (bytes) => updates.calls.push("write " + bytes.length),
      complete() { updates.calls.push("complete"); if (updates.refuses) throw new Error("end failed"); },
      close: () => updates.calls.push("close"),
    };
  } };`,
  crypt: `export class Digest {
    constructor(algorithm) { this.hash = globalThis.platformHash(algorithm); }
    write(data) { this.hash.update(data); }
    close() { const bytes = this.hash.digest(); return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length); }
  }`,
};
const hooks = `
const sources = ${JSON.stringify(SOURCES)};
export async function resolve(specifier, context, next) {
  return specifier in sources && !context.parentURL?.includes("node_modules")
    ? { url: "stand-in:" + specifier, shortCircuit: true }
    : next(specifier, context);
}
export async function load(url, context, next) {
  if (!url.startsWith("stand-in:")) return next(url, context);
  return { format: "module", shortCircuit: true, source: sources[url.slice("stand-in:".length)] };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
const { Esp32Update, nativeDigest } = (await import(
  "../../../hal/boards/esp32/update/update.js" as string
)) as {
  Esp32Update: new () => UpdatePort;
  nativeDigest: CreateDigest;
};

function board(): UpdatePort {
  const supply = new Supply();
  platform.flash = {
    nextota: new TornNor(supply, 4, 512),
    running: new TornNor(supply, 4, 512, Uint8Array.of(0xe9, 1, 2, 3)),
    otadata: new TornNor(supply, 2, 64),
  };
  platform.opened = [];
  platform.updates = { ...platform.updates, calls: [], refuses: false };
  return new Esp32Update();
}

test.serial("the next image is opened for writing, the one that runs is not", (t) => {
  const port = board();
  t.deepEqual(platform.opened, ["nextota r+", "running r", "otadata r+"]);
  t.is(port.size, 2048);
  t.is(port.blockLength, 512);
  t.deepEqual([...port.running(4)], [0xe9, 1, 2, 3]);
});

test.serial("blocks are written over, read back and erased", (t) => {
  const port = board();
  port.write(1, new Uint8Array(512).fill(1));
  port.write(1, new Uint8Array(512).fill(0xfe));
  port.write(3, Uint8Array.of(5, 6, 7, 8));
  t.true(port.read(1, 512).every((byte) => byte === 0xfe));
  t.deepEqual([...port.read(3, 4)], [5, 6, 7, 8]);
  port.erase(1);
  t.true(port.read(1, 512).every((byte) => byte === 0xff));
});

test.serial("the first block goes through the platform's update, which is closed whatever it says", (t) => {
  const port = board();
  port.complete(new Uint8Array(512));
  t.is(platform.updates.partition, platform.flash.nextota!);
  t.is(platform.updates.mode, "a");
  t.deepEqual(platform.updates.calls, ["write 512", "complete", "close"]);
  const other = board();
  platform.updates.refuses = true;
  t.throws(() => other.complete(new Uint8Array(512)), { message: "end failed" });
  t.deepEqual(platform.updates.calls, ["write 512", "complete", "close"]);
});

test.serial("the slot that stays or goes is told to otadata", (t) => {
  const port = board();
  t.is(port.next(), 0);
  port.settle(1, true);
  t.is(port.next(), 1);
  port.settle(1, false);
  t.is(port.next(), 0);
});

test.serial("a device without the partitions has no update", (t) => {
  platform.flash = {};
  t.throws(() => new Esp32Update(), { message: "can't find partition" });
});

test.serial("hashes are the platform's, over parts", (t) => {
  for (const algorithm of ["SHA256", "SHA512"] as const) {
    const digest = nativeDigest(algorithm);
    digest.write(Uint8Array.of(1, 2));
    digest.write(Uint8Array.of(3));
    const expected = createHash(algorithm.toLowerCase())
      .update(Uint8Array.of(1, 2, 3))
      .digest();
    t.deepEqual([...digest.close()], [...expected]);
  }
});
