import type { Part } from "./fake-bus.js";

/** A 24Cxx: random reads with a repeated start; a write with a stop is a write, also of the address bytes of a larger part. */
export class Fake24C implements Part {
  readonly violations: string[];
  readonly memory: Uint8Array;
  readonly #addressBytes: number;
  #at = 0;

  constructor(violations: string[], size: number) {
    this.violations = violations;
    this.memory = new Uint8Array(size).fill(0xff);
    this.#addressBytes = size > 2048 ? 2 : 1;
  }

  write(bytes: readonly number[]): void {
    const data = this.#address(bytes);
    for (const byte of data) this.memory[this.#at++ % this.memory.length] = byte;
    this.violations.push(data.length ? "the memory was written" : "address without a read");
  }

  read(byteLength: number): number[] {
    this.violations.push("current address read: where it is, is not known after power on");
    return this.#next(byteLength);
  }

  writeRead(bytes: readonly number[], byteLength: number): number[] {
    // Without a stop, what was taken for data is not programmed.
    const more = this.#address(bytes).length;
    if (more || bytes.length < this.#addressBytes) return this.#next(byteLength);
    if (this.#at + byteLength > this.memory.length) this.violations.push("read over the end of the memory");
    return this.#next(byteLength);
  }

  #address(bytes: readonly number[]): readonly number[] {
    if (bytes.length < this.#addressBytes) return [];
    const address = bytes.slice(0, this.#addressBytes).reduce((high, low) => high * 256 + low, 0);
    this.#at = address % this.memory.length;
    return bytes.slice(this.#addressBytes);
  }

  #next(byteLength: number): number[] {
    return Array.from({ length: byteLength }, () => this.memory[this.#at++ % this.memory.length]!);
  }
}
