import files, { type Directory, type File } from "embedded:storage/files";
import type { FlashPartition } from "../../../sdk/index.js";
import { BoardError } from "../errors.js";

export interface FileFlashOptions {
  /** Path of the file below the platform's root directory. */
  readonly path: string;
  /** Bytes in a block; default 4096. */
  readonly blockLength?: number;
  /** Blocks; default 16. */
  readonly blocks?: number;
}

const ERASED = 0xff;
const WRITE_ALIGN = 4;

/**
 * NOR flash played by one file: an erase sets the bytes of a block to 0xFF, a write only clears bits. Writing over written bytes, which would leave
 * the AND of both, and writes off the alignment are refused as errors of the program. Every operation is on the disk when it returns.
 */
export class FileFlash implements FlashPartition {
  readonly #blockLength: number;
  readonly #blocks: number;
  #file: File | undefined;

  /** @throws {BoardError} `options`; `flash`: the file has another size. What the platform throws when it cannot be opened */
  constructor(options: FileFlashOptions) {
    const { path, blockLength = 4096, blocks = 16 } = options;
    if (!(Number.isInteger(blockLength) && blockLength > 0 && blockLength % WRITE_ALIGN === 0))
      throw new BoardError(
        "options",
        `flash: blockLength must be a positive multiple of ${WRITE_ALIGN} bytes (got ${blockLength})`,
      );
    if (!(Number.isInteger(blocks) && blocks > 0))
      throw new BoardError("options", `flash: blocks must be a positive whole number (got ${blocks})`);
    this.#blockLength = blockLength;
    this.#blocks = blocks;
    // The SDK's typing knows no default export.
    const root = files as unknown as Directory;
    const size = root.status(path).size;
    if (size === undefined) this.#make(root, path);
    else if (size !== blockLength * blocks)
      throw new BoardError("flash", `flash: ${path} must have ${blockLength * blocks} bytes (got ${size})`);
    this.#file = root.openFile({ path, mode: "r+" });
  }

  status() {
    return {
      size: this.#blockLength * this.#blocks,
      blockLength: this.#blockLength,
      blocks: this.#blocks,
      eraseValue: ERASED,
      writeAlign: WRITE_ALIGN,
    };
  }

  read(byteLength: number, offset: number): ArrayBuffer {
    this.#check("read", byteLength, offset);
    const bytes = new Uint8Array(byteLength);
    if (byteLength > 0) this.#open().read(bytes, offset);
    return bytes.buffer;
  }

  write(buffer: ArrayBuffer | Uint8Array, offset: number): void {
    const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
    this.#check("write", bytes.length, offset);
    if (offset % WRITE_ALIGN !== 0 || bytes.length % WRITE_ALIGN !== 0)
      throw new BoardError(
        "flash",
        `flash: write of ${bytes.length} bytes at ${offset}: multiples of ${WRITE_ALIGN} are accepted`,
      );
    const present = new Uint8Array(this.read(bytes.length, offset));
    for (let i = 0; i < bytes.length; i++) {
      if (present[i] !== ERASED && bytes[i] !== ERASED)
        throw new BoardError(
          "flash",
          `flash: write of ${bytes.length} bytes at ${offset}: byte ${offset + i} is written already`,
        );
      present[i]! &= bytes[i]!;
    }
    this.#open().write(present, offset);
    this.#open().flush();
  }

  eraseBlock(start: number, end = start + 1): void {
    if (!(start >= 0 && start < end && end <= this.#blocks))
      throw new BoardError(
        "flash",
        `flash: erase of blocks ${start} to ${end}: the partition has ${this.#blocks}`,
      );
    const erased = new Uint8Array(this.#blockLength).fill(ERASED);
    for (let block = start; block < end; block++) this.#open().write(erased, block * this.#blockLength);
    this.#open().flush();
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Under another name first: a file that was not finished must not pass for a partition. */
  #make(root: Directory, path: string): void {
    const unfinished = `${path}.new`;
    const file = root.openFile({ path: unfinished, mode: "w+" });
    const erased = new Uint8Array(this.#blockLength).fill(ERASED);
    for (let block = 0; block < this.#blocks; block++) file.write(erased, block * this.#blockLength);
    file.flush();
    file.close();
    root.move(unfinished, path);
  }

  #check(operation: string, length: number, offset: number): void {
    const size = this.#blockLength * this.#blocks;
    if (
      !(
        Number.isInteger(offset) &&
        Number.isInteger(length) &&
        offset >= 0 &&
        length >= 0 &&
        offset + length <= size
      )
    )
      throw new BoardError(
        "flash",
        `flash: ${operation} of ${length} bytes at ${offset}: the partition has ${size}`,
      );
  }

  #open(): File {
    if (!this.#file) throw new BoardError("closed", "flash: it was closed");
    return this.#file;
  }
}
