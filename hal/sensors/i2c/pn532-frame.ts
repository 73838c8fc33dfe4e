/*
 * Frames between host and PN532, user manual UM0701-02 section 6.2.1:
 *
 *   00  00 FF  LEN  LCS  TFI PD0 PD1 ... PDn  DCS  00
 *
 * LEN counts TFI and PD, LEN + LCS = 0 and TFI + PD0 + ... + PDn + DCS = 0, modulo 256. Extended frames (more than 254
 * bytes of PD) are neither sent nor understood here.
 */
const TO_PN532 = 0xd4;
const FROM_PN532 = 0xd5;
/** TFI of the frame that answers a command that the PN532 cannot make sense of ("error frame"). */
const SYNTAX_ERROR = 0x7f;

/** "ACK frame": the PN532 took a command; sent by the host, it ends what the PN532 is doing. */
export const ACK: readonly number[] = Object.freeze([0x00, 0x00, 0xff, 0x00, 0xff, 0x00]);

/** @param data command and parameters, 1 to 254 bytes */
export function encodeFrame(data: readonly number[]): Uint8Array {
  const length = data.length + 1;
  let sum = TO_PN532;
  for (const byte of data) sum += byte;
  return Uint8Array.of(0, 0, 0xff, length, -length, TO_PN532, ...data, -sum, 0);
}

/**
 * The data of a response: response code and parameters. What follows the frame is ignored: the PN532 goes on sending
 * until the host has read as much as it asked for.
 *
 * @returns instead of the data, in words, what is wrong with the frame
 */
export function decodeFrame(bytes: Uint8Array): Uint8Array | string {
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 0xff) return "no start of a frame";
  const length = bytes[3]!;
  if (((length + bytes[4]!) & 0xff) !== 0) return "length checksum";
  const end = 5 + length;
  if (length === 0 || bytes.length < end + 2) return "length";
  let sum = 0;
  for (let i = 5; i <= end; i++) sum += bytes[i]!;
  if ((sum & 0xff) !== 0) return "data checksum";
  if (bytes[end + 1] !== 0) return "no end of the frame";
  if (length === 1 && bytes[5] === SYNTAX_ERROR) return "command refused";
  if (length === 1 || bytes[5] !== FROM_PN532) return "not a response";
  return bytes.slice(6, end);
}
