/** A netstring, `LENGTH:BYTES,`: the framing of the XS worker. */
export function netstring(...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from(`${length}:`), ...parts, Buffer.from(",")]);
}

const MOST_DIGITS = 9;

/** Cuts a stream of bytes into the contents of its netstrings. */
export class NetstringReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws {Error} when the stream is not netstrings */
  *push(chunk: Uint8Array): Generator<Buffer> {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const colon = this.#rest.indexOf(0x3a);
      if (colon < 0 && this.#rest.length <= MOST_DIGITS) return;
      const digits = this.#rest.toString("latin1", 0, colon < 0 ? MOST_DIGITS + 1 : colon);
      if (!/^\d{1,9}$/.test(digits))
        throw new Error(`netstring: a length is accepted (got "${digits.slice(0, 20)}")`);
      const end = colon + 1 + Number(digits);
      if (this.#rest.length <= end) return;
      if (this.#rest[end] !== 0x2c) throw new Error("netstring: it does not end in a comma");
      const content = this.#rest.subarray(colon + 1, end);
      this.#rest = this.#rest.subarray(end + 1);
      yield content;
    }
  }
}
