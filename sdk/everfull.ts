import { type Anchoring, Clock, type ClockQuality, type ClockSource, INSISTENCE } from "./clock/clock.js";
import { EverfullError } from "./errors.js";
import type { RunOut } from "./forecast/index.js";
import { Health } from "./health/health.js";
import { crc32 } from "./ledger/crc32.js";
import { LedgerError } from "./ledger/errors.js";
import type { JournalHealth, Slices } from "./ledger/journal.js";
import { Ledger, type LedgerRecord } from "./ledger/ledger.js";
import { type Account, Stock, weekday } from "./ledger/stock.js";
import { COMMIT_AFTER, commitThreshold, type LossBound, lossBound } from "./metering/commit-policy.js";
import { Metered } from "./metering/metered.js";
import { checkedOptions, type DeviceEvent, type EverfullOptions, isOffset, OFFSETS } from "./options.js";
import {
  type Authorization,
  checkAuthorization,
  redemption,
  refreshTokenOf,
} from "./registration/authorization.js";
import { type Paired, Pairing } from "./registration/pairing.js";
import {
  mayFinishSetup,
  nextRegistration,
  Registration,
  type RegistrationEvent,
  type RegistrationState,
  SERVICE_WORDS,
  type ServiceWord,
} from "./registration/registration.js";
import { type Cycle, type CycleState, Cycles, inboundOf, nextState, wasPlaced } from "./reorder/cycle.js";
import { type Decision, decide, isOrder, timeOut } from "./reorder/policy.js";
import { allocate, isDoubtful, isFull } from "./reorder/shelf.js";
import { DeviceSettings } from "./settings/settings.js";
import type { ReorderOptions, Slot } from "./slot.js";
import { Codec } from "./uplink/codec.js";
import { UplinkError } from "./uplink/errors.js";
import { goesAlone, Mailbox } from "./uplink/mailbox.js";
import {
  DEREGISTRATION_REASONS,
  type DeregistrationReason,
  type HealthRecord,
  type OrderEvent,
  type RegistrationFailure,
  type RegistrationNews,
  type Settings,
  type UplinkMessage,
} from "./uplink/messages.js";
import { open, seal } from "./uplink/seal.js";
import { type Scheduled, Session } from "./uplink/session.js";
import { fnv1a } from "./uplink/spread.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY_MINUTES = 24 * 60;
/** A store that refused is tried again after so long, and with whatever is to be committed before that. */
const RETRY_AFTER = 10 * MINUTE;
/** A level sensor does not tell this share of the capacity from nothing. */
const EMPTY_SHARE = 0.01;
/**
 * The time is kept in the journal at least this often, so that a restart knows how long the device was off: what it had been on for since then counts as not
 * metered, while what was used then is kept.
 */
const HEARTBEAT = 30 * MINUTE;
/** The time goes with a commit when the last one kept is older. */
const TIMESTAMP = 10 * MINUTE;
/** After an order was sent: by then the service has answered the gateway. */
const OUTCOME_AFTER = 15 * MINUTE;
/** After an authorization was sent, its outcome is asked for after so long, then after twice as long each time. */
const FIRST_NEWS_AFTER = 10 * SECOND;
const MOST_NEWS_AFTER = HEARTBEAT;
/** How long a deregistration is waited for before the product is told that it was not delivered. */
const DELIVERY_PATIENCE = 2 * MINUTE;
/** A move of the UTC offset takes the local day back by 28 hours at most: what is further behind is not caught up with. */
const MOST_BEHIND = 2;
/** A restart that took less is not worth a record. */
const LEAST_ABSENCE = 10 * MINUTE;
const MOST_CALIBRATION = 2 ** 50;
const MOST_BYTE = 255;
const MOST_WORD = 0xffff;

/** One slot as it is now. Quantities in whole steps, metered use that is not yet committed included. */
export interface SlotView {
  readonly id: string;
  readonly remaining: number;
  readonly onHand: number;
  /** Bought and not yet delivered, so far as is known. */
  readonly inbound: number;
  readonly consumed: number;
  /** Number and state of the newest order cycle. */
  readonly cycle: number;
  readonly state: CycleState;
  /** What the policy says of an order now. It is asked when a day begins. */
  readonly decision: Decision;
  /** Cancellations in a row: with 1 the device orders again 5 days after it, with 2 not before the slot is full. */
  readonly cancellations: number;
  /** Orders ever placed later than lead and reserve ask for. */
  readonly lateOrders: number;
  /** Days from today until it is empty, as of now: 1 is by the end of today. 10 %, 50 % and 90 %; all 0 when it is. */
  readonly runOut: { readonly low: number; readonly median: number; readonly high: number };
}

/** What the app needs to take the customer through the log-in, and to come back with what that gives. */
export interface RegistrationOffer {
  readonly model: string;
  /** As registered at the service: the number that the product shows. */
  readonly serial: string;
  /** PKCE challenge for the log-in, and its method. */
  readonly codeChallenge: string;
  readonly codeChallengeMethod: "S256";
  /** Once, within 15 minutes and 5 attempts: 8 characters, for the customer to read off or for the local link to carry. */
  readonly pairingCode: string;
}

/** What becomes of an authorization that the app brings: `taken`, `storage` when the store refuses (it may be brought again), or why it is not let in. */
export type HandOver = "taken" | "storage" | Exclude<Paired, "paired">;

/** How the journal is. */
export interface StorageView extends JournalHealth {
  /** `failing`: it refuses. Metering goes on in RAM, where a power cut loses it; nothing is reported or ordered until it is `ok` again. */
  readonly state: "ok" | "failing";
  /** What it refused last; empty when it is ok. */
  readonly reason: string;
  /** What earlier runs have kept is known. While it is not, quantities are those of a first start, and of what was metered since. */
  readonly isOpen: boolean;
}

/**
 * A device that reorders. It keeps what it is told durable, closes the days, forecasts, orders in time and reports once a day.
 *
 * ```ts
 * const everfull = new Everfull({ identity, slots, broker, flash, connect, ticks, schedule, random });
 * everfull.consume("soap", 35);
 * ```
 */
