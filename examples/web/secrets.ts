import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What nobody can guess: 24 characters that may stand in a URL. */
export function secret(): string {
  return randomBytes(18).toString("base64url");
}

/** In a time that says nothing about where they differ. */
export function equal(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(left!, right!);
}
