/*
 * ESP-IDF's key-value store (NVS), as far as flash wear and bytes go: its documented layout and the rules by which it takes and frees pages, on a
 * count of bytes instead of real flash.
 *
 *   page    header (32) | states of entries, 2 bits each (32) | 126 entries of 32 bytes
 *   blob    entry with length and checksum, then the data in whole entries; one such chunk per page that the blob runs over
 *           index entry, which makes the new chunks the value
 *
 * A write appends chunks and index, then marks the entries of the value before as erased. A page that is full is left for a free one; when
 * only one is free, the page with the fewest live entries is copied into it and erased.
 */
export const PAGE_BYTES = 4096;
export const ENTRY_BYTES = 32;
export const ENTRIES = 126;
const HEADER_BYTES = 32;
const STATES_BYTES = 32;
/** States are written in words of 32 bits. */
const WORD_BYTES = 4;
const ENTRIES_OF_A_WORD = 16;
const MOST_CHUNK = (ENTRIES - 1) * ENTRY_BYTES;
/** A blob does not begin in less room than this. */
const LEAST_CHUNK = MOST_CHUNK / 10;

/** What is written in one piece: one entry, or an entry and its data. */
interface Item {
  readonly what: "namespace" | "chunk" | "index";
  readonly key: string;
  /** Alternates from value to value of a key: chunks of the old and of the new are told apart. */
  readonly version: number;
  readonly bytes: Uint8Array;
  readonly span: number;
}

interface Page {
  readonly number: number;
  state: "free" | "active" | "full";
  /** First entry that was not written. */
  next: number;
  /** What is not erased, by its first entry. */
  readonly live: Map<number, Item>;
}

export class NvsModel {
  /** Pages in use, the oldest first; the last takes what is written. */
  #used: Page[] = [];
  #free: Page[];
  /** Bytes programmed since the partition was made. */
  programmed = 0;
  /** Bytes read by {@link load} and {@link get}. */
  read = 0;
  /** Erases of each page. */
  readonly erases: number[];

  constructor(pages = 16) {
    this.#free = Array.from({ length: pages }, (_, number) => newPage(number));
    this.erases = new Array(pages).fill(0);
    this.#activate();
    // The namespace has an entry of its own, which stays.
    this.#write({ what: "namespace", key: "", version: 0, bytes: new Uint8Array(0), span: 1 });
  }

  /** Reads what a start reads to know where everything is. */
  load(): void {
    for (const page of this.#used) {
      this.read += HEADER_BYTES + STATES_BYTES;
      // Items of the pages, for the table of keys that is kept in RAM.
      this.read += page.live.size * ENTRY_BYTES;
    }
    // A free page is read as a whole, to see that it is blank.
    this.read += this.#free.length * (HEADER_BYTES + PAGE_BYTES);
  }

