import { crc32 } from "../ledger/crc32.js";
import type { LedgerRecord } from "../ledger/ledger.js";
import { backoff } from "../uplink/backoff.js";
import type { Scheduled } from "../uplink/session.js";
import { decodeDescription, LEAST_IMAGE, type SignedDescription } from "./description.js";
import { Ed25519Check, PUBLIC_KEY_BYTES, type SignatureCheck } from "./ed25519.js";
import { UpdateError } from "./errors.js";
import type { DayReport } from "./health.js";
import { atDayEnd, atStart, judge, MOST_ATTEMPTS, type Refusal } from "./policy.js";
import type { CreateDigest, Digest, FetchImage, UpdatePort } from "./ports.js";
import type { UpdatePhase, UpdateReason, UpdateState } from "./state.js";

const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;
/** Between two slices of work, in milliseconds: the loop does what else there is to do. */
const PAUSE = 5;
/** A port that does not answer a request is not waited for any longer. */
const REQUEST_TIMEOUT = 90 * SECOND;
/** Blocks whose loss in a power cut is put up with: 64 KB of 4 KB blocks. */
const BLOCKS_PER_RECORD = 16;
/** In a row; with the waits of {@link backoff} about half a day. */
const MOST_FAILURES = 30;
const DEFAULT_TRIAL_DAYS = 3;
const MOST_TRIAL_DAYS = 14;
/** An image that ends no days does not have for ever. */
const SILENT_DAYS = 2;

export interface UpdaterOptions {
  /** Who the device is. */
  readonly device: {
    readonly product: number;
    readonly chip: number;
    /** Version of the firmware that runs, from 0. */
    readonly version: number;
  };
  /** The maker's public keys for Ed25519, 32 bytes each, by their numbers. */
  readonly keys: readonly Uint8Array[];
  /** A part of a ledger, that is open. */
  readonly state: UpdateState;
  /** Makes records of that ledger durable; what it throws, it has not kept. */
  commit(records: readonly LedgerRecord[]): void;
  readonly port: UpdatePort;
  readonly fetch: FetchImage;
  readonly digest: CreateDigest;
  /** Runs a task once, after so many milliseconds, never before returning. */
  schedule(delay: number, task: () => void): Scheduled;
  /** 0 up to but not 1; spreads requests. */
  random(): number;
  /** Starts the device anew, after what the product has to bring to an end. */
  restart(): void;
  /** Whole days, 1 to 14, in which a new image must have a healthy one; default 3. */
  readonly trialDays?: number;
  /** For a platform that checks Ed25519 by itself; default {@link Ed25519Check}. */
  check?(message: Uint8Array, signature: Uint8Array, key: Uint8Array): SignatureCheck;
  /** Told after each change that was committed. */
  onChange?(view: UpdateView): void;
  warn?(text: string): void;
}

/** How an update is. */
export interface UpdateView {
  readonly phase: UpdatePhase;
  /** Version that was offered last; 0: none ever was. */
  readonly version: number;
  /** Blocks in flash, of so many. */
  readonly blocks: { readonly done: number; readonly all: number };
  /** Why it did not stay. */
  readonly reason: UpdateReason;
}

/** `taken`: it is kept, and its signature is being checked. `known`: it was taken before. */
export type Offer =
  | { readonly kind: "taken" | "known" }
  | { readonly kind: "refused"; readonly reason: Refusal; readonly text: string };

/**
 * Brings a new image to the device and back off it again: it takes a description, checks the maker's signature, fetches the image in blocks,
 * checks its hash, has it booted, and keeps it when it has had a healthy day.
 *
 * It works in slices, each on its own turn of the loop, none longer than a block of flash takes. The one exception is told in the README.
 */
export class Updater {
  readonly #options: UpdaterOptions;
  readonly #state: UpdateState;
  readonly #port: UpdatePort;
  readonly #trialDays: number;
  #timer: Scheduled | undefined;
  #silence: Scheduled | undefined;
  #request: { cancel(): void } | undefined;
  /** Blocks in flash, and requests in a row that brought nothing: ahead of what is kept of them. */
  #done = 0;
  #failures = 0;
  /** Nothing that a boot could find is left of what the next image's place held before. */
  #isCleared = false;
  #isClosed = false;

