import type { SlotOptions } from "../sdk/index.js";

/** A dose counter: every pulse at the pin is so many steps. */
export interface DoseCounterWiring {
  readonly kind: "dose-counter";
  readonly pin: number;
  /** Steps of one dose. */
  readonly stepsPerDose: number;
  /** Button that the customer presses after a refill, because a counter cannot see one. */
  readonly refillButton?: number;
}

/** A load cell under the container. */
export interface LoadCellWiring {
  readonly kind: "load-cell";
  readonly pin: number;
  /** Counts of the amplifier with the container empty. */
  readonly zero: number;
  /** Kilograms per count. */
  readonly scale: number;
  /** Kilograms of one step. */
  readonly massPerStep: number;
  /** Standard deviation of one sample, in kilograms. */
  readonly noise: number;
  /** Milliseconds between samples. */
  readonly interval: number;
}

export interface SlotConfig extends SlotOptions {
  readonly sensor: DoseCounterWiring | LoadCellWiring;
}

/** Everything that makes one device different from another of its model. */
export interface DeviceConfig {
  readonly serial: string;
  readonly key: {
    readonly number: number;
    /** The key shared with the gateway: 64 hexadecimal digits. */
    readonly secret: string;
  };
  readonly broker: { readonly host: string; readonly port: number };
  /** Minutes that local time at the customer's place is ahead of UTC. */
  readonly utcOffsetMinutes: number;
  readonly slots: readonly SlotConfig[];
}

/** Bytes of a string of hexadecimal digits. @throws {Error} when it is not `bytes` long or has other digits; its content is not repeated */
export function bytesOfHex(field: string, text: string, bytes: number): Uint8Array {
  if (typeof text !== "string" || text.length !== 2 * bytes || !/^[0-9a-fA-F]*$/.test(text))
    throw new Error(`configuration: ${field}: ${2 * bytes} hexadecimal digits are accepted`);
  const result = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) result[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return result;
}