export class Everfull {
  readonly #options: EverfullOptions;
  readonly #slots: readonly Slot[];
  readonly #codec = new Codec();
  readonly #clock: Clock;
  readonly #stock: Stock;
  readonly #cycles: Cycles;
  readonly #mailbox: Mailbox;
  readonly #registration: Registration;
  readonly #pairing: Pairing | undefined;
  /** Changes when what is being redeemed does not count any more. */
  #redeeming = 0;
  /** Why the device was deregistered while something was being redeemed. */
  #ending: DeregistrationReason | undefined;
  readonly #health: Health;
  readonly #settings: DeviceSettings;
  readonly #ledger: Ledger;
  readonly #session: Session;
  readonly #metered: Metered;
  /** What sensors asked to have kept, per slot; undefined where none has. */
  readonly #calibrations: (number | undefined)[];
  /** Why the store refuses; undefined while it does not. */
  #refusal: string | undefined;
  #retryTimer: Scheduled | undefined;
  /** The start is done with, as far as the store has to take part in it. */
  #isResumed = false;
  /** What follows from a time that was taken when the store began to refuse. */
  #owed: LedgerRecord[] = [];
  /** Events that were applied when more were asked for in this visit: asking again would bring nothing else. */
  #polledAt: number | undefined;
  #commitTimer: Scheduled | undefined;
  #dayTimer: Scheduled | undefined;
  #visitTimer: Scheduled | undefined;
  #outcomeTimer: Scheduled | undefined;
  #askTimer: Scheduled | undefined;
  #newsTimer: Scheduled | undefined;
  #newsAfter = FIRST_NEWS_AFTER;
  #deliveryTimer: Scheduled | undefined;
  /** The turn of the loop in which the next slot is reported, and the one in which the journal makes room. */
  #reportTimer: Scheduled | undefined;
  #roomTimer: Scheduled | undefined;
  /** The turn in which the start goes on. */
  #startTimer: Scheduled | undefined;
  /** What the start reports is sent as soon as all of it is queued. */
  #isVisitOwed = false;
  #closed = false;

