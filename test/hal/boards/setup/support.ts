import fc from "fast-check";
import { type SettingsStore, Setup, type SetupOptions } from "../../../../hal/boards/setup/setup.js";
import { VirtualTime } from "../../sensors/virtual-time.js";

export const KEY = "0123456789abcdef".repeat(4);
export const WHOLE = {
  serial: "kitchen-1",
  keySecret: KEY,
  keyNumber: 7,
  brokerHost: "broker.example",
  brokerPort: 8883,
  brokerPassword: "swordfish",
  wifiSSID: "Zuhause ☕",
  wifiPassword: "correct horse",
  setupPassword: "on the label",
};

export class MemoryStore implements SettingsStore {
  text: string | undefined;
  writes = 0;
  isBroken = false;

  read(): string | undefined {
    if (this.isBroken) throw new Error("store: broken");
    return this.text;
  }

  write(text: string): void {
    if (this.isBroken) throw new Error("store: broken");
    this.text = text;
    this.writes++;
  }
}

/** A set-up with all that it needs, and what came of it. */
export function newSetup(options: Partial<SetupOptions> = {}) {
  const store = new MemoryStore();
  const time = new VirtualTime();
  const starts: number[] = [];
  const log: string[] = [];
  const setup = new Setup({
    store,
    config: {},
    needed: ["serial", "keySecret", "brokerHost", "wifiSSID"],
    schedule: (delay, task) => time.schedule(delay, task),
    start: () => starts.push(time.now),
    log: (text) => log.push(text),
    ...options,
  });
  return { setup, store, time, starts, log };
}

export const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));
export const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** The same bytes in pieces of any length. */
export function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(bytes.slice(at, at + length));
    at += length;
  }
  pieces.push(bytes.slice(at));
  return pieces;
}

export const lengths = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 });
/** Values of which no part may come back: longer than anything that an answer has by chance. */
export const secret = fc.stringMatching(/^[0-9a-f]{64}$/);
