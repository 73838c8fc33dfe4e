import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { OtaData } from "../../../hal/boards/esp32/update/otadata.js";
import { PowerCut } from "../../../hal/simulator/nor-flash.js";
import { Ledger } from "../../../sdk/index.js";
import {
  type CreateDigest,
  type DayReport,
  encodeDescription,
  encodeUnsigned,
  type FetchImage,
  type ImageDescription,
  type Offer,
  Updater,
  type UpdaterOptions,
  UpdateState,
  type UpdateView,
} from "../../../sdk/update/index.js";
import { Bootloader, imageIn, makeImage } from "./bootloader.js";
import { Supply, suppliedNor, TornNor } from "./torn-nor.js";

export const BLOCK = 512;
const BLOCKS = 14;
export const PRODUCT = 7;
export const CHIP = 5;
export const HEALTHY: DayReport = { commits: 9, isStoring: true, acknowledged: true, crashes: 0 };
export const SICK: DayReport = { ...HEALTHY, acknowledged: false };

export interface Maker {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export function makeMaker(): Maker {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "jwk" }).x!;
  return {
    publicKey: new Uint8Array(Buffer.from(raw, "base64url")),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

export const digest: CreateDigest = (algorithm) => {
  const hash = createHash(algorithm);
  return {
    write: (bytes) => void hash.update(bytes),
    close: () => new Uint8Array(hash.digest()),
  };
};

export function describe(
  maker: Maker,
  image: Uint8Array,
  fields: Partial<ImageDescription> & { readonly version: number },
): Uint8Array {
  const unsigned = encodeUnsigned({
    key: 0,
    product: PRODUCT,
    chip: CHIP,
    from: 0,
    size: image.length,
    digest: new Uint8Array(createHash("sha256").update(image).digest()),
    ...fields,
  });
  return encodeDescription(unsigned, maker.sign(unsigned));
}

/** What an image does when it runs. */
export interface Behaviour {
  /** Crashes before its updater could start, or after, at every start. */
  readonly crashes?: "early" | "late";
  /** Its crashes are brown-outs, which a power cut may be too. */
  readonly browns?: boolean;
  /** What its days are like; default healthy. */
  readonly day?: DayReport;
  /** It never ends a day. */
  readonly silent?: boolean;
  /** Version that it says it is; default its own. */
  readonly claims?: number;
}

export interface WorldOptions {
  readonly maker: Maker;
  /** Bootloader with roll-back; default true. */
  readonly rollback?: boolean;
  /** `otadata` when the device leaves the factory; default blank. */
  readonly otadata?: Uint8Array;
  readonly behaviours?: Readonly<Record<number, Behaviour>>;
  /** The signature is checked in steps, not by Node. */
  readonly ownCheck?: boolean;
  /** What the network has; undefined: no answer. */
  fetch?(offset: number, length: number, request: number): Uint8Array | undefined;
}

/** Starts of one image in a row before the run is given up: a crash loop that nothing ends. */
const MOST_STARTS = 200;

/** A device with two slots, of which the first has the factory's image; its bootloader, its power, its network and its days. */
export class World {
  readonly supply = new Supply();
  readonly slots: readonly TornNor[];
  readonly boot: Bootloader;
  readonly starts: { readonly slot: number; readonly version: number; readonly bytes: Uint8Array }[] = [];
  readonly #ledger = suppliedNor(this.supply, 4);
  readonly #options: WorldOptions;
  readonly #key: KeyObject;
  readonly requests: { readonly offset: number; readonly length: number }[] = [];
  readonly warnings: string[] = [];
  readonly offers: Offer[] = [];
  #tasks: { at: number; task: () => void; order: number }[] = [];
  #now = 0;
  #order = 0;
  /** Longest that the loop was asked to wait for anything, and calls of the port in one task. */
  mostCalls = 0;
  #calls = 0;
  view: UpdateView | undefined;
  /** The ledger refuses commits. */
  isRefusing = false;
  running = 0;
  #updater: Updater | undefined;
  #wantsRestart = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    const data = new TornNor(this.supply, 2, 64, options.otadata);
    this.slots = [
      new TornNor(this.supply, BLOCKS, BLOCK, makeImage(1, 4000)),
      new TornNor(this.supply, BLOCKS, BLOCK),
    ];
    this.boot = new Bootloader(data, this.slots, options.rollback ?? true);
    const x = Buffer.from(options.maker.publicKey).toString("base64url");
    this.#key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  }

  get state(): UpdateState {
    return this.#state!;
  }
  #state: UpdateState | undefined;

  /** Power on, until there is nothing more to do by itself or the power goes. @returns whether there still is power */
  start(wasOff = true): boolean {
    this.supply.isOff = false;
    this.#ledger.powerOn();
    let off = wasOff;
    try {
      for (let starts = 0; ; starts++) {
        if (starts > MOST_STARTS) throw new Error("it starts over and over");
        const slot = this.boot.boot();
        if (slot === undefined) throw new Error("nothing boots");
        this.running = slot;
        const image = imageIn(this.slots[slot]!.bytes);
        this.starts.push({ slot, ...image });
        const { crashes, browns = false } = this.#behaviour();
        this.#tasks = [];
        this.#wantsRestart = false;
        if (crashes !== "early") {
          this.#run(off);
          if (crashes !== "late" && !this.#wantsRestart) return true;
        }
        off = browns;
      }
    } catch (error) {
      if (!this.supply.isOff) throw error;
      return false;
    }
  }

  close(): void {
    this.#updater!.close();
    this.#drain();
  }

  /** An offer, and nothing that follows from it. */
  offerOnly(bytes: Uint8Array): Offer {
    return this.#updater!.offer(bytes);
  }

  offer(bytes: Uint8Array): Offer | undefined {
    let offer: Offer | undefined;
    this.#guarded(() => {
      offer = this.#updater!.offer(bytes);
      this.offers.push(offer);
      this.#drain();
    });
    return offer;
  }

  /** Days to come, until the update has ended. */
  days(count: number): void {
    for (let i = 0; i < count && !this.supply.isOff; i++)
      this.#guarded(() => {
        const { silent, day = HEALTHY } = this.#behaviour();
        this.#now += 24 * 3600_000;
        this.#drain();
        if (!silent && !this.#wantsRestart) this.#updater!.endDay(day);
        this.#drain();
      });
  }

  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      if (!(error instanceof PowerCut) && !this.supply.isOff) throw error;
    }
    if (!this.supply.isOff && this.#wantsRestart) this.start(false);
  }

  #behaviour(): Behaviour {
    return this.#options.behaviours?.[this.starts.at(-1)!.version] ?? {};
  }

  #run(wasOff: boolean): void {
    const state = new UpdateState();
    const ledger = new Ledger({ flash: this.#ledger, parts: [state], warn: () => {} });
    ledger.open();
    this.#state = state;
    const { version } = this.starts.at(-1)!;
    const options: UpdaterOptions = {
      device: { product: PRODUCT, chip: CHIP, version: this.#behaviour().claims ?? version },
      keys: [this.#options.maker.publicKey],
      state,
      commit: (records) => {
        if (this.isRefusing) throw new Error("refused");
        ledger.commit(records);
      },
      port: this.#port(),
      fetch: this.#fetch,
      digest,
      schedule: (delay, task) => this.#schedule(delay, task),
      random: () => 0.5,
      restart: () => {
        this.#wantsRestart = true;
      },
      ...(this.#options.ownCheck
        ? {}
        : { check: (message, signature) => ({ step: () => verify(null, message, this.#key, signature) }) }),
      onChange: (view) => {
        this.view = view;
      },
      warn: (text) => this.warnings.push(text),
    };
    this.#updater = new Updater(options);
    this.#updater.start(wasOff);
    if (!this.supply.isOff) this.#drain();
    if (this.supply.isOff) throw new PowerCut("off");
  }

  #port(): UpdaterOptions["port"] {
    const { running, boot, slots } = this;
    const next = slots[1 - running]!;
    const data = new OtaData(boot.data);
    const counted = <T>(task: () => T): T => {
      this.#calls++;
      return task();
    };
    return {
      size: BLOCK * BLOCKS,
      blockLength: BLOCK,
      running: (length) => new Uint8Array(slots[running]!.read(length, 0)),
      erase: (block) => counted(() => next.eraseBlock(block)),
      write: (block, bytes) =>
        counted(() => {
          next.eraseBlock(block);
          next.write(bytes, block * BLOCK);
        }),
      read: (block, length) => counted(() => new Uint8Array(next.read(length, block * BLOCK))),
      complete: (first) => boot.complete(running, first),
      next: () => data.next(),
      arm: () => data.arm(),
      settle: (slot, stays) => data.settle(stays ? slot : 1 - slot),
    };
  }

  #fetch: FetchImage = ({ offset, length, onDone }) => {
    this.requests.push({ offset, length });
    const bytes = this.#options.fetch?.(offset, length, this.requests.length);
    return this.#schedule(20, () => onDone(bytes));
  };

  #schedule(delay: number, task: () => void) {
    const entry = { at: this.#now + delay, task, order: this.#order++ };
    this.#tasks.push(entry);
    return {
      cancel: () => {
        this.#tasks = this.#tasks.filter((one) => one !== entry);
      },
    };
  }

  /** Runs what is due within half a day, as the loop of the device does. */
  #drain(): void {
    const until = this.#now + 12 * 3600_000;
    while (!this.#wantsRestart && !this.supply.isOff) {
      this.#tasks.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#tasks[0];
      if (!next || next.at > until) return;
      this.#tasks.shift();
      this.#now = Math.max(this.#now, next.at);
      this.#calls = 0;
      next.task();
      this.mostCalls = Math.max(this.mostCalls, this.#calls);
    }
  }
}