  get(key: string): Uint8Array | undefined {
    const index = this.#items(key).find(({ item }) => item.what === "index")?.item;
    if (!index) return undefined;
    const chunks = this.#items(key).filter(
      ({ item }) => item.what === "chunk" && item.version === index.version,
    );
    this.read += ENTRY_BYTES;
    for (const { item } of chunks) this.read += item.span * ENTRY_BYTES;
    return Uint8Array.from(chunks.flatMap(({ item }) => [...item.bytes]));
  }

  /** @throws {Error} when there is no room */
  set(key: string, value: Uint8Array): void {
    const before = this.#items(key);
    const old = before.find(({ item }) => item.what === "index");
    const version = old ? 1 - old.item.version : 0;
    this.#writeBlob(key, version, value);
    if (!old) return;
    // Looked for anew: they may have moved. The index goes first.
    const stale = this.#items(key).filter(({ item }) => item.version !== version);
    for (const what of ["index", "chunk"])
      for (const each of stale) if (each.item.what === what) this.#erase(each.page, each.at);
  }

  #writeBlob(key: string, version: number, value: Uint8Array): void {
    let at = 0;
    let isFirst = true;
    for (;;) {
      const room = tailroom(this.#current);
      if (isFirst && room < value.length && room < LEAST_CHUNK) {
        this.#leave();
        if (tailroom(this.#current) === room) throw new Error(`nvs: no room for ${value.length} bytes`);
        continue;
      }
      if (room === 0) throw new Error(`nvs: no room for ${value.length} bytes`);
      isFirst = false;
      const bytes = value.slice(at, at + room);
      at += bytes.length;
      this.#write({ what: "chunk", key, version, bytes, span: 1 + Math.ceil(bytes.length / ENTRY_BYTES) });
      if (at < value.length || room - bytes.length < ENTRY_BYTES) this.#leave();
      if (at < value.length) continue;
      this.#write({ what: "index", key, version, bytes: new Uint8Array(0), span: 1 });
      return;
    }
  }

  get #current(): Page {
    return this.#used.at(-1)!;
  }

  #items(key: string): { readonly page: Page; readonly at: number; readonly item: Item }[] {
    return this.#used.flatMap((page) =>
      [...page.live].flatMap(([at, item]) =>
        item.what !== "namespace" && item.key === key ? [{ page, at, item }] : [],
      ),
    );
  }

  #write(item: Item): void {
    const page = this.#current;
    if (page.state === "free") {
      page.state = "active";
      this.programmed += HEADER_BYTES;
    }
    const data = page.next + 1;
    const whole = Math.floor(item.bytes.length / ENTRY_BYTES);
    // The first entry and its state; the whole entries of data in one go; the last one, filled up.
    this.programmed += ENTRY_BYTES + WORD_BYTES;
    if (whole > 0) this.programmed += whole * ENTRY_BYTES + states(data, data + whole);
    if (item.bytes.length % ENTRY_BYTES > 0) this.programmed += ENTRY_BYTES + WORD_BYTES;
    page.live.set(page.next, item);
    page.next += item.span;
  }

  #erase(page: Page, at: number): void {
    const { span } = page.live.get(at)!;
    this.programmed += states(at, at + span);
    page.live.delete(at);
  }

  #activate(): void {
    const page = this.#free.shift();
    if (!page) throw new Error("nvs: no page is free");
    this.#used.push(page);
  }

  /** Marks the current page as full and takes another into use. */
  #leave(): void {
    if (this.#current.state !== "full") {
      this.#current.state = "full";
      this.programmed += WORD_BYTES;
    }
    if (this.#free.length >= 2) {
      this.#activate();
      return;
    }
    const least = this.#used.reduce((best, page) => (usedEntries(page) < usedEntries(best) ? page : best));
    if (usedEntries(least) === ENTRIES) throw new Error("nvs: it is full");
    // Marked as being freed, so that a power cut does not leave two of everything.
    this.programmed += WORD_BYTES;
    this.#activate();
    this.#copy(least, this.#current);
    this.erases[least.number]!++;
    this.#used = this.#used.filter((page) => page !== least);
    this.#free.push(newPage(least.number));
  }

  #copy(from: Page, to: Page): void {
    if (from.live.size === 0) return;
    to.state = "active";
    this.programmed += HEADER_BYTES;
    for (const item of from.live.values()) {
      to.live.set(to.next, item);
      to.next += item.span;
      this.programmed += item.span * (ENTRY_BYTES + WORD_BYTES);
    }
  }
}

function newPage(number: number): Page {
  return { number, state: "free", next: 0, live: new Map() };
}

function usedEntries(page: Page): number {
  let used = 0;
  for (const { span } of page.live.values()) used += span;
  return used;
}

/** Bytes of data that a chunk can have in the rest of a page. */
function tailroom(page: Page): number {
  if (page.state === "full") return 0;
  return Math.max(0, (ENTRIES - page.next - 1) * ENTRY_BYTES);
}

/** Bytes that are programmed to change the states of entries. */
function states(from: number, to: number): number {
  const words = Math.floor((to - 1) / ENTRIES_OF_A_WORD) - Math.floor(from / ENTRIES_OF_A_WORD) + 1;
  return words * WORD_BYTES;
}