  /** @throws {UpdateError} `options` */
  constructor(options: UpdaterOptions) {
    const { trialDays = DEFAULT_TRIAL_DAYS, keys, port } = options;
    const check = (holds: boolean, text: string) => {
      if (!holds) throw new UpdateError("options", text);
    };
    check(
      Number.isInteger(trialDays) && trialDays >= 1 && trialDays <= MOST_TRIAL_DAYS,
      `trialDays: 1 to ${MOST_TRIAL_DAYS} are accepted (got ${trialDays})`,
    );
    check(keys.length > 0, "keys: one at least is accepted (got 0)");
    for (const key of keys)
      check(
        key.length === PUBLIC_KEY_BYTES,
        `keys: ${PUBLIC_KEY_BYTES} bytes are accepted (got ${key.length})`,
      );
    check(
      port.blockLength >= LEAST_IMAGE && port.blockLength % LEAST_IMAGE === 0,
      `port.blockLength: a multiple of ${LEAST_IMAGE} is accepted (got ${port.blockLength})`,
    );
    this.#options = options;
    this.#state = options.state;
    this.#port = port;
    this.#trialDays = trialDays;
  }

  get view(): UpdateView {
    const { phase, reason, description } = this.#state;
    const all = description ? this.#blocks(description) : 0;
    const done = phase === "downloading" ? this.#done : this.#state.done;
    return { phase, version: description?.version ?? 0, blocks: { done, all }, reason };
  }

