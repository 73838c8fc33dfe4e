import { createHash } from "node:crypto";
import { sharedKey, type UplinkKey } from "everfull";
import {
  LoadCellModel,
  NorFlash,
  Random,
  SimulatedDevice,
  type SimulatedDeviceOptions,
  type VirtualClock,
} from "everfull/simulator";
import nacl from "tweetnacl";
import { Container } from "./container.js";
import { DAY, MINUTE } from "./dates.js";
import type { DevicePlan } from "./plan.js";

const SENSOR_PIN = 4;
const BUTTON_PIN = 5;
/** A dose of liquid soap is 35 g, and a step 1 g. */
const DOSE_GRAMS = 35;
const KILOGRAMS_PER_GRAM = 0.001;
/** A bridge with its amplifier: counts with the container empty, and kilograms per count. */
const ZERO = 81_234;
const SCALE = 2e-6;
const NOISE = 0.001;
const DRIFT_PER_DAY = 0.0015;
const TEMPERATURE_SWING = 0.002;
const SAMPLE_INTERVAL = 15 * MINUTE;
/** Waking hours, in minutes of the day. */
const FIRST_USE = 6.5 * 60;
const LAST_USE = 22.5 * 60;
/** A day's use of something that is not counted in pieces comes in so many portions. */
const PORTIONS = 8;
const MOST_STEPS = 0xffff;

/** What the gateway and the DRS sandbox have to know of a device. */
export interface Enrolment {
  readonly key: UplinkKey;
  readonly slotId: string;
  readonly unit: string;
  readonly stepsPerUnit: number;
  readonly capacity: number;
  readonly refill: number;
}

/**
 * A device of the simulated household, with its container and the people who use it.
 */
export class HouseholdDevice {
  readonly plan: DevicePlan;
  readonly container: Container;
  readonly enrolment: Enrolment;
  readonly flash = new NorFlash();
  readonly device: SimulatedDevice;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #scale: LoadCellModel;
  /** Pulses since power on. */
  #pulses = 0;
  #button = 0;
  /** Part of a step that a day's use left over. */
  #rest = 0;
  readonly refilledAt: number[] = [];

