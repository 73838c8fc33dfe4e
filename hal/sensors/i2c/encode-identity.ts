import { crc32 } from "../../../sdk/ledger/crc32.js";
import { SensorError } from "../errors.js";
import type { Identity } from "./identity-record.js";

function refuse(field: string, accepted: string, value: unknown): never {
  throw new SensorError("options", `identity: ${field} must be ${accepted} (got ${String(value)})`);
}

/**
 * The bytes of an identity record, for the tool that fills cartridges and tags: not part of any device's image.
 * The layout is in `identity-record.ts`.
 * @throws SensorError `options`
 */
export function encodeIdentity({ consumable, quantity, serial }: Identity): Uint8Array {
  if (!/^[!-~]{1,32}$/.test(consumable))
    refuse("consumable", "1 to 32 printable ASCII characters without spaces", consumable);
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > 0xffff_ffff)
    refuse("quantity", "a whole number of steps, 1 to 4294967295", quantity);
  if (!/^[0-9a-f]{16}$/.test(serial) || /^0+$/.test(serial))
    refuse("serial", "16 lower-case hexadecimal digits, not all 0", serial);
  const end = 16 + consumable.length;
  const bytes = new Uint8Array(end + 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4546);
  bytes[2] = 1;
  bytes[3] = consumable.length;
  view.setUint32(4, quantity);
  for (let i = 0; i < 8; i++) bytes[8 + i] = Number.parseInt(serial.slice(2 * i, 2 * i + 2), 16);
  for (let i = 0; i < consumable.length; i++) bytes[16 + i] = consumable.charCodeAt(i);
  view.setUint32(end, crc32(bytes, 0, 0, end));
  return bytes;
}

/**
 * The data area of a Type 2 tag, from page 4 on, with an identity in one NDEF record: for the tool that fills tags.
 * @throws SensorError `options`
 */
export function encodeTag(identity: Identity): Uint8Array {
  const payload = encodeIdentity(identity);
  const type = [..."application/x-everfull"].map((letter) => letter.charCodeAt(0));
  // NDEF message TLV; one short record of a media type: message begin and end; terminator TLV.
  const length = 3 + type.length + payload.length;
  return Uint8Array.of(0x03, length, 0xd2, type.length, payload.length, ...type, ...payload, 0xfe);
}