  /**
   * Once, as soon as the ledger is open: goes on where the last run ended. It may call `restart`.
   *
   * @param wasOff the device starts because it was without power, a brown-out included, or was reset from outside
   */
  start(wasOff: boolean): void {
    const state = this.#state;
    const { version } = this.#options.device;
    const isNew = this.#guarded<boolean | undefined>(() => state.mark === this.#runningMark(), undefined);
    // Without knowing what runs, anything could be wrong.
    if (isNew === undefined) return;
    const action = atStart(state, { isNew, version, wasOff });
    switch (action.kind) {
      case "verify":
        this.#verify();
        break;
      case "download":
        // What was staged lacks its first block again.
        if (this.#commit(state.download(state.attempt, state.failures, state.done))) this.#resume();
        break;
      case "again":
        // All but its first block is still there.
        if (this.#commit(state.download(state.attempt + 1, 0, state.done))) this.#resume();
        break;
      case "try":
        // Only what is counted gets another boot.
        if (!this.#commit(state.try(action.boots, action.crashes, state.phase === "trial" ? state.days : 0)))
          break;
        this.#guarded(() => {
          if (state.switched === 0) this.#commit(state.switchOver(this.#port.next()));
          this.#port.arm();
        });
        this.#silence = this.#options.schedule((this.#trialDays + SILENT_DAYS) * DAY, () =>
          this.#rollBack("unhealthy"),
        );
        break;
      case "rollBack":
        if (state.switched === 0) this.#guarded(() => this.#commit(state.switchOver(this.#port.next())));
        this.#rollBack(action.reason);
        break;
      case "reject":
        this.#rollBack(state.reason);
        break;
      case "wentBack":
        if (this.#commit(state.rollBack("bootloader"))) this.#forget();
        break;
      case "forget":
        this.#forget();
        break;
      case "confirm":
        this.#settle(true);
        break;
      case "stay":
        this.#warn("the image before this one does not boot: it stays");
        this.#settle(true);
        break;
    }
  }

  /**
   * Takes the bytes of a description. When it returns `taken`, they are kept: they need not be offered again, whatever becomes of the power.
   */
  offer(bytes: Uint8Array): Offer {
    const state = this.#state;
    const isSame = isEqual(bytes, state.offered);
    if (isSame && (state.isUnderWay || state.phase === "confirmed")) return { kind: "known" };
    if (isSame && state.reason === "signature") return refused("signature", "it was refused before");
    let image: SignedDescription;
    try {
      image = decodeDescription(bytes);
    } catch (error) {
      return refused("malformed", textOf(error));
    }
    const { device, keys } = this.#options;
    const room = this.#port.size;
    const reason = judge(image, { ...device, keys: keys.length, room }, state);
    if (reason !== undefined)
      return refused(
        reason,
        `product ${image.product}, chip ${image.chip}, key ${image.key}, version ${image.version} from ${image.from}, ${image.size} bytes: not for product ${device.product}, chip ${device.chip}, ${keys.length} keys, version ${device.version}, ${room} bytes`,
      );
    if (state.isUnderWay || this.#isClosed || !state.settled)
      return refused("busy", `version ${state.description?.version}: ${state.phase}`);
    if (!this.#commit(state.describe(bytes))) return refused("storage", "it could not be kept");
    this.#verify();
    return { kind: "taken" };
  }

  /** At the end of each calendar day. It may call `restart`. */
  endDay(report: DayReport): void {
    const state = this.#state;
    if (state.phase !== "trial" || this.#isClosed) return;
    const action = atDayEnd(state, report, this.#trialDays);
    if (action === "rollBack") this.#rollBack("unhealthy");
    else if (action === "wait") this.#commit(state.try(state.boots, state.crashes, state.days + 1));
    else if (this.#commit(state.confirm())) {
      this.#silence?.cancel();
      this.#settle(true);
    }
  }

  /** Ends everything that goes on; the next start goes on with it. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#silence?.cancel();
    this.#request?.cancel();
    this.#request = undefined;
  }

  #verify(): void {
    const { signed, signature, key } = this.#state.description!;
    const by = this.#options.keys[key];
    if (!by) {
      // Another firmware has taken it, that knew the key.
      this.#commit(this.#state.abandon("signature"));
      return;
    }
    const check = this.#options.check?.(signed, signature, by) ?? this.#ed25519(signed, signature, by);
    const step = (): void => {
      const isGood = check.step();
      if (isGood === undefined) this.#after(PAUSE, step);
      else if (!isGood) this.#commit(this.#state.abandon("signature"));
      else this.#begin(1);
    };
    this.#after(PAUSE, step);
  }

  #ed25519(message: Uint8Array, signature: Uint8Array, key: Uint8Array): SignatureCheck {
    const hash = (...parts: readonly Uint8Array[]) => {
      const digest = this.#options.digest("SHA512");
      for (const part of parts) digest.write(part);
      return digest.close();
    };
    return new Ed25519Check(hash, message, signature, key);
  }

  /** Begins to fetch the whole image. */
  #begin(attempt: number): void {
    this.#isCleared = false;
    if (this.#commit(this.#state.download(attempt, 0, 0)))
      this.#after(attempt > 1 ? backoff(attempt, this.#options.random()) : PAUSE, () => this.#resume());
    else this.#after(backoff(MOST_FAILURES, this.#options.random()), () => this.#begin(attempt));
  }

  #resume(): void {
    this.#done = this.#state.done;
    this.#failures = this.#state.failures;
    this.#download();
  }

  /** Fetches and stores the next block. */
  #download(): void {
    const image = this.#state.description!;
    if (!this.#isCleared) {
      try {
        this.#port.erase(0);
      } catch (error) {
        this.#fail(textOf(error));
        return;
      }
      this.#isCleared = true;
    }
    const all = this.#blocks(image);
    const block = this.#done + 1 < all ? this.#done + 1 : 0;
    const offset = block * this.#port.blockLength;
    const length = Math.min(this.#port.blockLength, image.size - offset);
    const end = (bytes: Uint8Array | undefined) => {
      this.#request = undefined;
      this.#timer?.cancel();
      if (this.#isClosed) return;
      if (bytes?.length === length) this.#take(image, block, bytes);
      else this.#fail(`bytes ${offset} to ${offset + length - 1} could not be had`);
    };
    this.#after(REQUEST_TIMEOUT, () => {
      this.#request?.cancel();
      end(undefined);
    });
    try {
      this.#request = this.#options.fetch({ digest: image.digest, offset, length, onDone: end });
    } catch (error) {
      this.#fail(textOf(error));
    }
  }

  #take(image: SignedDescription, block: number, bytes: Uint8Array): void {
    const state = this.#state;
    if (block === 0) {
      this.#hash(image, bytes);
      return;
    }
    try {
      this.#port.write(block, bytes);
    } catch (error) {
      this.#fail(textOf(error));
      return;
    }
    this.#done = block;
    this.#failures = 0;
    const isDue = block % BLOCKS_PER_RECORD === 0 || block + 1 === this.#blocks(image);
    // What is not kept of this is fetched again after a power cut.
    if (isDue) this.#commit(state.download(state.attempt, 0, block));
    this.#after(PAUSE, () => this.#download());
  }

  /** Checks what is in flash, not what has come in. */
  #hash(image: SignedDescription, first: Uint8Array): void {
    const digest: Digest = this.#options.digest("SHA256");
    const { blockLength } = this.#port;
    let at = 0;
    const step = (): void => {
      try {
        const length = Math.min(blockLength, image.size - at);
        digest.write(at === 0 ? first : this.#port.read(at / blockLength, length));
        at += length;
      } catch (error) {
        this.#fail(textOf(error));
        return;
      }
      if (at < image.size) this.#after(PAUSE, step);
      else this.#judgeImage(image, first, digest.close());
    };
    this.#after(PAUSE, step);
  }

  #judgeImage(image: SignedDescription, first: Uint8Array, digest: Uint8Array): void {
    const state = this.#state;
    if (!isEqual(digest, image.digest)) {
      if (state.attempt >= MOST_ATTEMPTS) this.#commit(state.abandon("digest"));
      else this.#begin(state.attempt + 1);
      return;
    }
    const mark = markOf(first);
    if (this.#guarded(() => mark === this.#runningMark(), true)) {
      this.#commit(state.abandon("same"));
      return;
    }
    if (this.#commit(state.stage(mark))) this.#switchOver(first);
    else this.#fail("it could not be kept that the image is whole");
  }

  #switchOver(first: Uint8Array): void {
    try {
      this.#port.complete(first);
    } catch (error) {
      this.#warn(textOf(error));
      this.#commit(this.#state.abandon("image"));
      this.#guarded(() => this.#port.erase(0));
      return;
    }
    this.#guarded(() => this.#commit(this.#state.switchOver(this.#port.next())));
    this.#options.restart();
  }

  /** A request or a block has failed: again after a while, some times. */
  #fail(text: string): void {
    const state = this.#state;
    const failures = ++this.#failures;
    if (failures === 1) this.#warn(text);
    if (failures > MOST_FAILURES) {
      this.#commit(state.abandon("download"));
      return;
    }
    this.#commit(state.download(state.attempt, failures, this.#done));
    this.#after(backoff(failures, this.#options.random()), () => this.#download());
  }

