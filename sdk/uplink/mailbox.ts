import type { ByteReader, ByteWriter } from "../ledger/bytes.js";
import { type LedgerRecord, type Part, RECORD } from "../ledger/ledger.js";
import { MOST_SLOTS } from "../slot.js";
import type { Codec } from "./codec.js";
import type { DeregistrationReason, UplinkMessage } from "./messages.js";

/** A message that the gateway has not acknowledged. */
export interface Queued {
  /** Sequence it was given when it was committed; part of the nonce, so never given twice. */
  readonly sequence: number;
  /** The encoded message, before sealing. Sealing it again gives the same bytes. */
  readonly body: Uint8Array;
  /** Messages of one class and slot replace each other; 0 for those that never do. */
  readonly replaces: number;
}

/** Class numbers: {@link NEVER_REPLACED} stays until acknowledged, others hold one message each. */
export const NEVER_REPLACED = 0;
const POLL = 1;
const FIRST_STATUS = 2;
const HEALTH = FIRST_STATUS + MOST_SLOTS;
const SETTLED = HEALTH + 1;
const OFFERED = SETTLED + 1;
/** An authorization, or the grant that it led to. */
const AUTHORIZATION = OFFERED + 1;
const DEREGISTRATION = AUTHORIZATION + 1;
const INFORMED = DEREGISTRATION + 1;

/** Whether nothing may go in front of a message: what the customer has agreed to, or has not any more. */
function isUrgent(replaces: number): boolean {
  return replaces === AUTHORIZATION || replaces === DEREGISTRATION;
}

/**
 * What is on its way up and what has come down: the outbox and the inbox, on the journal.
 *
 * Intents stay until they are acknowledged or withdrawn. A status replaces an older one of its slot, because it carries running totals; so the outbox is bounded by
 * one status and one open order per slot, one poll, one health record, one answer to settings and one to an image, one to the gateway's word of the registration, and
 * an authorization and a deregistration, which go first.
 */
export class Mailbox implements Part {
  readonly #codec: Codec;
  #queue: Queued[] = [];
  #lastSequence = 0;
  #dropped = 0;
  /** Highest sequence received, and highest order event applied. */
  #received = 0;
  #applied = 0;

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  get queue(): readonly Queued[] {
    return this.#queue;
  }

  /** No status waits for its acknowledgement. */
  get isReported(): boolean {
    return !this.#queue.some(({ replaces }) => replaces >= FIRST_STATUS && replaces < HEALTH);
  }

  /** A deregistration waits for its acknowledgement; and, below, an authorization or grant, and that the device knows the gateway's word. */
  get isDeregistering(): boolean {
    return this.#has(DEREGISTRATION);
  }

  /** Why the device is to be deregistered, while that waits. */
  get deregistering(): DeregistrationReason | undefined {
    const queued = this.#queue.find(({ replaces }) => replaces === DEREGISTRATION);
    const message = queued && this.#codec.decodeUplink(queued.body);
    return message?.kind === "deregistration" ? message.reason : undefined;
  }

  get isAuthorizing(): boolean {
    return this.#has(AUTHORIZATION);
  }

  get isInforming(): boolean {
    return this.#has(INFORMED);
  }

