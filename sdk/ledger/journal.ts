import { ByteReader, ByteWriter } from "./bytes.js";
import { LedgerError } from "./errors.js";
import type { FlashPartition } from "./flash.js";
import { recordsOfFormatOne } from "./format-one.js";
import {
  decodeHeader,
  encodeHeader,
  FORMAT,
  type Found,
  Frame,
  HEADER_BYTES,
  type Header,
  MARKERS,
} from "./frame.js";
import { Partition } from "./partition.js";

/** A block that has refused so often is used only when every other refuses too. */
const WORN_STRIKES = 3;
/** In place of its strikes: a block that could not be read, and is not waited for any more. */
const UNREADABLE = WORN_STRIKES + 1;
/** Times that opening is refused because of a block that cannot be read or written, before it is done without that block. */
const PATIENCE = 3;
/** Sequences above that of the block before which a block without a header may have: one for each that was begun in vain. */
const GUESSES = 8;
/** A block is nearly full when less than one part in so many of its room for records is left. */
const SHARE_LEFT = 16;
/** Records that are folded in one slice of opening. */
const RECORDS_A_SLICE = 16;
/** Blocks that are tried for one checkpoint: were it the whole flash that refuses, trying on would wear it for nothing. */
const TRIES = 4;

export interface JournalOptions {
  readonly flash: FlashPartition;
  /** The whole state, as {@link restore} takes it. */
  snapshot(): Uint8Array;
  /** Sets the state from a snapshot. Called once while opening, when the partition holds one. */
  restore(snapshot: Uint8Array): void;
  /** Folds one record into the state. Called while opening, in the order of {@link Journal.append}. */
  replay(record: Uint8Array): void;
  /** Told what opening found beside what was committed, and which blocks are not used any more. */
  warn(text: string): void;
}

/** What the store says of itself. */
export interface JournalHealth {
  /** Blocks that are not used any more. */
  readonly worn: readonly number[];
  /** Committed records that were damaged in flash, since the partition was formatted. */
  readonly damaged: number;
  /** The partition held something that was no journal, and was formatted by this start. */
  readonly formatted: boolean;
  /** Most erases of a block, as far as the headers tell. */
  readonly mostErases: number;
}

/**
 * Long work in slices: between two of them the loop may have a turn. A slice is of some tens of thousands of bytecode steps, or the erase of a block.
 */
export type Slices<Result = void> = Generator<void, Result, void>;

/** A block in use, as its header tells. */
interface Used extends Header {
  readonly block: number;
}

/** A block that the state can be taken from. */
interface Candidate extends Used {
  readonly bytes: Uint8Array;
  /** In format 1 its payload. */
  readonly checkpoint: Found | Uint8Array;
  /** In format 1: what follows. */
  readonly records?: readonly Uint8Array[];
  /** Its last marker that is seen, from 1; one more when records prove them all. */
  readonly proof: number;
}

