import { createHash, randomBytes } from "node:crypto";
import {
  type Authorization,
  type DeviceEvent,
  Everfull,
  type HandOver,
  type Identity,
  type SlotOptions,
} from "everfull";
import { NorFlash } from "everfull/simulator";
import type { DeviceLink, LinkOffer, LinkStatus } from "../device-link.js";
import { CompanionError } from "../errors.js";
import type { DemoClock } from "./clock.js";
import type { Network } from "./network.js";

export interface DemoDeviceOptions {
  readonly clock: DemoClock;
  readonly network: Network;
  readonly broker: { readonly host: string; readonly port: number };
  readonly identity: Identity & { readonly model: string };
  readonly slot: SlotOptions;
  readonly onWarning: (text: string) => void;
}

/** A device with the SDK in it, on flash that outlasts its power, and its end of the local link. */
export class DemoDevice implements DeviceLink {
  readonly #options: DemoDeviceOptions;
  readonly #flash = new NorFlash();
  #everfull: Everfull | undefined;
  /** Goes up with every start: what an earlier one has scheduled does not run any more. */
  #run = 0;
  #pairingCode = "";
  #deregistration: LinkStatus["deregistration"] = "none";
  #hasFailed = false;

  constructor(options: DemoDeviceOptions) {
    this.#options = options;
  }

  get serial(): string {
    return this.#options.identity.serial;
  }

  get model(): string {
    return this.#options.identity.model;
  }

  /** Undefined: it has no power. */
  get everfull(): Everfull | undefined {
    return this.#everfull;
  }

  /** What its display shows for the app; empty unless an offer waits for it. */
  get pairingCode(): string {
    return this.#everfull?.registration === "offered" || this.#everfull?.registration === "registered"
      ? this.#pairingCode
      : "";
  }

  get slotId(): string {
    return this.#options.slot.id;
  }

  start(): void {
    if (this.#everfull) return;
    const { broker, clock, identity, network, onWarning, slot } = this.#options;
    const run = ++this.#run;
    const startedAt = clock.now();
    this.#flash.powerOn("settled", run);
    this.#everfull = new Everfull({
      identity,
      slots: [slot],
      broker,
      flash: this.#flash,
      connect: network.connect,
      ticks: () => Math.floor(clock.now() - startedAt),
      schedule: (delay, task) =>
        clock.at(clock.now() + delay, () => {
          if (run === this.#run) task();
        }),
      random: Math.random,
      wallClock: () => Math.floor(clock.now()),
      registration: {
        entropy: (count) => new Uint8Array(randomBytes(count)),
        sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
      },
      onEvent: (event) => this.#happened(event),
      warn: onWarning,
    });
  }

  /** Power off: only what is in flash remains. */
  cutPower(): void {
    this.#run++;
    this.#everfull = undefined;
    this.#pairingCode = "";
    this.#options.network.cut();
  }

  async status(): Promise<LinkStatus> {
    const { registration } = this.#on;
    const { id, capacity, stepsPerUnit } = this.#options.slot;
    const { remaining } = this.#on.slot(id);
    const percent = Math.min(100, Math.round((100 * remaining) / capacity));
    return {
      levels: [{ id, percent, remaining: remaining / stepsPerUnit }],
      registration,
      mayFinishSetup: this.#on.mayFinishSetup(),
      hasFailed: this.#hasFailed,
      deregistration: this.#deregistration,
    };
  }

  async offer(): Promise<LinkOffer | undefined> {
    const offer = this.#on.offerRegistration();
    if (offer === undefined) return undefined;
    const { pairingCode, ...rest } = offer;
    this.#pairingCode = pairingCode;
    this.#hasFailed = false;
    return rest;
  }

  async authorize(pairingCode: string, authorization: Authorization): Promise<HandOver> {
    const answer = this.#on.authorizeRegistration(pairingCode, authorization);
    if (answer === "taken") this.#pairingCode = "";
    return answer;
  }

  async decline(): Promise<boolean> {
    return this.#on.declineRegistration();
  }

  async abandon(): Promise<boolean> {
    return this.#on.abandonRegistration();
  }

  async deregister(reason: "deleted" | "unlinked" | "reset"): Promise<"queued" | "unneeded" | "storage"> {
    const answer = this.#on.deregister(reason);
    if (answer === "queued") this.#deregistration = "pending";
    return answer;
  }

  get #on(): Everfull {
    if (!this.#everfull) throw new CompanionError("link", `${this.serial} does not answer`);
    return this.#everfull;
  }

  #happened(event: DeviceEvent): void {
    if (event.kind === "deregistration") this.#deregistration = event.outcome;
    if (event.kind === "registration")
      this.#hasFailed = event.failure !== "none" && event.state !== "registered";
  }
}
