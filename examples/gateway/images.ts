import { crc32 } from "node:zlib";
import type { DownlinkMessage, Offered } from "everfull";
import { decodeDescription, type SignedDescription } from "everfull/update";
import type { Queries } from "./database.js";
import { GatewayError, reason } from "./errors.js";
import type { Log } from "./log.js";

/**
 * Writes an image down that a device is to be offered. Its description goes down with every answer to the device until it has said what becomes of it. An image
 * that was offered before and has not been answered is not offered any more.
 *
 * @param description as `everfull image-sign` writes it; its signature is for the device to check
 * @returns the entry's number
 * @throws {GatewayError} `image`: it is no description; nothing is entered
 */
export async function enterImage(
  queries: Queries,
  serial: string,
  description: Uint8Array,
  now: number,
): Promise<number> {
  let image: SignedDescription;
  try {
    image = decodeDescription(description);
  } catch (error) {
    throw new GatewayError("image", `device "${serial}": not the description of an image: ${reason(error)}`);
  }
  // Entries of one device one by one: their numbers.
  await queries.lockDevice(serial);
  return queries.images.add(serial, image.version, crc32(description), description, now);
}

/** The image that goes down before the answer to a device, if it is owed one. */
export async function owedImage(
  queries: Queries,
  serial: string,
  now: number,
): Promise<DownlinkMessage | undefined> {
  const description = await queries.images.owed(serial, now);
  return description && { kind: "image", description };
}

/** A device has said what becomes of an image. */
export async function answerImage(
  queries: Queries,
  serial: string,
  message: Offered,
  now: number,
  log: Log,
): Promise<void> {
  const number = await queries.images.answer(serial, message, now);
  const { image, outcome } = message;
  const level = outcome === "taken" || outcome === "known" ? "info" : "warn";
  log({ level, event: "image-answered", serial, number, image, outcome });
}
