import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";

/** DER tags. */
const TAG = Object.freeze({ integer: 0x02, oid: 0x06, utf8: 0x0c, sequence: 0x30, set: 0x31, utcTime: 0x17 });

/** 1.2.840.113549.1.1.11, sha256WithRSAEncryption */
const SHA256_RSA = Object.freeze([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]);
/** 2.5.4.3, commonName */
const COMMON_NAME = Object.freeze([0x55, 0x04, 0x03]);

/** From 1 January 2000 to the end of 2049, the last year that this form of date can say: any virtual clock is within. */
const VALIDITY = Object.freeze(["000101000000Z", "491231235959Z"]);

/**
 * A self-signed X.509 certificate (version 1) for an RSA key. Node.js can read certificates and cannot make them.
 *
 * @returns PEM
 */
export function certificateOf(privateKey: KeyObject, commonName: string): string {
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const algorithm = der(TAG.sequence, der(TAG.oid, Buffer.from(SHA256_RSA)), Buffer.from([0x05, 0x00]));
  const attribute = der(
    TAG.sequence,
    der(TAG.oid, Buffer.from(COMMON_NAME)),
    der(TAG.utf8, Buffer.from(commonName)),
  );
  const name = der(TAG.sequence, der(TAG.set, attribute));
  const serial = createHash("sha256").update(publicKey).digest().subarray(0, 8);
  // A number with its first bit set would be negative.
  serial[0]! &= 0x7f;
  serial[0]! |= 0x40;
  const signed = der(
    TAG.sequence,
    der(TAG.integer, serial),
    algorithm,
    name,
    der(TAG.sequence, ...VALIDITY.map((time) => der(TAG.utcTime, Buffer.from(time)))),
    name,
    publicKey,
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", signed, privateKey)]);
  const certificate = der(TAG.sequence, signed, algorithm, der(0x03, signature));
  const lines = certificate.toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
