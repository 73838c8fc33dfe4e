import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { TornNor } from "./torn-nor.js";

/*
 * ESP-IDF v6.0 as far as an update has to do with it, written from its sources and not from ours: which image the bootloader boots
 * (`bootloader_utility.c`, `bootloader_common_loader.c`), and what `embedded:update` calls to have one booted (`esp_ota_ops.c`).
 */

const NEW = 0;
const PENDING = 1;
const VALID = 2;
const INVALID = 3;
const ABORTED = 4;
const NONE = 0xffffffff;
const COUNT = 2;

interface Select {
  sequence: number;
  state: number;
  crc: number;
}

/** `esp_rom_crc32_le(UINT32_MAX, &ota_seq, 4)` */
export function selectCrc(sequence: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(sequence);
  return crc32(bytes, 0xffffffff);
}

export class Bootloader {
  readonly data: TornNor;
  readonly slots: readonly TornNor[];
  /** CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE */
  readonly rollback: boolean;

  constructor(data: TornNor, slots: readonly TornNor[], rollback: boolean) {
    this.data = data;
    this.slots = slots;
    this.rollback = rollback;
  }

  /** Slot of the image that is started; undefined: none can be. */
  boot(): number | undefined {
    const entries = this.read();
    if (this.rollback)
      for (const i of [0, 1])
        if (entries[i]!.state === PENDING) {
          entries[i]!.state = ABORTED;
          this.#rewrite(i, entries[i]!);
        }
    let index: number;
    let isInitial = false;
    if (this.#isInvalid(entries[0]!) && this.#isInvalid(entries[1]!)) {
      index = 0;
      isInitial = entries.every(({ sequence, crc }) => sequence === NONE || crc !== selectCrc(sequence));
    } else {
      const active = this.active(entries);
      if (active < 0) index = -1;
      else {
        index = (entries[active]!.sequence - 1) % COUNT;
        if (this.rollback && entries[active]!.state === NEW) {
          entries[active]!.state = PENDING;
          this.#rewrite(active, entries[active]!);
        }
      }
    }
    const order: number[] = [];
    for (let i = index; i >= 0; i--) order.push(i);
    for (let i = index + 1; i < COUNT; i++) order.push(i);
    for (const slot of order)
      if (this.isImage(slot)) {
        if (isInitial) this.#rewrite(0, { sequence: slot + 1, state: VALID, crc: selectCrc(slot + 1) });
        return slot;
      }
    return undefined;
  }

  /** `esp_image_verify`: the format and the digest at the end. It knows nothing of the maker. */
  isImage(slot: number): boolean {
    return imageLength(this.slots[slot]!.bytes) !== undefined;
  }

  /** `esp_ota_begin`, `esp_ota_write`, `esp_ota_end` and `esp_ota_set_boot_partition`, as `embedded:update` calls them. */
  complete(running: number, first: Uint8Array): void {
    const slot = 1 - running;
    const entries = this.read();
    if (this.rollback) {
      const own = entries.find(
        ({ sequence, crc }) => (sequence - 1) % COUNT === running && crc === selectCrc(sequence),
      );
      if (own?.state === PENDING) throw new Error("begin failed");
      // esp_ota_invalidate_inactive_ota_data_slot
      const active = this.active(entries);
      const other = entries[1 - active];
      const isOther = other && other.sequence !== NONE && other.crc === selectCrc(other.sequence);
      if (active >= 0 && isOther && (other.sequence - 1) % COUNT !== running)
        this.data.eraseBlock(1 - active);
    }
    if (first[0] !== 0xe9) throw new Error("write failed");
    this.slots[slot]!.eraseBlock(0);
    this.slots[slot]!.write(first, 0);
    if (!this.isImage(slot)) throw new Error("end failed");
    const now = this.read();
    const active = this.active(now);
    let at = 0;
    let sequence = slot + 1;
    if (active >= 0) {
      sequence = now[active]!.sequence;
      at = active;
      if ((sequence - 1) % COUNT !== slot) {
        at = 1 - active;
        const base = (slot + 1) % COUNT;
        let i = 0;
        while (sequence > base + i * COUNT) i++;
        sequence = base + i * COUNT;
      }
    }
    this.#rewrite(at, { sequence, state: this.rollback ? NEW : NONE, crc: selectCrc(sequence) });
  }

  read(): [Select, Select] {
    const entry = (sector: number): Select => {
      const bytes = Buffer.from(this.data.read(32, sector * this.data.blockLength));
      return { sequence: bytes.readUInt32LE(0), state: bytes.readUInt32LE(24), crc: bytes.readUInt32LE(28) };
    };
    return [entry(0), entry(1)];
  }

  active([first, second]: readonly [Select, Select]): number {
    if (this.#isValid(first) && this.#isValid(second)) return first.sequence >= second.sequence ? 0 : 1;
    return this.#isValid(first) ? 0 : this.#isValid(second) ? 1 : -1;
  }

  #isInvalid({ sequence, state }: Select): boolean {
    return sequence === NONE || state === INVALID || state === ABORTED;
  }

  #isValid(entry: Select): boolean {
    return !this.#isInvalid(entry) && entry.crc === selectCrc(entry.sequence);
  }

  #rewrite(sector: number, { sequence, state, crc }: Select): void {
    const bytes = Buffer.alloc(32, 0xff);
    bytes.writeUInt32LE(sequence, 0);
    bytes.writeUInt32LE(state, 24);
    bytes.writeUInt32LE(crc, 28);
    this.data.eraseBlock(sector);
    this.data.write(bytes, sector * this.data.blockLength);
  }
}

/** Something that the bootloader takes for an image: 0xE9, length, version, noise, and their SHA-256 at the end. */
export function makeImage(version: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 37 + version * 101 + (i >> 8) * 11) & 0xff;
  bytes[0] = 0xe9;
  bytes.writeUInt32LE(length, 4);
  bytes.writeUInt32LE(version, 8);
  createHash("sha256")
    .update(bytes.subarray(0, -32))
    .digest()
    .copy(bytes, length - 32);
  return new Uint8Array(bytes);
}

/** Bytes of the image that is there; undefined: none is. */
function imageLength(bytes: Uint8Array): number | undefined {
  if (bytes[0] !== 0xe9) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = view.readUInt32LE(4);
  if (length < 64 || length > bytes.length) return undefined;
  const digest = createHash("sha256")
    .update(view.subarray(0, length - 32))
    .digest();
  return digest.equals(view.subarray(length - 32, length)) ? length : undefined;
}

export function imageIn(bytes: Uint8Array): { readonly version: number; readonly bytes: Uint8Array } {
  const length = imageLength(bytes)!;
  return {
    version: Buffer.from(bytes.buffer, bytes.byteOffset).readUInt32LE(8),
    bytes: bytes.slice(0, length),
  };
}