  #rollBack(reason: UpdateReason): void {
    if (!this.#commit(this.#state.rollBack(reason))) return;
    this.#warn(`version ${this.#state.description?.version} is rolled back: ${reason}`);
    this.#silence?.cancel();
    const isDone = this.#guarded(() => {
      this.#port.settle(this.#state.slot, false);
      return true;
    }, false);
    // Where the platform refuses, this image goes on; the next start tries again.
    if (isDone) this.#options.restart();
  }

  /** Nothing boots what was rolled back. */
  #forget(): void {
    this.#guarded(() => {
      this.#port.settle(this.#state.slot, false);
      this.#port.erase(0);
      this.#commit(this.#state.settle());
    });
  }

  #settle(stays: boolean): void {
    this.#guarded(() => {
      this.#port.settle(this.#state.slot, stays);
      this.#commit(this.#state.settle());
    });
  }

  #runningMark(): number {
    return markOf(this.#port.running(LEAST_IMAGE));
  }

  #blocks(image: SignedDescription): number {
    return Math.ceil(image.size / this.#port.blockLength);
  }

  /** @returns whether it is kept */
  #commit(record: LedgerRecord): boolean {
    try {
      this.#options.commit([record]);
    } catch (error) {
      this.#warn(textOf(error));
      return false;
    }
    this.#options.onChange?.(this.view);
    return true;
  }

  #guarded(task: () => void): void;
  #guarded<T>(task: () => T, otherwise: T): T;
  #guarded<T>(task: () => T, otherwise?: T): T | undefined {
    try {
      return task();
    } catch (error) {
      this.#warn(textOf(error));
      return otherwise;
    }
  }

  #after(delay: number, task: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.schedule(delay, () => {
      if (!this.#isClosed) task();
    });
  }

  #warn(text: string): void {
    this.#options.warn?.(`update: ${text}`);
  }
}

function markOf(bytes: Uint8Array): number {
  return crc32(bytes, 0, 0, LEAST_IMAGE);
}

function refused(reason: Refusal, text: string): Offer {
  return { kind: "refused", reason, text: `description: ${text}` };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}
