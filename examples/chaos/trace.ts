const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;
/** So many of the newest entries are kept to be shown. */
const MOST = 60;

/** What has happened in a run: two runs of one seed have the same hash. */
export class Trace {
  #hash = OFFSET;
  #entries = 0;
  readonly #newest: string[] = [];
  readonly #isKept: boolean;

  /** @param isKept all entries are kept, not only the newest */
  constructor(isKept = false) {
    this.#isKept = isKept;
  }

  add(time: number, entry: string): void {
    const text = `${time} ${entry}`;
    // FNV-1a over whole words of two numbers: exact, and fast enough for some thousand entries.
    let h = 0x811c9dc5;
    let g = text.length;
    for (let i = 0; i < text.length; i++) {
      h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
      g = Math.imul(g ^ text.charCodeAt(i), 0x85ebca6b) ^ (g >>> 13);
    }
    this.#hash = ((this.#hash ^ ((BigInt(h >>> 0) << 32n) | BigInt(g >>> 0))) * PRIME) & MASK;
    this.#entries++;
    this.#newest.push(text);
    if (!this.#isKept && this.#newest.length > MOST) this.#newest.shift();
  }

  get entries(): number {
    return this.#entries;
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return this.#hash.toString(16).padStart(16, "0");
  }

  /** The newest entries, with the time of each in UTC. */
  get newest(): string[] {
    return this.#newest.map((text) => {
      const at = text.indexOf(" ");
      return `${new Date(Number(text.slice(0, at))).toISOString()}${text.slice(at)}`;
    });
  }
}
