import type { SlotOptions } from "../sdk/index.js";

/*
 * The configuration of a device. `config.schema.json` says the same for editors and for the build, `check.ts` for the start of the device; all pins are
 * numbers as the board has them.
 */

/** Button between a pin and ground that the customer presses after a refill, for sensors that cannot see one. */
interface Refillable {
  readonly refillButton?: number;
}

/** A dose counter: every pulse at the pin is so many steps. */
export interface DoseCounterWiring extends Refillable {
  readonly kind: "dose-counter";
  readonly pin: number;
  /** Steps of one dose; may be a fraction. */
  readonly stepsPerDose: number;
}

/** What is watched for leaks. */
interface Watched {
  /**
   * Milliseconds without use that every household has within two days, up to a day: without them there is a leak. Default 6 hours; 0: it need not have any, and no leak
   * and no spill is looked for.
   */
  readonly pause?: number;
  /** Steps used within such a time that nobody uses; default: there is no such number. */
  readonly spill?: number;
}

/** What a calibration with water at 20 degrees Celsius has found at one flow. */
export interface CurvePoint {
  /** Pulses a second. */
  readonly rate: number;
  /** Pulses of one litre at that rate. */
  readonly pulsesPerLitre: number;
}

/** A flow meter whose pulses the board's counter counts one by one. */
export interface FlowMeterWiring extends Refillable, Watched {
  readonly kind: "flow-meter";
  readonly pin: number;
  /** Pulses of one litre, from the data sheet or a calibration, or else: */
  readonly pulsesPerLitre?: number;
  /** In rising order of the rates. */
  readonly curve?: readonly CurvePoint[];
  /** Of the water that flows, degrees Celsius, default 20; only with a curve, as a turbine slips more when it is cold. */
  readonly temperature?: number;
  /** Litres of one step. */
  readonly litresPerStep: number;
  /** Milliseconds between samples, 100 to 10 000; default 1000. */
  readonly interval?: number;
}

/** Pages of a printer that answers PJL at a serial line. Slots of the same line are counted by one question. */
export interface PageCounterWiring extends Refillable {
  readonly kind: "page-counter";
  readonly receive: number;
  readonly transmit: number;
  /** Number of the UART; default 1. */
  readonly port?: number;
  /** Bits per second; default 9600. */
  readonly baud?: number;
  /** Steps that one page uses; may be a fraction. */
  readonly stepsPerPage: number;
  /** Milliseconds between questions. */
  readonly interval: number;
  /** Pages that can be between two of them, less than `modulus`, with the device off in between too; default 100 000, at most an eighth of it. More is another printer. */
  readonly most?: number;
  /** Count at which the printer begins again at 0; default 2 ** 32. */
  readonly modulus?: number;
}

/** What a container is in whose filling is weighed or looked at. */
interface Contained extends Watched {
  /**
   * Milliseconds within which a use or a refill is to be counted. A sample is taken every 30 seconds while something changes, or six of them within the interval if
   * that is shorter, and five of those less often while nothing does.
   */
  readonly interval: number;
}

/** A load cell under the container. */
export interface LoadCellWiring extends Contained {
  readonly kind: "load-cell";
  readonly pin: number;
  /** Counts of the amplifier with the container empty. */
  readonly zero: number;
  /** Kilograms per count. */
  readonly scale: number;
  /** Kilograms of one step. */
  readonly massPerStep: number;
  /**
   * Standard deviation that one sample is to have, in kilograms. From an `interval` of 19.2 s on it is a burst of 3 to 32 readings, which may scatter three times
   * as much; below it is one reading.
   */
  readonly noise: number;
}

/** The container of a sensor that looks down on what is in it. */
interface Looking extends Contained {
  /** Metres from the sensor to the surface when the container is full. */
  readonly full: number;
  /** The same when it is empty. */
  readonly empty: number;
  /** Standard deviation of one sample, in metres; default 0.001. */
  readonly noise?: number;
}

/** An HC-SR04 in the lid. */
export interface UltrasonicWiring extends Looking {
  readonly kind: "ultrasonic";
  readonly echo: number;
  readonly trigger: number;
  /** Of the air, degrees Celsius; default 20. */
  readonly temperature?: number;
}

/** Pins of an I2C bus. */
interface OnBus {
  readonly data: number;
  readonly clock: number;
}

/** A VL6180X in the lid. */
export interface TimeOfFlightWiring extends Looking, OnBus {
  readonly kind: "time-of-flight";
  /** Metres that are added to what the part measures; default 0. */
  readonly offset?: number;
}

/** How a slot's use is seen. */
export type SensorWiring =
  | DoseCounterWiring
  | FlowMeterWiring
  | PageCounterWiring
  | LoadCellWiring
  | UltrasonicWiring
  | TimeOfFlightWiring;

interface Identifying extends OnBus {
  /** The consumable that belongs into the slot; others are no refill. Default: whatever says what it is. */
  readonly consumable?: string;
  /** Milliseconds between samples. */
  readonly interval: number;
}

/** An I2C EEPROM in the cartridge. */
export interface CartridgeMemoryWiring extends Identifying {
  readonly kind: "cartridge-memory";
  /** 80 to 87, as its address pins are tied; default 80. */
  readonly address?: number;
  /** Bytes of a word address: 1 (default) up to 24C16, 2 from 24C32 on. */
  readonly addressBytes?: 1 | 2;
}

/** An NFC tag on the pack, read by a PN532. */
export interface TagReaderWiring extends Identifying {
  readonly kind: "tag-reader";
}

/** How a slot's cartridge says what it is: a new one is a refill. For sensors that do not see a refill themselves. */
export type IdentityWiring = CartridgeMemoryWiring | TagReaderWiring;

/** A slot, with what it is wired to. A product with sensors of its own has other descriptions, which its own kinds check. */
export interface SlotConfig<Sensor = SensorWiring, Identity = IdentityWiring> extends SlotOptions {
  readonly sensor: Sensor;
  readonly identity?: Identity;
}

/** Everything that makes one device different from another of its model. */
export interface DeviceConfig<Slot = SlotConfig> {
  readonly serial: string;
  /** Model id at the replenishment service; without it the device offers no registration. */
  readonly model?: string;
  readonly key: {
    readonly number: number;
    /** The key shared with the gateway: 64 hexadecimal digits. */
    readonly secret: string;
  };
  readonly broker: {
    readonly host: string;
    readonly port: number;
    /** Told to the broker, with the serial for a user name; absent: neither is. */
    readonly password?: string;
  };
  /** Minutes that local time at the customer's place is ahead of UTC. */
  readonly utcOffsetMinutes: number;
  readonly slots: readonly Slot[];
}
