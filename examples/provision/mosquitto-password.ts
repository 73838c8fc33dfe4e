import { pbkdf2Sync, randomBytes } from "node:crypto";

/** Rounds that `mosquitto_passwd` takes. They protect what people think up; what is hashed here is random. */
const ROUNDS = 101;
const SALT_BYTES = 12;
const HASH_BYTES = 64;

/** A line of mosquitto's password file, as `mosquitto_passwd` of mosquitto 1.6 and newer writes it. */
export function passwordLine(user: string, password: string): string {
  const salt = randomBytes(SALT_BYTES);
  const hash = pbkdf2Sync(password, salt, ROUNDS, HASH_BYTES, "sha512");
  return `${user}:$7$${ROUNDS}$${salt.toString("base64")}$${hash.toString("base64")}`;
}
