/** Bytes of a packet of SNTP (RFC 4330), without what may follow. */
export const NTP_BYTES = 48;

/** From 1900 to 1970, in seconds. */
const NTP_EPOCH = 2_208_988_800;
/** Of the seconds' 32 bits, which start again in 2036. */
const ERA = 2 ** 32;
const CLIENT = (4 << 3) | 3;
const SERVER = 4;

/** A question. The server repeats `token`, 8 bytes, so that nobody who did not see it can answer. */
export function ntpQuestion(token: Uint8Array): Uint8Array {
  const packet = new Uint8Array(NTP_BYTES);
  packet[0] = CLIENT;
  packet.set(token, 40);
  return packet;
}

/** The time of a server's answer, UTC in milliseconds when it was sent; undefined when it is none, or of a server that does not know it itself. */
export function ntpAnswer(packet: ArrayBuffer, token: Uint8Array): number | undefined {
  if (packet.byteLength < NTP_BYTES) return undefined;
  const bytes = new Uint8Array(packet);
  const [first = 0, stratum = 0] = bytes;
  // Leap 3 is a clock that is not set; stratum 0 a refusal.
  if ((first & 7) !== SERVER || first >> 6 === 3 || stratum === 0 || stratum > 15) return undefined;
  for (let i = 0; i < 8; i++) if (bytes[24 + i] !== token[i]) return undefined;
  const view = new DataView(packet);
  const seconds = view.getUint32(40);
  if (seconds === 0) return undefined;
  // Before 1970 is after 2036.
  const since1900 = seconds < NTP_EPOCH ? seconds + ERA : seconds;
  return (since1900 - NTP_EPOCH) * 1000 + Math.round((view.getUint32(44) / ERA) * 1000);
}
