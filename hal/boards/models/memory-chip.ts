/** A 24C02 on I2C: 256 bytes, read from wherever its one-byte address was set to. */
export class MemoryChip {
  readonly bytes: Uint8Array = new Uint8Array(256).fill(0xff);
  #at = 0;

  /** Fills it; the rest is as erased. */
  load(content: Uint8Array): void {
    this.bytes.fill(0xff);
    this.bytes.set(content);
  }

  /** One transaction: what is written, then what is read behind a repeated start. */
  transfer(written: Uint8Array, byteLength: number): Uint8Array {
    if (written.length > 0) this.#at = written[0]!;
    // Write protection is on: what follows the address is lost.
    const read = new Uint8Array(byteLength);
    for (let i = 0; i < byteLength; i++) {
      read[i] = this.bytes[this.#at]!;
      this.#at = (this.#at + 1) % this.bytes.length;
    }
    return read;
  }
}
