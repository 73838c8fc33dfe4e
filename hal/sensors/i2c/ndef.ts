/** Media type of the NDEF record (TNF 2) whose payload is an identity record. */
const TYPE = "application/x-everfull";
const TNF_MEDIA_TYPE = 2;

/**
 * Why a tag gives no identity record:
 * - `blank`: formatted and empty
 * - `format`: no NDEF, or not as the NFC Forum has it
 * - `foreign`: sound NDEF of someone else
 */
export type NdefFault = "blank" | "format" | "foreign";

/**
 * The NDEF message in the memory of a Type 2 tag (NFC Forum Type 2 Tag Operation, sections 2.3 and 6.1), as far as it
 * was read.
 *
 * @param memory from page 3 on: the capability container, then the data area
 * @returns undefined when the message goes on behind what was read
 */
export function ndefMessage(memory: Uint8Array): Uint8Array | NdefFault | undefined {
  // Capability container: mark, version 1.x, bytes of the data area / 8, readable by everyone.
  if (memory[0] !== 0xe1 || memory[1]! >> 4 !== 1 || memory[3]! >> 4 !== 0) return "format";
  const end = 4 + memory[2]! * 8;
  let at = 4;
  while (at < end) {
    const tag = memory[at++];
    if (tag === undefined) return undefined;
    if (tag === 0x00) continue;
    if (tag === 0xfe) return "blank";
    let length = memory[at++];
    if (length === 0xff) {
      length = memory[at]! * 256 + memory[at + 1]!;
      // The three-byte form is for what does not fit in one byte.
      if (length < 0xff) return "format";
      at += 2;
    }
    if (length === undefined || Number.isNaN(length)) return at > end ? "format" : undefined;
    if (at + length > end) return "format";
    if (tag === 0x03) {
      if (length === 0) return "blank";
      return at + length > memory.length ? undefined : memory.slice(at, at + length);
    }
    // Lock control, memory control and proprietary blocks; everything else is reserved.
    if (tag !== 0x01 && tag !== 0x02 && tag !== 0xfd) return "format";
    at += length;
  }
  return "format";
}

/**
 * The payload of our record in an NDEF message (NFC Forum NDEF 1.0, section 3): every record is checked, also those
 * of others, and the message must end where its last record ends.
 */
export function identityPayload(message: Uint8Array): Uint8Array | NdefFault {
  let payload: Uint8Array | undefined;
  let at = 0;
  for (;;) {
    const header = message[at]!;
    const tnf = header & 7;
    // Message begin on the first record and no other; no chunks; 7 is reserved.
    if (at >= message.length || header >> 7 !== (at === 0 ? 1 : 0) || header & 0x20 || tnf === 7)
      return "format";
    const isShort = header & 0x10;
    const typeLength = message[at + 1]!;
    const sizes = at + 2;
    at = sizes + (isShort ? 1 : 4);
    let idLength = 0;
    if (header & 0x08) idLength = message[at++]!;
    if (!(at <= message.length)) return "format";
    let length = message[sizes]!;
    if (!isShort) length = new DataView(message.buffer, message.byteOffset, message.length).getUint32(sizes);
    const start = at + typeLength + idLength;
    if (!(start + length <= message.length)) return "format";
    // An empty record (0) has nothing, one of unknown type (5) no type; unchanged ones (6) only continue chunks.
    if (tnf === 0 ? start + length !== at : tnf === 6 || (tnf === 5 ? typeLength > 0 : typeLength === 0))
      return "format";
    if (payload === undefined && tnf === TNF_MEDIA_TYPE && typeLength === TYPE.length) {
      let i = 0;
      while (i < typeLength && message[at + i] === TYPE.charCodeAt(i)) i++;
      if (i === typeLength) payload = message.slice(start, start + length);
    }
    at = start + length;
    if (header & 0x40) return at === message.length ? (payload ?? "foreign") : "format";
  }
}