/**
 * An append-only journal on raw flash. When {@link append} has returned, the record survives a power cut; when power is cut within it, the
 * record is found whole or not at all after the restart. See {@link Frame} for the bytes.
 *
 * What a power cut has interrupted may read in one way today and in another tomorrow. So nothing is built on it: {@link open} returns when
 * what it found is in a checkpoint of a block that it erased itself, and records go there.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #partition: Partition;
  readonly #frame: Frame;
  #isOpen = false;
  /** Block in use and its sequence; -1 before the first. */
  #block = -1;
  #sequence = 0;
  /** Sequence of the newest block that was ever begun. */
  #newest = 0;
  /** Sequence of the newest record. */
  #last = 0;
  /** Where the first record of the block in use is, and where the next one goes, from its start. */
  #first = 0;
  #end = 0;
  /** Nothing may be added to the block in use. */
  #sealed = true;
  /** Of the block in use: whether it has a closing marker, or can take one. */
  #closing: "there" | "possible" | "impossible" = "impossible";
  /** The block before the one in use says that it is not the newest. */
  #isVouched = false;
  /** While opening: the block that the one in use was begun from. -1 when it is not needed any more. */
  #kept = -1;
  /** Blocks that could not be read while opening. */
  #unreadable = new Set<number>();
  /** How often opening was refused. */
  #stops = 0;
  /** Refusals of each block. */
  #strikes: number[];
  /** Blocks after the one in use that were tried in vain since it is. */
  #tried = 0;
  #erases = 0;
  #mostErases = 0;
  #damaged = 0;
  #formatted = false;
  /** What is left of {@link Journal.advance}. */
  #advancing: Slices | undefined;
  /** Not yet told. */
  readonly #warnings: string[] = [];

  /** @throws {LedgerError} `options` */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#partition = new Partition(options.flash);
    this.#frame = new Frame(this.#partition);
    this.#strikes = new Array(this.#partition.blocks).fill(0);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Blocks erased since this journal was made. */
  get erases(): number {
    return this.#erases;
  }

  get health(): JournalHealth {
    return {
      worn: this.#strikes.flatMap((strikes, block) => (strikes >= WORN_STRIKES ? [block] : [])),
      damaged: this.#damaged,
      formatted: this.#formatted,
      mostErases: this.#mostErases,
    };
  }

  /**
   * Rebuilds the state and takes the next block into use. May be called again after it has thrown `flash`.
   *
   * @throws {LedgerError} `version`: a newer firmware's, nothing was erased; `flash`; `full`
   */
  open(): void {
    drain(this.opening());
  }

  /** {@link open} in slices. Nothing else may be done with the journal before they have ended. @throws {LedgerError} as that, from a slice */
  *opening(): Slices {
    if (this.#isOpen) return;
    try {
      yield* this.#recover();
      yield;
      yield* this.#takeNext(0);
      this.#isOpen = true;
    } catch (error) {
      this.#stops++;
      throw error;
    } finally {
      this.#tell();
    }
  }

  /**
   * Makes one record durable. A block that refuses is left for the next one.
   *
   * @throws {LedgerError} `flash`: refused by the partition, the record may or may not be there after a restart; `full`: it does not fit
   * beside the state; `closed`: it is not open
   */
  append(record: Uint8Array): void {
    if (!this.#isOpen) throw new LedgerError("closed", "journal: it is not open");
    try {
      // The checkpoint that is being written would not have this record.
      if (this.#advancing) this.#finishAdvance();
      const length = this.#frame.recordLength(record.length);
      if (this.#sealed || this.#end + length > this.#frame.limit) drain(this.#takeNext(record.length));
      this.#writeSomewhere(record);
    } finally {
      this.#tell();
    }
  }

  /** The block in use has little room left: one of the next records will find none. Or {@link advance} is not done. */
  get isNearlyFull(): boolean {
    if (this.#advancing) return true;
    const { limit } = this.#frame;
    return this.#isOpen && (limit - this.#end) * SHARE_LEFT < limit - this.#first;
  }

  /**
   * Does one slice of taking the next block into use before there is no room left in this one, so that no record has to wait for it. A record that comes before the
   * last slice does the rest.
   *
   * @returns whether there is more to do
   * @throws {LedgerError} as {@link append}
   */
  advance(): boolean {
    if (!this.#isOpen) throw new LedgerError("closed", "journal: it is not open");
    const slices = this.#advancing ?? this.#takeNext(0);
    // Not to be gone on with, should this slice throw.
    this.#advancing = undefined;
    try {
      if (!slices.next().done) this.#advancing = slices;
    } finally {
      this.#tell();
    }
    return this.#advancing !== undefined;
  }

  #finishAdvance(): void {
    const slices = this.#advancing!;
    this.#advancing = undefined;
    drain(slices);
  }

  /** Takes the next block into use, and one more where nothing vouches for that. */
  *#takeNext(needed: number): Slices {
    yield* this.#advance(needed);
    yield* this.#vouch(needed);
  }

  /** Writes a record at the end, or where the block refuses in the next one. */
  #writeSomewhere(record: Uint8Array): void {
    try {
      this.#write(record);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      drain(this.#advance(record.length, this.#block));
      drain(this.#vouch(record.length));
      this.#warnRefused(error);
      this.#write(record);
    }
  }

  /**
   * Takes the next block of the ring into use, starting with a checkpoint. The present block stays the state until that is confirmed.
   *
   * @param needed length of the record that is to fit beside the checkpoint
   * @param struck block whose refusal made this necessary; -1 for none
   */
  *#advance(needed: number, struck = -1): Slices {
    const before = [...this.#strikes];
    if (struck >= 0) this.#strike(struck);
    let refusal: unknown;
    for (const block of this.#candidates()) {
      try {
        yield* this.#begin(block, needed);
        if (refusal) this.#warnRefused(refusal);
        return;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        this.#strike(block);
        this.#tried++;
        refusal ??= error;
      }
    }
    // Where nothing can be written at all, no block in particular is to blame.
    this.#strikes = before;
    throw refusal;
  }

  /**
   * Takes another block into use after one that nothing vouches for, because the block before has no closing marker: it is of the first format or refused the
   * marker, or there is none. Damage to that one's begin would pass unseen.
   */
  *#vouch(needed: number): Slices {
    if (this.#isVouched) return;
    try {
      yield* this.#advance(needed);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#warnRefused(error);
    }
  }

  #strike(block: number): void {
    this.#strikes[block] = Math.min(WORN_STRIKES, this.#strikes[block]! + 1);
  }

  /** The blocks that may be taken into use, best first. */
  #candidates(): number[] {
    const { blocks } = this.#partition;
    const ring = Array.from(
      { length: blocks - 1 },
      (_, i) => (this.#block + 1 + ((this.#tried + i) % (blocks - 1)) + blocks) % blocks,
    );
    if (this.#block < 0) ring.push(blocks - 1);
    const isWorn = (block: number) => this.#strikes[block]! >= WORN_STRIKES;
    const free = ring.filter((block) => block !== this.#kept);
    const best = [...free.filter((block) => !isWorn(block)), ...free.filter(isWorn)].slice(0, TRIES);
    // For a while, others may refuse by chance; where only two blocks work, there is no other.
    return this.#kept < 0 || this.#stops < PATIENCE ? best : [...best, this.#kept];
  }

  /** Takes one block into use. */
  *#begin(block: number, needed: number): Slices {
    const partition = this.#partition;
    const frame = this.#frame;
    const checkpoint = this.#checkpoint();
    const body = frame.headerLength + frame.bodyLength(checkpoint.length);
    const end = frame.headerLength + frame.checkpointLength(checkpoint.length);
    if (end + frame.recordLength(needed) > frame.limit)
      throw new LedgerError(
        "full",
        `journal: a state of ${checkpoint.length} bytes and a record of ${needed} do not fit in a block of ${partition.blockLength}`,
      );
    const eraseCount = this.#eraseCount(block) + 1;
    // Taken before anything is done: what a refused block has got of it must not come twice.
    const sequence = ++this.#newest;
    partition.erase(block);
    this.#erases++;
    this.#mostErases = Math.max(this.#mostErases, eraseCount);
    // What is refused from here on may be whole in the flash all the same: it would hide what is added to the present block.
    this.#sealed = true;
    yield;
    const bytes = partition.blank(body);
    encodeHeader(bytes, { sequence, base: this.#block < 0 ? 0 : this.#sequence, eraseCount });
    // A checkpoint is no record: its number is that of the newest that is in it, so that blocks begun in vain never look newer than records.
    frame.encode(bytes.subarray(frame.headerLength), sequence, this.#last, checkpoint);
    partition.write(block, 0, bytes);
    yield;
    for (let marker = 0; marker < MARKERS; marker++)
      partition.write(block, body + marker * partition.align, frame.marker());
    this.#isVouched = this.#closing === "there" || (this.#closing === "possible" && this.#close(this.#block));
    this.#block = block;
    this.#sequence = sequence;
    this.#kept = -1;
    this.#first = end;
    this.#end = end;
    this.#sealed = false;
    this.#closing = "possible";
    this.#tried = 0;
  }

  /** Says in the block before that it is not the newest: should the newest be damaged, this one does not pass for it. */
  #close(block: number): boolean {
    try {
      this.#partition.write(block, this.#frame.limit, this.#frame.marker());
      return true;
    } catch (error) {
      // The new block holds all the same.
      this.#warnRefused(error);
      return false;
    }
  }

  /**
   * What the header of a block tells. Where it is gone the others tell: the ring wears evenly, so a block that is blank had one erase
   * less than the most, and one that is torn not more.
   */
  #eraseCount(block: number): number {
    try {
      const bytes = this.#partition.read(block, 0, HEADER_BYTES);
      const header = decodeHeader(bytes);
      if (header) return header.eraseCount;
      if (this.#partition.isBlank(bytes, 0, HEADER_BYTES)) return Math.max(0, this.#mostErases - 1);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    return this.#mostErases;
  }

  #checkpoint(): Uint8Array {
    const snapshot = this.#options.snapshot();
    const bytes = new ByteWriter(snapshot.length + 8);
    bytes.count(this.#damaged);
    bytes.count(this.#strikes.filter((strikes) => strikes > 0).length);
    this.#strikes.forEach((strikes, block) => {
      if (strikes === 0) return;
      bytes.byte(block);
      bytes.byte(strikes);
    });
    bytes.raw(snapshot);
    return bytes.view();
  }

  #restore(checkpoint: Uint8Array): void {
    const bytes = new ByteReader(checkpoint);
    this.#damaged = bytes.count();
    this.#strikes.fill(0);
    for (let left = bytes.count(); left > 0; left--) {
      const block = bytes.byte();
      this.#strikes[block] = bytes.byte();
    }
    this.#checkReadable();
    this.#options.restore(bytes.rest());
  }

  /** Writes a record at the end of the block in use. */
  #write(payload: Uint8Array): void {
    const at = this.#end;
    const bytes = this.#partition.blank(this.#frame.bodyLength(payload.length));
    this.#frame.encode(bytes, this.#sequence, ++this.#last, payload);
    // Not cleared when a write throws: how much of it is in the flash is not known.
    this.#sealed = true;
    this.#partition.write(this.#block, at, bytes);
    this.#partition.write(this.#block, at + bytes.length, this.#frame.marker());
    this.#sealed = false;
    this.#end = at + this.#frame.recordLength(payload.length);
  }

  /** Finds the newest confirmed block and folds it into the state. Writes nothing. */
  *#recover(): Slices {
    this.#unreadable.clear();
    const { used, isBlank } = this.#readHeaders();
    yield;
    let best: Candidate | undefined;
    const unproven: Used[] = [];
    for (const each of used) {
      const found = this.#examine(each);
      yield;
      if (!found) continue;
      // Nobody has seen the state of a block without its last marker; it counts where there is no other.
      if (found.proof > (best?.proof ?? 0)) best = found;
      if (found.proof >= MARKERS) break;
      unproven.push(each);
    }
    best = this.#begunFrom(unproven) ?? best;
    if (best && best.proof <= MARKERS) best = yield* this.#overruling(best, used, unproven);
    if (best) {
      yield* this.#resume(best);
      // Should its last marker read otherwise next time, the one before is the state again.
      const { base, sequence, proof } = best;
      const before = used.find((each) => (base === 0 ? each.sequence < sequence : each.sequence === base));
      this.#kept = proof > MARKERS || !before ? -1 : before.block;
      yield* this.#follow(best, used);
      return;
    }
    if (this.#unreadable.size > 0) throw this.#unreadableBlocks();
    this.#formatted = !isBlank;
    if (this.#formatted) this.#warn("journal: the partition holds no ledger; it is formatted");
    this.#block = -1;
    this.#kept = -1;
    this.#closing = "impossible";
  }

  /**
   * Of blocks without their last marker, newest first, one that was begun from another of them. That other was resumed, so its last marker was seen once, and
   * what is older may have been erased since, however whole it reads.
   */
  #begunFrom(unproven: readonly Used[]): Candidate | undefined {
    const newest = unproven.find(({ base }) => unproven.some(({ sequence }) => sequence === base));
    return newest && this.#examine(newest);
  }

  /**
   * The block to resume where `chosen` has no records. It may be one that was begun in vain and then half erased: nobody could see it when
   * the block was begun that holds the records, and that one got no higher sequence. Records that are newer than all that it knows tell.
   */
  *#overruling(chosen: Candidate, used: readonly Used[], unproven: readonly Used[]): Slices<Candidate> {
    const { base, checkpoint } = chosen;
    if (checkpoint instanceof Uint8Array) return chosen;
    for (const each of used) {
      if (each.block === chosen.block || each.sequence <= base || unproven.includes(each)) continue;
      const found = this.#examine(each);
      yield;
      if (!found || found.proof <= MARKERS || found.checkpoint instanceof Uint8Array) continue;
      const last = this.#frame.newest(found.bytes, found.checkpoint, found.sequence);
      if (last > Math.max(found.checkpoint.sequence, checkpoint.sequence)) return found;
    }
    return chosen;
  }

  #readHeaders(): { used: Used[]; isBlank: boolean } {
    const used: Used[] = [];
    let isBlank = true;
    for (let block = 0; block < this.#partition.blocks; block++) {
      const bytes = this.#load(block, HEADER_BYTES);
      const header = bytes && decodeHeader(bytes);
      if (header && header.format > FORMAT)
        throw new LedgerError(
          "version",
          `journal: formats up to ${FORMAT} are accepted (got ${header.format}); nothing was erased`,
        );
      if (header) used.push({ ...header, block });
      isBlank &&= bytes !== undefined && this.#partition.isBlank(bytes, 0, HEADER_BYTES);
    }
    used.sort((a, b) => b.sequence - a.sequence);
    this.#newest = used[0]?.sequence ?? 0;
    this.#mostErases = used.reduce((most, { eraseCount }) => Math.max(most, eraseCount), 0);
    return { used, isBlank };
  }

  /** The start of a block, or all of it; undefined when it cannot be read. */
  #load(block: number, length?: number): Uint8Array | undefined {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        return this.#partition.read(block, 0, length);
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
    }
    this.#unreadable.add(block);
    return undefined;
  }

  /** What cannot be read may be the newest: opening waits for it, but not for ever. */
  #checkReadable(): void {
    const hopeful = [...this.#unreadable].filter((block) => this.#strikes[block]! < UNREADABLE);
    if (hopeful.length === 0) return;
    if (this.#stops < PATIENCE) throw this.#unreadableBlocks();
    for (const block of hopeful) this.#strikes[block] = UNREADABLE;
  }

  #unreadableBlocks(): LedgerError {
    return new LedgerError(
      "flash",
      `journal: block ${[...this.#unreadable].join(", ")} cannot be read; nothing was erased`,
    );
  }

  /** A block whose checkpoint is whole and has a marker; undefined when there is none. */
  #examine(used: Used): Candidate | undefined {
    const bytes = this.#load(used.block);
    if (!bytes) return undefined;
    if (used.format < FORMAT) {
      const [checkpoint, ...records] = recordsOfFormatOne(this.#partition, bytes, used.sequence);
      // There a record was begun when the checkpoint was written to its end.
      const proof = records.length > 0 ? MARKERS + 1 : 1;
      return checkpoint && { ...used, bytes, checkpoint, records, proof };
    }
    const checkpoint = this.#frame.at(bytes, this.#frame.headerLength, used.sequence);
    const proof = checkpoint && this.#frame.proof(bytes, checkpoint);
    return checkpoint && proof ? { ...used, bytes, checkpoint, proof } : undefined;
  }

  /** Takes up the state of a block. */
  *#resume(found: Candidate): Slices {
    const { checkpoint, bytes } = found;
    if (checkpoint instanceof Uint8Array) {
      this.#checkReadable();
      this.#options.restore(checkpoint);
      for (const record of found.records ?? []) this.#options.replay(record);
    } else {
      this.#restore(checkpoint.payload);
      this.#last = checkpoint.sequence;
      yield;
      yield* this.#replay(found, bytes, this.#frame.behind(checkpoint));
    }
    this.#goOnFrom(found, bytes);
  }

  #goOnFrom({ block, sequence, format }: Used, bytes: Uint8Array): void {
    this.#block = block;
    this.#sequence = sequence;
    this.#newest = Math.max(this.#newest, sequence);
    this.#closing = format < FORMAT ? "impossible" : this.#frame.isClosed(bytes) ? "there" : "possible";
  }

  /** Folds the records of a block from a place on. */
  *#replay({ block, sequence }: Used, bytes: Uint8Array, from: number): Slices {
    let at = from;
    for (let records = 1; ; records++) {
      if (records % RECORDS_A_SLICE === 0) yield;
      const found = this.#frame.next(bytes, at, sequence, this.#last);
      if (!found) {
        if (!this.#frame.isEnd(bytes, at)) this.#warnTorn(block, bytes, at);
        return;
      }
      const missing = found.sequence - this.#last - 1;
      if (missing > 0)
        this.#damage(missing, `block ${block}: ${missing} committed records from byte ${at} on are damaged`);
      this.#options.replay(found.payload);
      this.#last = found.sequence;
      at = found.end;
    }
  }

  /** Goes on into blocks that had taken over from the one that was resumed, but have lost their checkpoint or their header. */
  *#follow(resumed: Candidate, used: readonly Used[]): Slices {
    let base: Used = resumed;
    let { bytes } = resumed;
    while (base.format === FORMAT && this.#frame.isClosed(bytes)) {
      yield;
      const next = this.#successor(base, used);
      if (!next && this.#unreadable.size > 0) throw this.#unreadableBlocks();
      if (!next) {
        this.#damage(1, `the block after block ${base.block} is damaged: what it held is lost`);
        return;
      }
      this.#warn(`journal: block ${next.base.block} is damaged at its begin; it is followed all the same`);
      if (next.checkpoint) this.#restore(next.checkpoint.payload);
      this.#last = next.checkpoint?.sequence ?? this.#last;
      yield* this.#replay(next.base, next.bytes, next.start);
      this.#kept = base.block;
      ({ base, bytes } = next);
      this.#goOnFrom(base, bytes);
    }
  }

  /** The block that took over from `base`, by what is in it. */
  #successor(base: Used, used: readonly Used[]) {
    for (let block = 0; block < this.#partition.blocks; block++) {
      const header = used.find((each) => each.block === block);
      const bytes = header && header.sequence <= base.sequence ? undefined : this.#load(block);
      if (!bytes) continue;
      const guesses = Array.from({ length: GUESSES }, (_, i) => base.sequence + 1 + i);
      for (const sequence of header ? [header.sequence] : guesses) {
        const here = this.#frame.at(bytes, this.#frame.headerLength, sequence);
        const checkpoint = here?.isCommitted ? here : undefined;
        const first = checkpoint ?? this.#frame.after(bytes, this.#frame.headerLength, sequence, this.#last);
        const start = checkpoint ? this.#frame.behind(checkpoint) : first?.start;
        if (start !== undefined)
          return { base: header ?? { ...base, block, sequence }, bytes, checkpoint, start };
      }
    }
    return undefined;
  }

  #warn(text: string): void {
    this.#warnings.push(text);
  }

  /** When all is done: whoever is told may append. */
  #tell(): void {
    for (const text of this.#warnings.splice(0)) this.#options.warn(text);
  }

  #damage(records: number, what: string): void {
    this.#damaged += records;
    this.#warn(`journal: ${what}`);
  }

  #warnTorn(block: number, bytes: Uint8Array, at: number): void {
    if (this.#frame.isMarked(bytes, at))
      this.#damage(1, `block ${block}: the committed record at byte ${at} is damaged`);
    else
      this.#warn(
        `journal: block ${block} ends at byte ${at} in a record that is not whole: power was cut before it was committed, or it is damaged`,
      );
  }

  #warnRefused(error: unknown): void {
    this.#warn(`journal: ${error instanceof Error ? error.message : error}; the next block is used`);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof LedgerError && error.code === "flash";
}

function drain(slices: Slices): void {
  while (!slices.next().done);
}
