/** 128 bits of state from a string: the xmur3 hash, drawn four times. */
function seedState(seed: string): [number, number, number, number] {
  let h = 1779033703 ^ seed.length;
  for (let i = 0; i < seed.length; i++) {
    h = Math.imul(h ^ seed.charCodeAt(i), 3432918353);
    h = (h << 13) | (h >>> 19);
  }
  const draw = () => {
    h = Math.imul(h ^ (h >>> 16), 2246822507);
    h = Math.imul(h ^ (h >>> 13), 3266489909);
    h ^= h >>> 16;
    return h | 0;
  };
  return [draw(), draw(), draw(), draw()];
}

/**
 * Random numbers that repeat: the same seed gives the same sequence on every machine. sfc32 by Chris Doty-Humphrey.
 *
 * For simulation only. It can be predicted from its output: never use it for keys, nonces or serial numbers.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;
  #spare: number | undefined;

  constructor(seed: string | number) {
    [this.#a, this.#b, this.#c, this.#counter] = seedState(String(seed));
    // sfc32 needs about a dozen rounds until similar seeds have parted.
    for (let i = 0; i < 15; i++) this.next();
  }

  /** Uniform in [0, 1), in steps of 2^-32. */
  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0;
    return (t >>> 0) / 2 ** 32;
  }

  /** Gaussian with mean 0 and standard deviation 1 (Marsaglia's polar method). */
  normal(): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return spare;
    }
    for (;;) {
      const x = 2 * this.next() - 1;
      const y = 2 * this.next() - 1;
      const s = x * x + y * y;
      if (s > 0 && s < 1) {
        const factor = Math.sqrt((-2 * Math.log(s)) / s);
        this.#spare = y * factor;
        return x * factor;
      }
    }
  }

  /**
   * Uniform whole number from 0 to n - 1.
   * @throws RangeError unless n is a whole number from 1 to 2^32
   */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new RangeError(`n must be a whole number from 1 to 2^32 (got ${n})`);
    return Math.floor(this.next() * n);
  }
}