  constructor(
    plan: DevicePlan,
    seed: string,
    options: Pick<
      SimulatedDeviceOptions,
      "engine" | "clock" | "published" | "delivered" | "left" | "log" | "told"
    > & {
      readonly broker: { readonly host: string; readonly port: number };
      readonly gatewayPublicKey: Uint8Array;
    },
  ) {
    this.plan = plan;
    this.#clock = options.clock;
    this.#random = new Random(`${seed} ${plan.serial} use`);
    this.#scale = new LoadCellModel({
      seed: `${seed} ${plan.serial} load cell`,
      zero: ZERO,
      scale: SCALE,
      noise: NOISE,
      driftPerDay: DRIFT_PER_DAY,
      temperatureSwing: TEMPERATURE_SWING,
    });
    const stepsPerUnit = plan.kind === "soap" ? 1 : stepsOf(plan);
    const pack = plan.kind === "soap" ? plan.pack * DOSE_GRAMS : plan.pack * stepsPerUnit;
    this.container = new Container(pack, pack);
    this.enrolment = {
      key: { number: 1, secret: sharedKey(options.gatewayPublicKey, secretKey(seed, plan.serial)) },
      slotId: plan.kind,
      unit: plan.kind === "soap" ? "g" : "count",
      stepsPerUnit,
      capacity: pack,
      refill: pack,
    };
    this.device = new SimulatedDevice({
      ...options,
      name: plan.serial,
      flash: this.flash,
      readPin: (pin) => this.#readPin(pin),
      config: {
        serial: plan.serial,
        key: { number: 1, secret: Buffer.from(this.enrolment.key.secret).toString("hex") },
        broker: options.broker,
        utcOffsetMinutes: 0,
        slots: [
          {
            id: this.enrolment.slotId,
            unit: this.enrolment.unit,
            stepsPerUnit,
            capacity: pack,
            refill: pack,
            ratedLife: plan.ratedLife,
            ...(plan.kind === "soap"
              ? {
                  sensing: "level",
                  smallestUse: DOSE_GRAMS,
                  sensor: {
                    kind: "load-cell",
                    pin: SENSOR_PIN,
                    zero: ZERO,
                    scale: SCALE,
                    massPerStep: KILOGRAMS_PER_GRAM,
                    noise: NOISE,
                    interval: SAMPLE_INTERVAL,
                  },
                }
              : {
                  smallestUse: isCounted(plan) ? stepsPerUnit : 0,
                  sensor: {
                    kind: "dose-counter",
                    pin: SENSOR_PIN,
                    stepsPerDose: 1,
                    refillButton: BUTTON_PIN,
                  },
                }),
          },
        ],
      },
    });
  }

  async start(): Promise<void> {
    // A pulse counter starts at zero with the board.
    this.#pulses = 0;
    await this.device.start();
  }

  /** Schedules the uses of one day. @param midnight UTC in milliseconds @param quantity in the series' units */
  scheduleDay(midnight: number, quantity: number): void {
    const steps =
      quantity * (this.plan.kind === "soap" ? DOSE_GRAMS : this.enrolment.stepsPerUnit) + this.#rest;
    const whole = Math.floor(steps);
    this.#rest = steps - whole;
    if (whole === 0) return;
    const uses = isCounted(this.plan) && quantity <= PORTIONS ? quantity : PORTIONS;
    for (let use = 0; use < uses; use++) {
      const portion = Math.floor((whole * (use + 1)) / uses) - Math.floor((whole * use) / uses);
      if (portion === 0) continue;
      const minute = FIRST_USE + this.#random.next() * (LAST_USE - FIRST_USE);
      this.#clock.at(midnight + Math.floor(minute * MINUTE), () => this.#use(portion));
    }
  }

  /** A pack has arrived; the customer is home in the evening at the latest. */
  deliver(): void {
    this.container.deliver();
    this.#considerRefill(2 * 60);
  }

  /** A dispenser without power dispenses nothing: the customer comes back. */
  async #use(steps: number): Promise<void> {
    if (!this.device.isOn) {
      this.#clock.at(this.#clock.now() + 5 * MINUTE, () => this.#use(steps));
      return;
    }
    // What is left is taken first; then the customer looks on the shelf before going without.
    const left = this.container.use(Math.min(steps, this.container.remaining));
    if (left < steps && this.container.mayRefill) {
      await this.#count(left);
      await this.#refill();
      await this.#count(this.container.use(steps - left));
    } else {
      this.container.use(steps - left);
      await this.#count(left);
    }
    this.#considerRefill(10);
  }

  /** A counter sees what is dispensed; a scale is looked at by the device itself. */
  async #count(steps: number): Promise<void> {
    if (this.plan.kind === "soap" || steps === 0) return;
    this.#pulses += steps;
    await this.device.readable(SENSOR_PIN);
  }

  #considerRefill(minutes: number): void {
    if (!this.container.mayRefill) return;
    this.#clock.at(this.#clock.now() + minutes * MINUTE, async () => {
      if (this.device.isOn && this.container.mayRefill) await this.#refill();
      else this.#considerRefill(minutes);
    });
  }

  async #refill(): Promise<void> {
    this.container.refill();
    this.refilledAt.push(this.#clock.now());
    if (this.plan.kind === "soap") return;
    this.#button = 1;
    await this.device.readable(BUTTON_PIN);
    this.#button = 0;
  }

  #readPin(pin: number): number | undefined {
    if (pin === BUTTON_PIN) return this.#button;
    if (pin !== SENSOR_PIN) return undefined;
    if (this.plan.kind === "tablets") return this.#pulses;
    return this.#scale.raw(this.container.remaining * KILOGRAMS_PER_GRAM, this.#clock.now());
  }
}

/** A device whose power fails at about noon of every 36th day, for some minutes. @returns times of the cut and of the return, in UTC milliseconds */
export function powerCuts(
  seed: string,
  serial: string,
  start: number,
  days: number,
): { off: number; on: number }[] {
  const EVERY = 36;
  const random = new Random(`${seed} ${serial} power`);
  const cuts = [];
  for (let day = 12 + random.int(12); day < days; day += EVERY) {
    const off = start + day * DAY + Math.floor((8 + 12 * random.next()) * 60 * MINUTE);
    cuts.push({ off, on: off + Math.floor((1 + 20 * random.next()) * MINUTE) });
  }
  return cuts;
}

function isCounted(plan: DevicePlan): boolean {
  return plan.series.quantities.every((quantity) => Number.isInteger(quantity));
}

/** Steps of one unit: one where units are counted, else as fine as a pack allows, a hundredth at the finest. */
function stepsOf(plan: DevicePlan): number {
  const fitting = [100, 10, 1].find((steps) => plan.pack * steps <= MOST_STEPS);
  if (fitting === undefined) throw new Error(`pack: at most ${MOST_STEPS} is accepted (got ${plan.pack})`);
  return isCounted(plan) ? 1 : fitting;
}

/** For simulations only: a key that comes from a seed is known to everyone who knows the seed. */
export function secretKey(seed: string, name: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(`everfull simulation key ${seed} ${name}`).digest());
}

export function publicKey(secret: Uint8Array): Uint8Array {
  return nacl.box.keyPair.fromSecretKey(secret).publicKey;
}
