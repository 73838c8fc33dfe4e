import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/** A key that tokens are encrypted with. */
export interface TokenKey {
  /** 1 to 255; written beside what is encrypted with it, and never used for another key. */
  readonly number: number;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

const ALGORITHM = "aes-256-gcm";
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What is encrypted cannot be read: another key, another owner, or changed. The message holds no secret. */
export class VaultError extends Error {
  override name = "VaultError";
}

/**
 * Encrypts what is stored, with AES-256-GCM. The first key encrypts, all decrypt: to change keys, put the new one
 * first and drop the old one when nothing that was encrypted with it is left.
 */
export class Vault {
  readonly #keys: ReadonlyMap<number, Uint8Array>;
  /** Number of the key that encrypts; 0: there is none. */
  readonly current: number;

  constructor(keys: readonly TokenKey[]) {
    this.#keys = new Map(keys.map(({ number, secret }) => [number, secret]));
    this.current = keys[0]?.number ?? 0;
  }

  /**
   * @param owner whom it belongs to: it opens under no other name, so that rows cannot be exchanged
   * @returns `<key number>.<base64url>`
   */
  seal(owner: string, text: string): string {
    const key = this.#keys.get(this.current);
    if (!key) throw new VaultError("tokenKeys: there is no key to encrypt tokens with");
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(owner));
    const sealed = [iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()];
    return `${this.current}.${Buffer.concat(sealed).toString("base64url")}`;
  }

  /** @throws {VaultError} */
  open(owner: string, sealed: string): string {
    const dot = sealed.indexOf(".");
    const key = this.#keys.get(Number(sealed.slice(0, dot)));
    if (!key) throw new VaultError(`tokenKeys: key ${sealed.slice(0, dot)} is needed and not there`);
    const bytes = Buffer.from(sealed.slice(dot + 1), "base64url");
    if (bytes.length < IV_BYTES + TAG_BYTES) throw new VaultError(`token of "${owner}": too short`);
    const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(owner));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    } catch (error) {
      throw new VaultError(`token of "${owner}": was changed, or encrypted with another key or for another`, {
        cause: error,
      });
    }
  }
}

/**
 * Keys as they are written in an environment variable: `<number>:<base64 of 32 bytes>`, separated by commas, the
 * one that encrypts first. What is wrong with them is found when the gateway checks its options.
 */
export function parseTokenKeys(text: string): TokenKey[] {
  return text.split(",").map((each) => {
    const [number = "", secret = ""] = each.trim().split(":");
    return {
      number: /^\d+$/.test(number) ? Number(number) : Number.NaN,
      secret: new Uint8Array(Buffer.from(secret, "base64")),
    };
  });
}
