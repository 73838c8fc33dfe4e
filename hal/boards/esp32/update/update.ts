import flash, { type Flash } from "embedded:storage/flash";
import update from "embedded:update";
import { Digest } from "crypt";
import type { FlashPartition } from "../../../../sdk/index.js";
import type { CreateDigest, UpdatePort } from "../../../../sdk/update/ports.js";
import { OtaData } from "./otadata.js";

/** What the SDK does; its typing takes no typed arrays. */
const NativeDigest = Digest as unknown as new (
  algorithm: string,
) => {
  write(bytes: Uint8Array): void;
  close(): ArrayBuffer;
};

/** Hashes by the platform. */
export const nativeDigest: CreateDigest = (algorithm) => {
  const digest = new NativeDigest(algorithm);
  return {
    write: (bytes) => digest.write(bytes),
    close: () => new Uint8Array(digest.close()),
  };
};

/**
 * The two application partitions of an ESP32, `ota_0` and `ota_1`, and `otadata` that says which one boots: see `firmware/partitions-ota.csv`.
 *
 * Blocks are written through `embedded:storage/flash`, because `embedded:update` cannot go on after a restart: it erases what it opens. It gets the first block,
 * which comes last; then it has ESP-IDF check the whole image and writes `otadata`. Until then no part of the image looks like one.
 */
export class Esp32Update implements UpdatePort {
  readonly size: number;
  readonly blockLength: number;
  readonly #next: Flash;
  readonly #running: FlashPartition;
  readonly #data: OtaData;

  /** What the platform throws when one of the partitions is not there. */
  constructor() {
    this.#next = flash.open({ path: "nextota", mode: "r+" });
    this.#running = flash.open({ path: "running", mode: "r" });
    this.#data = new OtaData(flash.open({ path: "otadata", mode: "r+" }));
    ({ size: this.size, blockLength: this.blockLength } = this.#next.status());
  }

  running(length: number): Uint8Array {
    return new Uint8Array(this.#running.read(length, 0));
  }

  erase(block: number): void {
    this.#next.eraseBlock(block, block + 1);
  }

  write(block: number, bytes: Uint8Array): void {
    this.erase(block);
    this.#next.write(bytes, block * this.blockLength);
  }

  read(block: number, length: number): Uint8Array {
    return new Uint8Array(this.#next.read(length, block * this.blockLength));
  }

  complete(first: Uint8Array): void {
    const updater = update.open({ partition: this.#next, mode: "a" });
    try {
      updater.write(first);
      updater.complete();
    } finally {
      updater.close();
    }
  }

  next(): number {
    return this.#data.next();
  }

  arm(): void {
    this.#data.arm();
  }

  settle(slot: number, stays: boolean): void {
    this.#data.settle(stays ? slot : 1 - slot);
  }
}