  #has(replaces: number): boolean {
    return this.#queue.some((queued) => queued.replaces === replaces);
  }

  /** Messages that were replaced before they were acknowledged. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sequence of the newest message that was ever queued; 0 before the first. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  get received(): number {
    return this.#received;
  }

  get applied(): number {
    return this.#applied;
  }

  /**
   * The records that put messages into the outbox, each under a sequence of its own. Authorizations, grants and deregistrations not together with
   * others: they go before all that is queued, which is numbered anew behind them.
   *
   * @throws {UplinkError} `range`
   */
  enqueue(messages: readonly UplinkMessage[]): LedgerRecord[] {
    const behind = this.#queue.filter(({ replaces }) => !isUrgent(replaces)).length;
    return messages.map((message, index) => {
      const body = this.#codec.encodeUplink(message);
      const replaces = classOf(message);
      const sequence = this.#lastSequence + 1 + index * (isUrgent(replaces) ? 1 + behind : 1);
      return {
        kind: RECORD.queued,
        write: (to) => {
          to.count(sequence);
          to.count(replaces);
          to.bytes(body);
        },
      };
    });
  }

  /**
   * The record that the gateway has stored everything up to `seen`.
   *
   * A `seen` above everything this device knows to have sent means that its journal was lost: the gateway refuses what is queued as
   * repeated. The queue is then numbered anew, from above `seen`; intents are left out, because their cycles are to be numbered anew too.
   */
  acknowledge(seen: number): LedgerRecord[] {
    if (seen <= this.#lastSequence && !this.#queue.some(({ sequence }) => sequence <= seen)) return [];
    return [{ kind: RECORD.acknowledged, write: (to) => to.count(seen) }];
  }

  /** The records that take an order of a slot back that was not acknowledged, though it may have been sent; none when there is none. */
  withdraw(slot: number): LedgerRecord[] {
    return this.#queue.flatMap(({ sequence, replaces, body }) => {
      if (replaces !== NEVER_REPLACED) return [];
      const message = this.#codec.decodeUplink(body);
      return message.kind === "intent" && message.slot === slot
        ? [{ kind: RECORD.withdrawn, write: (to: ByteWriter) => to.count(sequence) }]
        : [];
    });
  }

  /** The record that a message came down under `sequence` and order events up to `applied` are applied. */
  receive(sequence: number, applied: number): LedgerRecord {
    return {
      kind: RECORD.received,
      write: (to) => {
        to.count(sequence);
        to.count(applied);
      },
    };
  }

  replay(kind: number, record: ByteReader): boolean {
    switch (kind) {
      case RECORD.queued: {
        const sequence = record.count();
        const replaces = record.count();
        const before = this.#queue.length;
        const queued = { sequence, replaces, body: record.bytes().slice() };
        if (replaces !== NEVER_REPLACED)
          this.#queue = this.#queue.filter((other) => other.replaces !== replaces);
        if (isUrgent(replaces)) {
          this.#queueFirst(queued);
          return true;
        }
        this.#dropped += before - this.#queue.length;
        this.#queue.push(queued);
        this.#lastSequence = sequence;
        return true;
      }
      case RECORD.acknowledged: {
        const seen = record.count();
        if (seen > this.#lastSequence) {
          this.#queue = this.#queue
            .filter(({ replaces }) => replaces !== NEVER_REPLACED)
            .map((queued, index) => ({ ...queued, sequence: seen + 1 + index }));
          this.#lastSequence = seen + this.#queue.length;
        } else this.#queue = this.#queue.filter(({ sequence }) => sequence > seen);
        return true;
      }
      case RECORD.withdrawn: {
        const withdrawn = record.count();
        this.#queue = this.#queue.filter(({ sequence }) => sequence !== withdrawn);
        return true;
      }
      case RECORD.received:
        this.#received = record.count();
        this.#applied = record.count();
        return true;
      default:
        return false;
    }
  }

  /** An acknowledgement covers all up to a sequence: what is overtaken has to get a higher one. The gateway takes each of these twice without harm. */
  #queueFirst(queued: Queued): void {
    // What was agreed to before a deregistration too: without it the gateway has no token to tell the service of the end with.
    const first = this.#queue.filter((other) => isUrgent(other.replaces));
    const rest = this.#queue.filter((other) => !isUrgent(other.replaces));
    const behind = rest.map((other, index) => ({ ...other, sequence: queued.sequence + 1 + index }));
    this.#queue = [...first, queued, ...behind];
    this.#lastSequence = queued.sequence + rest.length;
  }

  save(to: ByteWriter): void {
    to.count(this.#lastSequence);
    to.count(this.#dropped);
    to.count(this.#received);
    to.count(this.#applied);
    to.count(this.#queue.length);
    for (const { sequence, replaces, body } of this.#queue) {
      to.count(sequence);
      to.count(replaces);
      to.bytes(body);
    }
  }

  load(from: ByteReader): void {
    this.#lastSequence = from.count();
    this.#dropped = from.count();
    this.#received = from.count();
    this.#applied = from.count();
    this.#queue = [];
    for (let left = from.count(); left > 0; left--)
      this.#queue.push({ sequence: from.count(), replaces: from.count(), body: from.bytes().slice() });
  }
}

/** Whether nothing may be sent behind a message before it is acknowledged. */
export function goesAlone({ replaces }: Queued): boolean {
  return replaces === NEVER_REPLACED || isUrgent(replaces);
}

function classOf(message: UplinkMessage): number {
  switch (message.kind) {
    case "status":
      return FIRST_STATUS + message.slot;
    case "poll":
      return POLL;
    case "health":
      return HEALTH;
    case "settled":
      return SETTLED;
    case "offered":
      return OFFERED;
    case "authorization":
    case "grant":
      return AUTHORIZATION;
    case "deregistration":
      return DEREGISTRATION;
    case "informed":
      return INFORMED;
    case "intent":
      return NEVER_REPLACED;
  }
}
