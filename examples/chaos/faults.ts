import { Random } from "everfull/simulator";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A time of a run, UTC milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export type ServiceMood =
  /** No connection. */
  | "refusing"
  /** Requests get lost before DRS sees them. */
  | "deaf"
  /** DRS acts, and its answers get lost. */
  | "mute"
  /** Answers 503 and does nothing. */
  | "busy"
  /** Acts, and answers 500. */
  | "broken";

const MOODS: readonly ServiceMood[] = ["refusing", "deaf", "mute", "mute", "busy", "broken"];

/** How likely what goes wrong in a run: each run has rates of its own, from never to often. */
export interface Rates {
  /** A message between device and gateway, each way. */
  readonly dropped: number;
  readonly doubled: number;
  /** Comes minutes to hours late, into whatever visit there is then. */
  readonly late: number;
  /** A gateway is killed at one of its steps. */
  readonly killed: number;
  /** A statement or a commit fails. */
  readonly databaseFails: number;
  /** A call to DRS, beside the spans of {@link Faults.service}. */
  readonly callFails: number;
  readonly notificationLost: number;
  readonly notificationLate: number;
  readonly notificationDoubled: number;
  /** The customer cancels an order. */
  readonly cancelled: number;
  /** An order goes into the resolution flow. */
  readonly unresolved: number;
  /** A start with a clock of the board that is wrong by far. */
  readonly wrongClock: number;
}

/** Everything that goes wrong in one run, from its seed. */
export class Faults {
  readonly random: Random;
  readonly rates: Rates;
  /** Power cuts of the device. `within`: not at that moment, but in a flash operation soon after. */
  readonly cuts: readonly (Span & { readonly within: number | undefined })[];
  /** Between device and broker there is no network. */
  readonly offline: readonly Span[];
  /** No broker. */
  readonly brokerDown: readonly Span[];
  readonly service: readonly (Span & { readonly mood: ServiceMood })[];
  /** A gateway is killed whatever it does: from is when, to when it is back. */
  readonly outages: readonly (Span & { readonly gateway: number })[];
  /** Clocks of gateways move. `by`: milliseconds from the right time. */
  readonly moves: readonly { readonly at: number; readonly gateway: number; readonly by: number }[];
  readonly gateways: number;
  readonly slots: number;
  /** The device's ticks to real time, in parts per million. */
  readonly drift: number;
  readonly deregistration: { readonly at: number; readonly by: "gateway" | "customer" } | undefined;
  /** When the gateways get the device's new key beside the old one, the device starts with it, and the gateways lose the old one; UTC milliseconds. */
  readonly rotation: { readonly both: number; readonly device: number; readonly done: number } | undefined;
  /** The device is with DRS's successor. */
  readonly isSuccessor: boolean;
  /** From then on nothing goes wrong, UTC milliseconds. */
  readonly quietFrom: number;

  constructor(seed: string, start: number, days: number, rates: Partial<Rates> = {}) {
    const random = new Random(seed);
    this.random = random;
    this.quietFrom = start + days * DAY;
    const rate = (most: number) => (random.next() < 0.35 ? 0 : most * random.next() ** 2);
    this.gateways = 1 + random.int(2);
    this.slots = 1 + random.int(2);
    this.drift = random.int(201) - 100;
    this.rates = {
      dropped: rate(0.5),
      doubled: rate(0.3),
      late: rate(0.3),
      killed: rate(0.02),
      databaseFails: rate(0.02),
      callFails: rate(0.5),
      notificationLost: rate(0.6),
      notificationLate: rate(0.6),
      notificationDoubled: rate(0.5),
      cancelled: rate(0.8),
      unresolved: rate(0.5),
      wrongClock: rate(0.5),
      ...rates,
    };
    const spans = (most: number, longest: number): Span[] =>
      Array.from({ length: random.int(most + 1) }, () => {
        const from = start + Math.floor(random.next() * days * DAY);
        // Most are short.
        return { from, to: Math.min(this.quietFrom, from + Math.floor(random.next() ** 3 * longest) + 1000) };
      });
    this.cuts = spans(Math.ceil(days / 3), 3 * DAY).map((span) => ({
      ...span,
      within: random.next() < 0.6 ? 1 + random.int(random.next() < 0.5 ? 4 : 60) : undefined,
    }));
    this.offline = spans(8, 6 * DAY);
    this.brokerDown = spans(4, DAY);
    this.service = spans(8, 4 * DAY).map((span) => ({ ...span, mood: MOODS[random.int(MOODS.length)]! }));
    this.outages = spans(6, 2 * DAY).map((span) => ({ ...span, gateway: random.int(this.gateways) }));
    this.moves = spans(6, 1).map(({ from }) => ({
      at: from,
      gateway: random.int(this.gateways),
      by: Math.floor((random.next() - 0.5) * 20 * 60_000),
    }));
    this.deregistration =
      random.next() < 0.25
        ? {
            at: start + Math.floor((0.3 + 0.7 * random.next()) * days * DAY),
            by: random.next() < 0.5 ? "gateway" : "customer",
          }
        : undefined;
    this.rotation = this.#rotation(start, days);
    this.isSuccessor = random.next() < 0.2;
  }

  /** A new key takes two weeks at the most. */
  #rotation(start: number, days: number): Faults["rotation"] {
    const { random } = this;
    if (days < 20 || random.next() < 0.6) return undefined;
    const both = start + Math.floor(random.next() * (days - 15) * DAY);
    const device = both + HOUR + Math.floor(random.next() * 4 * DAY);
    return { both, device, done: device + 2 * DAY + Math.floor(random.next() * 8 * DAY) };
  }

  /** Whether something of that probability happens at a time. */
  happens(probability: number, now: number): boolean {
    return now < this.quietFrom && probability > 0 && this.random.next() < probability;
  }

  /** Milliseconds from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random.next() * (most - least));
  }
}

export function isWithin(spans: readonly Span[], now: number): boolean {
  return spans.some(({ from, to }) => now >= from && now < to);
}
