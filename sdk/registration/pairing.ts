/** What the hand-over of a registration needs of the board. */
export interface PairingPorts {
  /** So many bytes from a cryptographic random source. */
  entropy(count: number): Uint8Array;
  /** SHA-256. */
  sha256(bytes: Uint8Array): Uint8Array;
  /** Milliseconds, never back. */
  ticks(): number;
}

/** What becomes of a pairing code that somebody brings. */
export type Paired = "paired" | "no-offer" | "expired" | "wrong-code";

/** How long an offer stands, in milliseconds: a customer fills in a form meanwhile. */
export const PAIRING_LIFE = 15 * 60 * 1000;
/** Codes that may be tried in vain before the offer is withdrawn. */
export const PAIRING_ATTEMPTS = 5;
/** 40 bits. Without characters that look like others. */
const CODE_BYTES = 8;
const CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** In base64url, the 43 characters that PKCE asks for at least (RFC 7636, section 4.1). */
const VERIFIER_BYTES = 32;
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/**
 * One offer at a time: a PKCE verifier that stays here, the challenge for it, and a code by which the app proves that it talks to this device.
 * In RAM alone: after a restart the offer is made again.
 */
export class Pairing {
  readonly #ports: PairingPorts;
  #open:
    | { readonly verifier: string; readonly code: string; readonly until: number; left: number }
    | undefined;

  constructor(ports: PairingPorts) {
    this.#ports = ports;
  }

  /** Takes the place of an offer before. `challenge`: S256 of the verifier. */
  open(): { readonly challenge: string; readonly code: string } {
    const { entropy, sha256, ticks } = this.#ports;
    const verifier = base64url(entropy(VERIFIER_BYTES));
    // 32 characters: five bits of each byte, so that all are as likely.
    const code = [...entropy(CODE_BYTES)].map((byte) => CODE_ALPHABET[byte & 31]).join("");
    this.#open = { verifier, code, until: ticks() + PAIRING_LIFE, left: PAIRING_ATTEMPTS };
    const bytes = Uint8Array.from(verifier, (character) => character.charCodeAt(0));
    return { challenge: base64url(sha256(bytes)), code };
  }

  /** Whether the code is that of the offer, which is over with it. Case does not matter, nor spaces and dashes. */
  pair(code: string): Paired {
    const open = this.#open;
    if (!open) return "no-offer";
    if (this.#ports.ticks() >= open.until) {
      this.#open = undefined;
      return "expired";
    }
    if (code.replace(/[\s-]/g, "").toUpperCase() === open.code) return "paired";
    if (--open.left === 0) this.#open = undefined;
    return "wrong-code";
  }

  /** Of the offer that stands. */
  get verifier(): string {
    return this.#open!.verifier;
  }

  /** The offer is over. */
  close(): void {
    this.#open = undefined;
  }
}

/** RFC 4648, section 5, without padding. */
export function base64url(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const digits = Math.min(4, bytes.length - at + 1);
    for (let digit = 0; digit < digits; digit++) text += BASE64URL[(group >> (18 - 6 * digit)) & 63];
  }
  return text;
}
