import { crc32 } from "../../../sdk/ledger/crc32.js";

/*
 * Identity record, version 1, big-endian:
 *
 *   at   bytes
 *   0    2      "EF"
 *   2    1      version, 1
 *   3    1      n, 1 to 32: length of the consumable's id
 *   4    4      quantity, 1 to 2^32 - 1
 *   8    8      serial, not all 0
 *   16   n      consumable's id, printable ASCII without the space
 *   16+n 4      CRC-32 of all before it
 */
const MAGIC = 0x4546;
const VERSION = 1;
const HEAD = 16;
const CRC = 4;
const ID_MAX = 32;

/** Bytes of the longest record. */
export const RECORD_MAX: number = HEAD + ID_MAX + CRC;

/** What a cartridge or pack says of itself. */
export interface Identity {
  /** what is in it, as the slot's owner names it (an ASIN, an article number): 1 to 32 printable ASCII characters */
  consumable: string;
  /** whole steps of the slot, as filled by the maker, 1 to 2^32 - 1 */
  quantity: number;
  /** of this one cartridge: 16 hexadecimal digits, lower case */
  serial: string;
}

/**
 * Why there is no identity:
 * - `blank`: nothing was ever written
 * - `format`: something else, or fields that no record has
 * - `version`: a record of a later version
 * - `checksum`: a record that was damaged, or torn while it was written or read
 */
export type RecordFault = "blank" | "format" | "version" | "checksum";

/**
 * The identity in a record; what follows the record is ignored. The id and the quantity of a record whose checksum
 * fails are never shown: a wrong refill is worse than none.
 */
export function decodeIdentity(bytes: Uint8Array): Identity | RecordFault {
  // Erased EEPROM reads as 0xff, a new tag as 0.
  const first = bytes[0];
  if ((first === 0xff || first === 0) && bytes.every((byte) => byte === first)) return "blank";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEAD || view.getUint16(0) !== MAGIC) return "format";
  if (bytes[2] !== VERSION) return "version";
  const end = HEAD + bytes[3]!;
  if (end === HEAD || end > HEAD + ID_MAX || bytes.length < end + CRC) return "format";
  if (view.getUint32(end) !== crc32(bytes, 0, 0, end)) return "checksum";
  const quantity = view.getUint32(4);
  let consumable = "";
  for (let i = HEAD; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < 0x21 || byte > 0x7e) return "format";
    consumable += String.fromCharCode(byte);
  }
  let serial = "";
  for (let i = 8; i < HEAD; i++) serial += (bytes[i]! + 0x100).toString(16).slice(1);
  if (quantity === 0 || serial === "0000000000000000") return "format";
  return { consumable, quantity, serial };
}
