import nacl from "tweetnacl";
import { Ed25519Check } from "../../../sdk/update/ed25519.js";

/*
 * The check of a signature in an engine that counts: a command is one byte, 1 begins a check and 2 goes a step further. The answer is one byte: 0 not done,
 * 1 good, 2 not good.
 */

const PUBLIC_KEY = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const SIGNATURE =
  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
const MESSAGE = "72";

const fromHex = (text: string) =>
  Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
const native = globalThis as unknown as { handleCommand(event: ArrayBuffer): ArrayBuffer | undefined };
let check: Ed25519Check | undefined;

native.handleCommand = (bytes) => {
  const [command] = new Uint8Array(bytes);
  if (command === 1) {
    const [message, signature, key] = [fromHex(MESSAGE), fromHex(SIGNATURE), fromHex(PUBLIC_KEY)];
    // The platform's hash is native: not counted here.
    const hashed = nacl.hash(Uint8Array.of(...signature.subarray(0, 32), ...key, ...message));
    check = new Ed25519Check(() => hashed, message, signature, key);
  }
  const result = command === 2 ? check?.step() : undefined;
  return Uint8Array.of(result === undefined ? 0 : result ? 1 : 2).buffer;
};