  /**
   * Opens the journal and takes up where the last run ended. Where the flash refuses, metering goes on in RAM and opening is tried
   * again, see {@link storage}.
   *
   * With `onStarted` this is done in turns of the loop after the constructor has returned. Until then nothing that earlier runs have kept is known, and what is
   * metered waits in RAM.
   *
   * @throws {EverfullError} `options`
   * @throws {LedgerError} `options`; `version`, which goes to `onStarted` instead: the journal is a newer firmware's, nothing was erased
   */
  constructor(options: EverfullOptions) {
    const { slots, utcOffsetMinutes } = checkedOptions(options);
    this.#options = options;
    this.#slots = slots;
    this.#clock = new Clock({ ticks: () => options.ticks(), utcOffsetMinutes });
    this.#stock = new Stock(this.#slots);
    this.#cycles = new Cycles(this.#slots.length);
    this.#mailbox = new Mailbox(this.#codec);
    this.#registration = new Registration(this.#slots.length);
    const { registration } = options;
    if (registration)
      this.#pairing = new Pairing({
        entropy: (count) => registration.entropy(count),
        sha256: (bytes) => registration.sha256(bytes),
        ticks: () => options.ticks(),
      });
    this.#health = new Health(options);
    this.#settings = new DeviceSettings(this.#slots);
    this.#metered = new Metered(this.#slots.length);
    this.#calibrations = this.#slots.map(() => undefined);
    this.#ledger = new Ledger({
      flash: options.flash,
      parts: [
        this.#clock,
        this.#stock,
        this.#cycles,
        this.#mailbox,
        this.#registration,
        this.#health,
        this.#settings,
      ],
      warn: (text) => this.#warn(text),
    });
    this.#session = new Session({
      serial: options.identity.serial,
      broker: options.broker,
      connect: options.connect,
      schedule: (delay, task) => options.schedule(delay, task),
      random: () => options.random(),
      outbox: () =>
        this.#mailbox.queue.map((queued) => ({
          sequence: queued.sequence,
          alone: goesAlone(queued),
          seal: () => seal(options.identity.key, "up", queued.sequence, queued.body),
        })),
      receive: (sealed) => this.#receive(sealed),
      // While events are missing, the poll that asks for them is queued. An order that the day's reports bring goes with this visit.
      isSettled: () => this.#mailbox.queue.length === 0 && !this.#reportTimer,
      warn: (text) => this.#warn(text),
    });
    const { onStarted } = options;
    if (!onStarted) {
      if (this.#attempt(() => this.#ledger.open())) this.#resume();
      return;
    }
    const refused = (error?: unknown) => {
      if (!this.#closed) onStarted(error);
    };
    this.#startTimer = options.schedule(0, () => this.#openInTurns(this.#ledger.opening(), refused));
  }

  /** Does one slice of opening the journal in each turn of the loop, then goes on from what it told. */
  #openInTurns(slices: Slices, onStarted: (error?: unknown) => void): void {
    this.#startTimer = undefined;
    let isDone = false;
    try {
      const isOpening = this.#attempt(() => {
        isDone = slices.next().done === true;
      });
      if (isOpening && !isDone) {
        this.#startTimer = this.#options.schedule(0, () => this.#openInTurns(slices, onStarted));
        return;
      }
      if (isDone) this.#resume();
    } catch (error) {
      onStarted(error);
      return;
    }
    onStarted();
  }

  /** Goes on from what the journal has told. What the store does not take of this is owed, see {@link #retry}. */
  #resume(): void {
    // Use first: more than was there books the correction that a repair would book again.
    if (!this.#commit([])) return;
    // What was needed to take the answer to an offer is gone with the power: it is made again when set-up resumes.
    const records = [...this.#stock.repair(), ...this.#health.start(), ...this.#step("abandon")];
    if (!this.#commit(records)) return;
    const wallClock = this.#options.wallClock?.();
    if (wallClock !== undefined) this.#anchor(wallClock, "board");
    this.#startDay();
    // The time is asked for, and what the last run could not send is sent.
    if (this.#reportTimer) this.#isVisitOwed = true;
    else if (this.#clock.quality !== "trusted" || this.#mailbox.queue.length > 0) this.#visit();
    else this.#awaitOutcome();
    this.#awaitNews();
    this.#isResumed = this.#isStoring;
  }

  /** The slots' ids, in the order of their numbers. */
  get slotIds(): readonly string[] {
    return this.#slots.map(({ id }) => id);
  }

  get clockQuality(): ClockQuality {
    return this.#clock.quality;
  }

  /** Whether what happens lasts, and how worn the flash is. */
  get storage(): StorageView {
    return {
      ...this.#ledger.health,
      state: this.#refusal === undefined ? "ok" : "failing",
      reason: this.#refusal ?? "",
      isOpen: this.#ledger.isOpen,
    };
  }

  /** What a power cut can lose of a slot's use while the store takes commits. @throws {EverfullError} `argument`, `closed` */
  lossBound(id: string): LossBound {
    return lossBound(this.#slots[this.#index(id)]!);
  }

  /** Figures of this run, for health reports and tests. */
  get figures(): {
    readonly commits: number;
    readonly erases: number;
    readonly visits: number;
    readonly queued: number;
    readonly dropped: number;
    /** Newest day of which the gateway has acknowledged the statuses of all slots; 0: none, or statuses wait. */
    readonly reported: number;
  } {
    return {
      commits: this.#ledger.commits,
      erases: this.#ledger.erases,
      visits: this.#session.visits,
      queued: this.#mailbox.queue.length,
      dropped: this.#mailbox.dropped,
      reported: this.#mailbox.isReported
        ? Math.min(...this.#slots.map((_, index) => this.#stock.reported(index)))
        : 0,
    };
  }

  /** How the device is, as it goes up with the first status of a day. */
  get health(): HealthRecord {
    const { day, quality, offset } = this.#clock;
    const device = {
      day: this.#stock.openDay ?? day ?? 0,
      dropped: this.#mailbox.dropped,
      clock: quality,
      utcOffset: offset,
      settings: this.#settings.number,
      applied: this.#mailbox.applied,
    };
    return this.#health.message(device, this.#ledger.health);
  }

  /** When to order for a slot: as configured, but for what the gateway has set. @throws {EverfullError} `argument`, `closed` */
  policy(id: string): Required<ReorderOptions> {
    return this.#settings.policy(this.#index(id));
  }

  /** A slot as it is now. @throws {EverfullError} `argument`: no such slot */
  slot(id: string): SlotView {
    const index = this.#index(id);
    const account = this.#stock.account(index);
    const cycle = this.#cycles.of(index);
    const { remaining, consumed } = this.#metered.applied(index, account.remaining);
    const elapsed = (this.#clock.minute ?? 0) / DAY_MINUTES;
    return {
      id,
      remaining,
      onHand: account.onHand,
      inbound: inboundOf(cycle),
      consumed: account.consumed + consumed,
      cycle: cycle.number,
      state: cycle.state,
      decision: this.#decide(index, this.#stock.openDay ?? 0, remaining, account.onHand, cycle, elapsed),
      cancellations: cycle.cancellations,
      lateOrders: cycle.late,
      // As of now: what was used today is gone from what remains.
      runOut: this.#stock
        .forecast(index)
        .runOut(remaining + account.onHand, this.#weekday(), undefined, elapsed),
    };
  }

  /** The exact bookkeeping of a slot, as committed. @throws {EverfullError} `argument` */
  account(id: string): Account {
    return this.#stock.account(this.#index(id));
  }

  /**
   * Takes use into account. It is kept in RAM until 1 % of the capacity has gathered or 10 minutes have passed, whichever is first, see
   * {@link lossBound}; longer only while the store refuses, see {@link storage}.
   *
   * @param steps whole steps, 0 or more
   * @throws {EverfullError} `argument`, `closed`
   */
  consume(id: string, steps: number): void {
    const index = this.#index(id);
    this.#checkSteps("consume", steps, 0);
    if (steps === 0) return;
    this.#metered.consume(index, steps);
    if (this.#metered.used(index) >= commitThreshold(this.#slots[index]!)) this.#commit([]);
    else this.#commitTimer ??= this.#options.schedule(COMMIT_AFTER, () => this.#commit([]));
  }

  /**
   * Takes a refill into account: it comes from what is on hand, or it is the delivery of the open order.
   *
   * @param steps whole steps put into the slot, 1 or more
   * @throws {EverfullError} `argument`, `closed`
   */
  refill(id: string, steps: number): void {
    const index = this.#index(id);
    this.#checkSteps("refill", steps, 1);
    this.#metered.refill(index, steps);
    this.#commit([]);
  }

  /**
   * Keeps a whole number for the sensor of a slot, such as the drift of its zero: the restarted firmware finds it in {@link calibration}. It goes
   * with the next commit, at the latest when the day closes.
   *
   * @throws {EverfullError} `argument`, `closed`
   */
  calibrate(id: string, value: number): void {
    const index = this.#index(id);
    if (!(Number.isInteger(value) && Math.abs(value) <= MOST_CALIBRATION))
      throw new EverfullError(
        "argument",
        `calibrate: a whole number within +-${MOST_CALIBRATION} is accepted (got ${value})`,
      );
    this.#calibrations[index] = value;
  }

  /** What {@link calibrate} kept; 0 at first. @throws {EverfullError} `argument`, `closed` */
  calibration(id: string): number {
    const index = this.#index(id);
    return this.#calibrations[index] ?? this.#stock.calibration(index);
  }

  /**
   * Tells that the use of a slot changes from now on to `factor` times what it was, such as 2 when twice as many people have the device: its
   * dates and orders follow at once instead of over weeks, and over restarts.
   *
   * @param factor 0.01 to 100, taken to the thousandth
   * @returns false when the store refuses: nothing has changed
   * @throws {EverfullError} `argument`, `closed`
   */
  rescale(id: string, factor: number): boolean {
    const index = this.#index(id);
    if (!(factor >= 0.01 && factor <= 100))
      throw new EverfullError("argument", `rescale: a factor from 0.01 to 100 is accepted (got ${factor})`);
    return this.#commit([this.#stock.rescale(index, factor)]);
  }

  /**
   * Takes the time from the board, such as an answer of SNTP; a clock that is set at the start is better given as `wallClock`. What is far from the
   * time so far is not believed before the gateway says the same; nothing is while the store refuses.
   *
   * @param utc milliseconds since 1970-01-01
   * @returns what became of it
   * @throws {EverfullError} `closed`
   */
  setTime(utc: number): Anchoring {
    this.#checkOpen();
    const result = this.#anchor(utc, "board");
    this.#startDay();
    return result;
  }

  /**
   * Changes the minutes that local time at the customer's place is ahead of UTC, from now on and over restarts, whatever the configuration says: for
   * daylight saving and travel. Forward over midnight the day ends at once; back over midnight it goes on until it ends once more.
   *
   * @returns false when the store refuses: nothing has changed
   * @throws {EverfullError} `argument`, `closed`
   */
  setUtcOffset(minutes: number): boolean {
    this.#checkOpen();
    if (!isOffset(minutes)) throw new EverfullError("argument", `setUtcOffset: ${OFFSETS} (got ${minutes})`);
    if (minutes === this.#clock.movedTo) return true;
    if (!this.#commit([this.#clock.move(minutes)])) return false;
    this.#startDay();
    return true;
  }

  /** How far the registration at the service has come. */
  get registration(): RegistrationState {
    return this.#registration.state;
  }

  /** Whether the product may say that it is ready for use: the customer was offered the registration, and has answered. */
  mayFinishSetup(): boolean {
    return mayFinishSetup(this.registration);
  }

  /**
   * Offers the registration, as set-up does before it may finish. An offer before it is void. One that is neither answered, declined nor abandoned when the device
   * restarts is abandoned.
   *
   * @returns what the app needs; undefined when the store refuses
   * @throws {EverfullError} `options`: this device cannot offer; `closed`
   */
  offerRegistration(): RegistrationOffer | undefined {
    this.#checkOpen();
    const { serial, model = "" } = this.#options.identity;
    if (!this.#pairing)
      throw new EverfullError("options", "registration: needed to offer one, and not there");
    if (!this.#take("offer") && this.registration !== "registered") return undefined;
    this.#redeeming++;
    const { challenge, code } = this.#pairing.open();
    return { model, serial, codeChallenge: challenge, codeChallengeMethod: "S256", pairingCode: code };
  }

  /**
   * Takes what the log-in has given from the app. The gateway redeems it, or the device itself where it can; what comes of it is told as `registration`.
   *
   * @param pairingCode of the offer; case, spaces and dashes do not matter
   * @throws {EverfullError} `argument`: a field is missing or too long, the offer stands; `closed`
   */
  authorizeRegistration(pairingCode: string, authorization: Authorization): HandOver {
    this.#checkOpen();
    const paired = this.#pairing?.pair(pairingCode) ?? "no-offer";
    if (paired !== "paired") return paired;
    checkAuthorization(authorization);
    const { redeem } = this.#options.registration!;
    if (redeem) {
      const { verifier } = this.#pairing!;
      this.#pairing!.close();
      const redeeming = ++this.#redeeming;
      this.#ending = undefined;
      redeem.call(this.#options.registration, redemption(authorization, verifier), (status, body) => {
        if (redeeming === this.#redeeming) this.#redeemed(authorization.clientId, status, body);
      });
      return "taken";
    }
    const { code, clientId, redirectUri } = authorization;
    const { applied } = this.#mailbox;
    const { verifier } = this.#pairing!;
    const message = { kind: "authorization", code, clientId, redirectUri, verifier, applied } as const;
    if (!this.#handUp(message)) return "storage";
    this.#pairing!.close();
    return "taken";
  }

  /** The customer does not want it now. @returns false when nothing is offered, or the store refuses */
  declineRegistration(): boolean {
    return this.#withdrawOffer("decline");
  }

  /** The customer has left set-up: it is to be offered again. @returns false when nothing is offered, or the store refuses */
  abandonRegistration(): boolean {
    return this.#withdrawOffer("abandon");
  }

  /**
   * The customer deletes, unlinks or resets the device: nothing is ordered any more from now on, and the gateway is told before anything else. Whether it could be
   * reached within `patience` is told as `deregistration`: a factory reset waits for that.
   *
   * @param patience milliseconds
   * @returns `unneeded`: it is not registered; `storage`: the store refuses, nothing has changed
   * @throws {EverfullError} `argument`, `closed`
   */
  deregister(reason: DeregistrationReason, patience = DELIVERY_PATIENCE): "queued" | "unneeded" | "storage" {
    this.#checkOpen();
    if (!DEREGISTRATION_REASONS.includes(reason))
      throw new EverfullError(
        "argument",
        `deregister: one of ${DEREGISTRATION_REASONS.join(", ")} is accepted (got ${reason})`,
      );
    const { applied, isDeregistering } = this.#mailbox;
    if (!isDeregistering) {
      if (this.registration === "deregistered") return "unneeded";
      const { records, lapsed } = this.#registering("deregistered", []);
      records.push(...this.#mailbox.enqueue([{ kind: "deregistration", reason, applied }]));
      if (!this.#commit(records)) return "storage";
      this.#ending = reason;
      this.#pairing?.close();
      this.#tellLapsed(lapsed);
      if (this.#closed) return "queued";
    }
    this.#deliveryTimer?.cancel();
    this.#deliveryTimer = this.#options.schedule(patience, () => {
      if (this.#mailbox.isDeregistering)
        this.#tell({ kind: "deregistration", reason, outcome: "undelivered" });
    });
    this.#visit();
    return "queued";
  }

  /**
   * Takes over what the service says of the registration; what the customer says comes by an offer. As long as it is `new` - the product has never told - every slot may order, and the service
   * decides. From then on only subscribed slots of a registered device may. An order of another slot that the gateway has not yet acknowledged
   * is withdrawn at once; one that it has goes on as the service wills.
   *
   * @param subscribed ids of all slots that are subscribed; none unless `registered`
   * @returns false when the store refuses: nothing has changed
   * @throws {EverfullError} `argument`, `closed`
   */
  setRegistration(state: ServiceWord, subscribed: readonly string[] = []): boolean {
    const indexes = subscribed.map((id) => this.#index(id));
    this.#checkOpen();
    if (!SERVICE_WORDS.includes(state) || (state !== "registered" && indexes.length > 0))
      throw new EverfullError(
        "argument",
        `setRegistration: one of ${SERVICE_WORDS.join(", ")} is accepted, slots with "registered" (got ${state})`,
      );
    const { records, lapsed } = this.#registering(state, indexes);
    if (!this.#commit(records)) return false;
    this.#tellLapsed(lapsed);
    return true;
  }

  /** The records with which the registration comes to a state with these slots subscribed, and the orders that they take back. */
  #registering(state: RegistrationState, indexes: readonly number[]): Registering {
    const records = state === this.registration ? [] : [this.#registration.enter(state)];
    const day = this.#clock.day ?? 0;
    const lapsed = this.#slots.flatMap(({ id }, index) => {
      const isSubscribed = indexes.includes(index);
      if (isSubscribed !== this.#registration.isSubscribed(index)) {
        records.push(this.#registration.subscribe(index, isSubscribed));
        if (isSubscribed) records.push(this.#cycles.event(index, "subscribed", day));
      }
      const withdrawn = isSubscribed || state === "new" ? [] : this.#mailbox.withdraw(index);
      if (withdrawn.length === 0) return [];
      records.push(...withdrawn, this.#cycles.event(index, "lapsed", day));
      return [{ slot: id, cycle: this.#cycles.of(index).number }];
    });
    return { records, lapsed };
  }

  #tellLapsed(orders: Registering["lapsed"]): void {
    for (const order of orders) this.#tell({ kind: "order", ...order, state: "lapsed", day: 0 });
  }

  /** The records of an event of the registration; none when it changes nothing. */
  #step(event: RegistrationEvent): LedgerRecord[] {
    const state = nextRegistration(this.registration, event);
    return state === undefined || state === this.registration ? [] : this.#registering(state, []).records;
  }

  /** @returns false when the event means nothing now, or the store refuses */
  #take(event: RegistrationEvent): boolean {
    const state = nextRegistration(this.registration, event);
    if (state === undefined) return false;
    const { records, lapsed } = this.#registering(state, []);
    if (!this.#commit(records)) return false;
    this.#tellLapsed(lapsed);
    return true;
  }

  #withdrawOffer(event: "decline" | "abandon"): boolean {
    this.#checkOpen();
    if (!this.#take(event)) return false;
    this.#redeeming++;
    this.#pairing?.close();
    return true;
  }

  /** Queues what the customer has agreed to, before all else. @returns false when the store refuses */
  #handUp(message: UplinkMessage): boolean {
    if (!this.#commit([...this.#step("authorize"), ...this.#mailbox.enqueue([message])])) return false;
    this.#newsAfter = FIRST_NEWS_AFTER;
    this.#visit();
    return true;
  }

  /** The answer of the token endpoint. */
  #redeemed(clientId: string, status: number, body: string): void {
    if (this.#closed) return;
    this.#redeeming++;
    const refreshToken = refreshTokenOf(status, body);
    const { applied } = this.#mailbox;
    const reason = this.#ending;
    if (reason) {
      // The service knows of the registration: it is told of the end with this token, so the end goes up once more behind it.
      if (refreshToken === undefined || this.registration !== "deregistered") return;
      const grant = { kind: "grant", clientId, refreshToken, applied } as const;
      if (this.#commit(this.#mailbox.enqueue([grant, { kind: "deregistration", reason, applied }])))
        this.#visit();
      return;
    }
    if (refreshToken !== undefined && this.#handUp({ kind: "grant", clientId, refreshToken, applied }))
      return;
    this.#commit(this.#step("abandon"));
    const isUnreachable = status === 0 || status >= 500;
    this.#tellRegistration(refreshToken ? "unavailable" : isUnreachable ? "unreachable" : "refused");
  }

  #tellRegistration(failure: RegistrationFailure): void {
    const subscribed = this.slotIds.filter((_, index) => this.#registration.isSubscribed(index));
    this.#tell({ kind: "registration", state: this.registration, subscribed, failure });
  }

  /** Takes over what the gateway says of the registration, and queues that it is known. */
  #inform({ number, registered, subscribed, failure }: RegistrationNews, sequence: number): void {
    const { applied, isAuthorizing, isDeregistering, isInforming } = this.#mailbox;
    // The gateway does not know yet what the customer wants here; it says it anew when it does.
    if (isDeregistering || (isAuthorizing && !registered)) return;
    const before = this.registration;
    const known = this.#registration.number;
    const isNews = number > known;
    if (!isNews && isInforming) return;
    const records = [this.#mailbox.receive(sequence, applied)];
    let lapsed: Registering["lapsed"] = [];
    if (isNews) {
      const indexes = this.#slots.flatMap((_, index) => ((subscribed >> index) & 1 ? [index] : []));
      const state = nextRegistration(before, wordOf(before, registered, failure)) ?? before;
      const change = this.#registering(state, indexes);
      lapsed = change.lapsed;
      // What is open was another customer's.
      if (registered && before !== "registered" && before !== "new")
        records.push(this.#cycles.end(this.#clock.day ?? 0));
      records.push(this.#registration.inform(number), ...change.records);
    }
    // One that is not new, and not known to be known: the gateway has lost it.
    records.push(...this.#mailbox.enqueue([{ kind: "informed", number: isNews ? number : known, applied }]));
    if (!this.#commit(records) || !isNews) return;
    if (before !== this.registration) this.#pairing?.close();
    this.#tellLapsed(lapsed);
    this.#tellRegistration(failure);
  }

  /** What comes of an authorization is asked for, less and less often. */
  #awaitNews(): void {
    if (this.#newsTimer || this.registration !== "authorized" || this.#mailbox.isAuthorizing) return;
    this.#newsTimer = this.#options.schedule(this.#newsAfter, () => {
      this.#newsTimer = undefined;
      this.#newsAfter = Math.min(2 * this.#newsAfter, MOST_NEWS_AFTER);
      this.#visit();
    });
  }

  /** Commits what is in RAM and lets go of everything but the flash, which is the board's. */
  close(): void {
    if (this.#closed) return;
    this.#commit([]);
    this.#keep(this.#newCalibrations());
    if (!this.#metered.isEmpty)
      this.#warn("everfull: closed while the store refuses: what was metered is lost");
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.#commitTimer?.cancel();
    this.#dayTimer?.cancel();
    this.#visitTimer?.cancel();
    this.#outcomeTimer?.cancel();
    this.#askTimer?.cancel();
    this.#newsTimer?.cancel();
    this.#deliveryTimer?.cancel();
    this.#reportTimer?.cancel();
    this.#roomTimer?.cancel();
    this.#startTimer?.cancel();
    this.#session.close();
  }

  /**
   * Commits what was metered, then records with the calibrations and the time when they are due.
   *
   * @returns false when the store refuses: the records are not committed, and what was metered waits
   */
  #commit(records: readonly LedgerRecord[]): boolean {
    this.#commitTimer?.cancel();
    this.#commitTimer = undefined;
    if (!this.#isStoring) return false;
    return this.#attempt(() => {
      while (this.#metered.first.refill) this.#commitRefill(this.#metered.first.refill);
      const use = this.#useOf(this.#metered.first.use);
      if (use.length + records.length + this.#owed.length === 0) return;
      this.#ledger.commit(this.#withDues([...use, ...this.#owed, ...records]));
      this.#metered.shift();
      this.#owed = [];
    });
  }

  /** Commits a refill with the use before it: it comes from what is on hand, or it is the delivery of the open order. */
  #commitRefill(refill: { readonly slot: number; readonly steps: number }): void {
    const { slot: index, steps } = refill;
    const slot = this.#slots[index]!;
    const day = this.#clock.day ?? this.#stock.openDay ?? 0;
    const { onHand, remaining } = this.#stock.account(index);
    const cycle = this.#cycles.of(index);
    const after = allocate(steps, onHand, cycle, slot.refill, day);
    const { use } = this.#metered.first;
    const records = [...this.#useOf(use), this.#stock.refill(index, steps)];
    if (after.onHand !== onHand) records.push(this.#stock.book(index, after.onHand - onHand));
    // What was delivered unseen closes its cycle when the last of it is loaded.
    if (after.delivered || (cycle.state === "delivered" && after.onHand === 0))
      records.push(this.#cycles.event(index, "refilled", day));
    if (cycle.cancellations > 0 && isFull(Math.max(0, remaining - use[index]!) + steps, slot))
      records.push(this.#cycles.event(index, "filled", day));
    this.#ledger.commit(this.#withDues(records));
    this.#metered.shift();
    if (after.delivered)
      this.#tell({ kind: "delivered", slot: slot.id, cycle: cycle.number, seen: true, day });
  }

  #useOf(steps: readonly number[]): LedgerRecord[] {
    return steps.flatMap((used, index) => this.#stock.consume(index, used));
  }

  #withDues(records: readonly LedgerRecord[]): LedgerRecord[] {
    const time = this.#clock.isRecordDue(TIMESTAMP) ? [this.#clock.record()] : [];
    return [...records, ...this.#newCalibrations(), ...time];
  }

  get #isStoring(): boolean {
    return this.#refusal === undefined && this.#ledger.isOpen && !this.#closed;
  }

  /** Commits records alone. @returns false when the store refuses */
  #keep(records: readonly LedgerRecord[]): boolean {
    return this.#isStoring && this.#attempt(() => this.#ledger.commit(records));
  }

  /**
   * Does something with the store. While it refuses it is left alone but for a trial now and then: each may cost erases.
   *
   * @param before why it refused until now
   * @returns false when it refuses
   */
  #attempt(task: () => void, before?: string): boolean {
    try {
      task();
      // Not within the task: a block takes as long to begin as all the rest.
      if (this.#ledger.isNearlyFull) this.#roomTimer ??= this.#options.schedule(0, () => this.#makeRoom());
      return true;
    } catch (error) {
      if (!(error instanceof LedgerError && (error.code === "flash" || error.code === "full"))) throw error;
      // Found already by what the product did in an event of this task.
      const isKnown = this.#refusal !== undefined;
      this.#refusal = error.message;
      if (this.#closed || isKnown) return false;
      this.#retryTimer = this.#options.schedule(RETRY_AFTER, () => this.#retry());
      if (before === undefined) {
        this.#warn(`storage: ${error.message}; metering goes on in RAM`);
        this.#tell({ kind: "storage", state: "failing", reason: error.message });
      }
      return false;
    }
  }

  #retry(): void {
    const reason = this.#refusal!;
    this.#refusal = undefined;
    this.#retryInTurns(this.#ledger.opening(), reason);
  }

  #retryInTurns(slices: Slices, reason: string): void {
    let isDone = false;
    const isBack = this.#attempt(() => {
      isDone = slices.next().done === true;
      // Changes nothing: does the store take a record?
      if (isDone) this.#ledger.commit([this.#stock.miss(0)]);
    }, reason);
    if (!isBack || this.#closed) return;
    if (!isDone) {
      this.#retryTimer = this.#options.schedule(0, () => this.#retryInTurns(slices, reason));
      return;
    }
    this.#warn("storage: it takes commits again");
    this.#tell({ kind: "storage", state: "ok", reason: "" });
    if (this.#closed) return;
    if (!this.#isResumed) this.#resume();
    else if (this.#commit([])) this.#startDay();
  }

  #makeRoom(): void {
    this.#roomTimer = undefined;
    if (this.#isStoring && this.#ledger.isNearlyFull) this.#attempt(() => this.#ledger.advance());
  }

  #newCalibrations(): LedgerRecord[] {
    return this.#calibrations.flatMap((value, index) =>
      value === undefined || value === this.#stock.calibration(index)
        ? []
        : [this.#stock.calibrate(index, value)],
    );
  }

  /** Takes the time, and counts the time that was not metered until then. */
  #anchor(utc: number, source: ClockSource): Anchoring {
    // What would follow from it could not be kept.
    if (!this.#isStoring) return "doubted";
    const { now, minute } = this.#clock;
    const result = this.#clock.anchor(utc, source);
    if (result === "doubted") this.#warn(`clock: the ${source} says ${utc}, which is not believed yet`);
    if (result === "doubted" || result === "refused") return result;
    const records = this.#following(result, now!, minute!);
    if (!this.#commit(records)) this.#owed.push(...records);
    return result;
  }

  /** The records that follow from a time that was taken. `now` and `minute`: what the clock said before */
  #following(result: Anchoring, now: number, minute: number): LedgerRecord[] {
    const day = this.#clock.day!;
    if (this.#stock.openDay === undefined) return this.#dating(day);
    if (result === "corrected") return this.#redating(day, this.#clock.minute! - minute);
    const absent = Math.floor((this.#clock.now! - now) / MINUTE);
    return absent * MINUTE >= LEAST_ABSENCE ? [this.#stock.miss(absent)] : [];
  }

  /** The records with which the first calendar day begins: the day of metering ends, and the hours before it are missed. */
  #dating(day: number): LedgerRecord[] {
    const { relativeDay, metered } = this.#clock;
    const minute = this.#clock.minute!;
    const open = Math.max(relativeDay, this.#stock.relativeDay!);
    const minutes = Math.max(0, Math.floor(metered / MINUTE) - (open - 1) * DAY_MINUTES);
    const records = [
      this.#stock.closeBefore(relativeDay),
      this.#stock.date(day, minute, minutes),
      this.#cycles.redate(day, day),
    ];
    if (minute * MINUTE >= LEAST_ABSENCE) records.push(this.#stock.miss(minute));
    return records;
  }

  /** The records that give the open day the date of a clock that was put right. */
  #redating(day: number, missed: number): LedgerRecord[] {
    const from = this.#stock.openDay!;
    this.#warn(`clock: it was wrong; day ${from} becomes day ${day}`);
    return [this.#stock.redate(day, missed), this.#cycles.redate(from, day)];
  }

  /** Closes the days that are over, reports, and waits for the end of this one. */
  #startDay(): void {
    if (this.#closed || !this.#ledger.isOpen) return;
    const { day } = this.#clock;
    // The days stay open while the store refuses, and are closed together when it is back.
    if (!(day === undefined ? this.#startRelativeDay() : this.#startCalendarDay(day))) return;
    // The product may close in an event.
    if (this.#closed) return;
    if (this.#clock.isRecordDue(HEARTBEAT)) this.#keep([this.#clock.record()]);
    this.#scheduleVisit();
    this.#dayTimer?.cancel();
    this.#dayTimer = this.#options.schedule(Math.min(this.#clock.untilDayEnds, HEARTBEAT), () =>
      this.#startDay(),
    );
  }

  /** @returns false when the store refuses */
  #startCalendarDay(day: number): boolean {
    const open = this.#stock.openDay;
    // A clock that was set back never opens a closed day again.
    const ends = open !== undefined && day > open;
    const records =
      open === undefined
        ? this.#dating(day)
        : open - day > MOST_BEHIND
          ? this.#redating(day, 0)
          : ends
            ? [this.#stock.closeBefore(day)]
            : [];
    if (!this.#commit(records)) return false;
    if (ends) this.#tell({ kind: "dayClosed", day: day - 1 });
    this.#report(this.#stock.openDay!);
    return true;
  }

  /** While no calendar day is known, days of metering are closed, and nothing is reported. @returns false when the store refuses */
  #startRelativeDay(): boolean {
    const { relativeDay } = this.#clock;
    const ends = relativeDay > this.#stock.relativeDay!;
    if (!this.#commit(ends ? [this.#stock.closeBefore(relativeDay)] : [])) return false;
    // On the first day, the time is about to be told.
    if (relativeDay > 1) this.#orderUndated();
    return true;
  }

  /**
   * Queues the status of every slot that was not yet reported on this day, and the order that is due with it. Each slot has a turn of the loop to itself: a
   * forecast takes its time.
   */
  #report(day: number): void {
    const isDue = (index: number) => this.#stock.reported(index) < day;
    if (this.#reportTimer || !this.#slots.some((_, index) => isDue(index))) return;
    const isSettled = this.#mailbox.queue.length === 0;
    let ordering = false;
    const next = (from: number) => {
      this.#reportTimer = undefined;
      if (this.#closed) return;
      const index = this.#slots.findIndex((_, slot) => slot >= from && isDue(slot));
      if (index >= 0) {
        if (this.#reportSlot(index, day, isSettled)) ordering = true;
        if (!this.#closed) this.#reportTimer = this.#options.schedule(0, () => next(index + 1));
      } else if (ordering || this.#isVisitOwed) {
        this.#isVisitOwed = false;
        this.#outcomeTimer?.cancel();
        this.#outcomeTimer = undefined;
        // An order does not wait for the moment of the day.
        this.#visit();
      } else this.#session.goOn();
    };
    this.#reportTimer = this.#options.schedule(0, () => next(0));
  }

  /**
   * @param isSettled the queue was empty when the day's reports began
   * @returns whether it is ordered for
   */
  #reportSlot(index: number, day: number, isSettled: boolean): boolean {
    const slot = this.#slots[index]!;
    const before = this.#cycles.of(index);
    const { remaining, onHand } = this.#stock.account(index);
    // What was reported last is acknowledged: on that day or later.
    const heard = isSettled ? this.#stock.reported(index) + 1 : 0;
    const passed = timeOut(before, day, this.#settings.policy(index), heard);
    const delivered = passed === "overdue" ? before.quantity : 0;
    const doubtful = this.#doubtful(index, day);
    const shelf = onHand + delivered - doubtful;
    const cycle = passed ? { ...before, state: nextState(before.state, passed)! } : before;
    const decision = this.#decide(index, day, remaining, shelf, cycle);
    const records: LedgerRecord[] = [this.#stock.report(index, day)];
    const runOut = this.#runOut(index, day, shelf);
    const messages: UplinkMessage[] = [this.#status(index, day, shelf, runOut)];
    if (this.#health.isDue(day)) {
      records.push(this.#health.report(day));
      messages.push({ ...this.health, day });
    }
    if (delivered !== doubtful) records.push(this.#stock.book(index, delivered - doubtful));
    if (passed) records.push(this.#cycles.event(index, passed, day));
    else if (this.#mailbox.withdraw(index).length > 0)
      records.push(this.#cycles.event(index, "waiting", day));
    if (doubtful > 0)
      this.#warn(`slot "${slot.id}": ${doubtful} steps on hand are written off, the slot stays empty`);
    if (isOrder(decision)) {
      records.push(...this.#cycles.intend(index, day, slot.refill, decision === "late"));
      messages.push(this.#intent(index, day, runOut));
    }
    // One commit: there is no order cycle without its message, and no message without its cycle.
    if (!this.#commit([...records, ...this.#mailbox.enqueue(messages)])) return false;
    const order = { slot: slot.id, cycle: before.number };
    if (passed === "overdue") this.#tell({ kind: "delivered", ...order, seen: false, day });
    else if (passed) this.#tell({ kind: "order", ...order, state: passed, day: 0 });
    if (!isOrder(decision)) return false;
    this.#tellOrder(index, day, decision);
    return true;
  }

  /** While no calendar day is known, what is short is ordered only if the product wants that. */
  #orderUndated(): void {
    let ordering = false;
    this.#slots.forEach((slot, index) => {
      if (this.#closed) return;
      const { remaining, onHand } = this.#stock.account(index);
      const decision = this.#decide(index, 0, remaining, onHand, this.#cycles.of(index));
      if (!isOrder(decision)) return;
      const records = [
        ...this.#cycles.intend(index, 0, slot.refill, decision === "late"),
        ...this.#mailbox.enqueue([this.#intent(index, 0, this.#runOut(index, 0, onHand))]),
      ];
      if (!this.#commit(records)) return;
      this.#tellOrder(index, 0, decision);
      ordering = true;
    });
    if (ordering && !this.#closed) this.#visit();
  }

  /** `onHand`, here and below: the steps on hand as they will be booked with the report. */
  #decide(
    index: number,
    day: number,
    remaining: number,
    onHand: number,
    cycle: Cycle,
    elapsed = 0,
  ): Decision {
    const { capacity } = this.#slots[index]!;
    const policy = this.#settings.policy(index);
    const permission = this.#registration.permission(index);
    const forecast = this.#stock.forecast(index);
    return decide({ day, elapsed, remaining, onHand, capacity, permission, cycle, forecast }, policy);
  }

  /** The steps that are booked as on hand and cannot be there; 0 when there are none. */
  #doubtful(index: number, day: number): number {
    const { onHand, remaining, lastUse } = this.#stock.account(index);
    const { smallestUse, capacity } = this.#slots[index]!;
    const least = Math.max(1, smallestUse, capacity * EMPTY_SHARE);
    const { since } = this.#cycles.of(index);
    return isDoubtful({ onHand, remaining, least, lastUse, since }, day) ? onHand : 0;
  }

  /** The status as of the begin of `day`. */
  #status(index: number, day: number, onHand: number, runOut: RunOut): UplinkMessage {
    const account = this.#stock.account(index);
    return {
      kind: "status",
      slot: index,
      day,
      consumed: account.consumed,
      remaining: Math.min(account.remaining, MOST_WORD),
      onHand: Math.min(onHand, MOST_WORD),
      runOut: runOut.median,
      early: Math.min(runOut.median - runOut.low, MOST_BYTE),
      late: Math.min(runOut.high - runOut.median, MOST_BYTE),
      idle: account.lastUse === undefined ? MOST_BYTE : Math.min(day - account.lastUse, MOST_BYTE),
      applied: this.#mailbox.applied,
    };
  }

  #intent(index: number, day: number, { median }: RunOut): UplinkMessage {
    return {
      kind: "intent",
      slot: index,
      cycle: this.#cycles.of(index).number + 1,
      day,
      quantity: this.#slots[index]!.refill,
      remaining: Math.min(this.#stock.account(index).remaining, MOST_WORD),
      runOut: median,
      applied: this.#mailbox.applied,
    };
  }

  #runOut(index: number, day: number, onHand: number): RunOut {
    const stock = this.#stock.account(index).remaining + onHand;
    return this.#stock.forecast(index).runOut(stock, weekday(day), MOST_WORD);
  }

  /** The moment of the day is spread over a fleet by a hash of the serial: a gateway is not met by all devices at midnight. */
  #scheduleVisit(): void {
    this.#visitTimer?.cancel();
    // While the time is unknown, the visit of the start goes on until it was told.
    const wait = this.#clock.until(fnv1a(this.#options.identity.serial) % DAY_MINUTES);
    if (wait === undefined) return;
    this.#visitTimer = this.#options.schedule(wait, () => {
      this.#visit();
      this.#scheduleVisit();
    });
  }

  /** Goes to the broker; with nothing to say, asks what there is. */
  #visit(): void {
    this.#polledAt = undefined;
    const hasNothing = this.#mailbox.queue.length === 0;
    // What is not committed is not sent: its sequence might be given to another message after a power cut.
    if (
      hasNothing &&
      !this.#commit(this.#mailbox.enqueue([{ kind: "poll", applied: this.#mailbox.applied }]))
    )
      return;
    this.#session.start();
  }

  /** Takes what came down: opened, decoded, new, and committed as one before anything else happens. */
  #receive(sealed: Uint8Array): void {
    try {
      const { sequence, body } = open(this.#options.identity.key, "down", sealed);
      const message = this.#codec.decodeDownlink(body);
      // The broker may deliver twice; what is not new has been applied.
      if (sequence <= this.#mailbox.received) return;
      if (message.kind === "settings") {
        this.#settle(message, sequence);
        return;
      }
      if (message.kind === "registration") {
        this.#inform(message, sequence);
        return;
      }
      if (message.kind === "image") {
        this.#offer(message.description, sequence);
        return;
      }
      const anchoring = this.#anchor(message.time * SECOND, "gateway");
      const { day } = this.#clock;
      // Without a day nothing could be booked, and nothing would ask again: the visit is repeated until there is one.
      if (day === undefined)
        throw new UplinkError(
          "range",
          `time: seconds since 2013 or later are accepted (got ${message.time})`,
        );
      const isLost = message.seen > this.#mailbox.lastSequence;
      // Events of a life that the journal knows nothing of are as good as applied.
      let applied = isLost ? message.newest : this.#mailbox.applied;
      const events = message.events.filter(({ number }) => {
        if (number !== applied + 1) return false;
        applied = number;
        return true;
      });
      // First: after that, the loss is not seen any more.
      if (isLost && !this.#commit(this.#mailbox.enqueue([{ kind: "informed", number: 0, applied }]))) return;
      const deregistering = this.#mailbox.deregistering;
      const concerning = events.filter((event) => this.#concerns(event));
      const told = this.#orderEvents(concerning);
      const isCommitted = this.#commit([
        ...this.#mailbox.acknowledge(message.seen),
        this.#mailbox.receive(sequence, applied),
        // At most one cycle begins on a day: none of the lost ones has a number above the day's.
        ...(isLost ? [this.#cycles.renumber(day)] : []),
        ...concerning.flatMap((event) => this.#newsOf(event, day)),
      ]);
      if (!isCommitted) return;
      if (isLost)
        this.#warn("uplink: the gateway knows more of this device than its journal, which was lost");
      for (const event of told) this.#tell(event);
      if (deregistering && !this.#mailbox.isDeregistering) {
        this.#deliveryTimer?.cancel();
        this.#tell({ kind: "deregistration", reason: deregistering, outcome: "delivered" });
      }
      this.#startDay();
      if (this.#closed) return;
      this.#awaitNews();
      if (applied < message.newest && this.#mailbox.queue.length === 0) this.#askForMore(applied);
      this.#awaitOutcome();
      if (anchoring === "doubted" && !this.#clock.isAnchored) this.#askTimeAgain();
    } catch (error) {
      // What is not committed is not acknowledged either: the gateway sends it again.
      this.#warn(
        `uplink: a message that came down is refused: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  /** Applies settings or refuses them, and queues the answer, in one commit. Those that it is done with come again until the gateway has the answer. */
  #settle(settings: Settings, sequence: number): void {
    const { number, utcOffset } = settings;
    if (number <= this.#settings.number) return;
    const verdict = this.#settings.judge(settings);
    const { outcome } = verdict;
    const isRefused = outcome !== "applied";
    const { applied } = this.#mailbox;
    const records = [this.#settings.settle(settings, isRefused), this.#mailbox.receive(sequence, applied)];
    if (!isRefused && utcOffset !== undefined) records.push(this.#clock.move(utcOffset));
    if (
      !this.#commit([
        ...records,
        ...this.#mailbox.enqueue([{ kind: "settled", number, ...verdict, applied }]),
      ])
    )
      return;
    this.#tell({ kind: "settings", number, outcome });
    this.#startDay();
  }

  /** Hands the description of an image to the product, and queues what it says of it. */
  #offer(description: Uint8Array, sequence: number): void {
    const { applied } = this.#mailbox;
    if (!this.#commit([this.#mailbox.receive(sequence, applied)])) return;
    const outcome = this.#options.onImage?.(description) ?? "unsupported";
    const image = crc32(description);
    this.#commit(this.#mailbox.enqueue([{ kind: "offered", image, outcome, applied }]));
  }

  /** What is told of order events, each from where the ones before it lead. */
  #orderEvents(events: readonly OrderEvent[]): DeviceEvent[] {
    const states = this.#slots.map((_, index) => this.#cycles.of(index).state);
    return events.map(({ slot, cycle, state, day }) => {
      const before = states[slot]!;
      states[slot] = nextState(before, state) ?? before;
      const unplaced = state === "cancelled" && !wasPlaced(before);
      const { id } = this.#slots[slot]!;
      return { kind: "order", slot: id, cycle, state, day, ...(unplaced ? { unplaced } : {}) };
    });
  }

  #newsOf({ slot, state, day: delivery }: OrderEvent, day: number): LedgerRecord[] {
    const records = [this.#cycles.event(slot, state, day, delivery)];
    const { state: before, quantity } = this.#cycles.of(slot);
    // It was taken for delivered: nothing of it is there.
    if (state === "cancelled" && (before === "idle" || before === "delivered"))
      records.push(this.#stock.book(slot, -Math.min(this.#stock.account(slot).onHand, quantity)));
    return records;
  }

  /** Where no other source is, the gateway is believed when it says the same again. */
  #askTimeAgain(): void {
    // A timer of its own: a day that ends meanwhile sets the day's visit anew.
    this.#askTimer ??= this.#options.schedule(INSISTENCE, () => {
      this.#askTimer = undefined;
      this.#visit();
    });
  }

  #askForMore(applied: number): void {
    if (this.#polledAt === applied) {
      this.#warn(`uplink: order event ${applied + 1} did not come down; it is asked for with the next visit`);
      return;
    }
    this.#polledAt = applied;
    this.#commit(this.#mailbox.enqueue([{ kind: "poll", applied }]));
  }

  /** Events of earlier cycles come late and change nothing any more. */
  #concerns(event: OrderEvent): boolean {
    return event.slot < this.#slots.length && event.cycle === this.#cycles.of(event.slot).number;
  }

  /** While an order was sent and its outcome is not known, asks for it before the next day's visit. */
  #awaitOutcome(): void {
    if (this.#outcomeTimer || !this.#slots.some((_, index) => this.#cycles.of(index).state === "intended"))
      return;
    this.#outcomeTimer = this.#options.schedule(OUTCOME_AFTER, () => {
      // Once: an outcome that takes longer comes with the day's visit.
      this.#visit();
    });
  }

  #checkOpen(): void {
    if (this.#closed) throw new EverfullError("closed", "everfull: it was closed");
  }

  #index(id: string): number {
    this.#checkOpen();
    const index = this.#slots.findIndex((slot) => slot.id === id);
    if (index < 0)
      throw new EverfullError("argument", `slot: one of ${this.slotIds.join(", ")} is accepted (got ${id})`);
    return index;
  }

  #checkSteps(what: string, steps: number, least: number): void {
    if (!(Number.isSafeInteger(steps) && steps >= least && steps <= MOST_WORD))
      throw new EverfullError(
        "argument",
        `${what}: a whole number of steps from ${least} to ${MOST_WORD} is accepted (got ${steps})`,
      );
  }

  #weekday(): number {
    return weekday(this.#clock.day ?? 0);
  }

  #tellOrder(index: number, day: number, decision: Decision): void {
    const { id: slot } = this.#slots[index]!;
    const late = decision === "late";
    this.#tell({ kind: "intended", slot, cycle: this.#cycles.of(index).number, day, late });
  }

  #tell(event: DeviceEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      // It is committed: what the product does with it must not keep the days from going on.
      this.#warn(`onEvent: threw on "${event.kind}": ${error instanceof Error ? error.message : error}`);
    }
  }

  #warn(text: string): void {
    try {
      this.#options.warn?.(text);
    } catch {
      // There is nobody left to tell.
    }
  }
}

/** Records of the registration, and the orders that they take back. */
interface Registering {
  readonly records: LedgerRecord[];
  readonly lapsed: readonly { readonly slot: string; readonly cycle: number }[];
}

/** What the gateway's word is to a registration that has come so far. An offer that is open, or was turned down, is not touched by there being none. */
function wordOf(
  before: RegistrationState,
  registered: boolean,
  failure: RegistrationFailure,
): RegistrationEvent {
  if (registered) return "register";
  if (before === "authorized") return failure === "none" ? "deregister" : "fail";
  return before === "registered" || before === "new" ? "deregister" : "fail";
}
