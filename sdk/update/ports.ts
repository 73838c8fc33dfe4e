/**
 * Where the next image goes, and how it becomes the one that runs. A board makes one; see `hal/boards/esp32/update.ts`. All operations are
 * synchronous, a refused one throws.
 */
export interface UpdatePort {
  /** Bytes that an image may have. */
  readonly size: number;
  /** Bytes in a block; a multiple of 512. */
  readonly blockLength: number;
  /** First bytes of the image that runs now. */
  running(length: number): Uint8Array;
  /** Erases a block of the next image. */
  erase(block: number): void;
  /** Erases a block of the next image and writes it; the last one may be shorter. */
  write(block: number, bytes: Uint8Array): void;
  /** Reads from the begin of a block of the next image. */
  read(block: number, length: number): Uint8Array;
  /**
   * Writes the first block, has the platform check the image by its own means, and makes it the one that boots next.
   *
   * @throws when the platform does not take it; what boots next is then as before
   */
  complete(first: Uint8Array): void;
  /** Number of the slot, 0 or 1, that the bootloader is told to boot. */
  next(): number;
  /** The image that runs is on trial: where the bootloader gives it only one boot, it is given one more. */
  arm(): void;
  /**
   * The image in this slot stays, or it goes and the other one boots. Wherever power is cut, one of the two boots, and doing it again ends
   * the same.
   */
  settle(slot: number, stays: boolean): void;
}

/** Asks for a part of an image, by its SHA-256. */
export interface ImageRequest {
  readonly digest: Uint8Array;
  /** First byte. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Called once, never before the request returns: the bytes, all of them, or undefined when they could not be had. */
  onDone(bytes: Uint8Array | undefined): void;
}

/** Fetches a part of an image. What it returns gives the request up: nothing is called afterwards. */
export type FetchImage = (request: ImageRequest) => { cancel(): void };

/** A hash over what is written, one part after another. */
export interface Digest {
  write(bytes: Uint8Array): void;
  /** The hash; the digest is used up. */
  close(): Uint8Array;
}

export type CreateDigest = (algorithm: "SHA256" | "SHA512") => Digest;
