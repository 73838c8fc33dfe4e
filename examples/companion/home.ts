import type { DeviceLink } from "./device-link.js";
import { CompanionError } from "./errors.js";

/** How Amazon comes to know that a device is taken away. */
export type RemovalOutcome =
  | "pending" // the device has it queued
  | "delivered" // by the device
  | "relayed" // by the maker's service, in place of the device
  | "unneeded" // it was not registered
  | "failed"; // nobody could be told

export interface Removal {
  readonly how: "deleted" | "unlinked";
  outcome: RemovalOutcome;
}

/** A device that the customer has added. */
export interface HomeDevice {
  readonly link: DeviceLink;
  /** Its set-up has ended with "ready". */
  isReady: boolean;
  /** The maker's service has registered it, which it will hear itself with its next visit. */
  isRegisteredByService: boolean;
  removal: Removal | undefined;
}

/** What one customer has set up. In memory: a maker keeps it with the customer's account. */
export class Home {
  readonly #devices = new Map<string, HomeDevice>();

  get devices(): readonly HomeDevice[] {
    return [...this.#devices.values()];
  }

  find(serial: string): HomeDevice | undefined {
    return this.#devices.get(serial);
  }

  /** Adds a device; one that is there stays as it is. */
  add(link: DeviceLink): HomeDevice {
    const known = this.#devices.get(link.serial);
    if (known) return known;
    const device: HomeDevice = { link, isReady: false, isRegisteredByService: false, removal: undefined };
    this.#devices.set(link.serial, device);
    return device;
  }

  remove(serial: string): void {
    this.#devices.delete(serial);
  }
}

/** Whether set-up may end: the device says so, or the service that has registered it, as the device would if it had heard of it. */
export async function mayFinish({ link, isRegisteredByService }: HomeDevice): Promise<boolean> {
  return isRegisteredByService || (await link.status()).mayFinishSetup;
}

/** What a task gives; undefined: the device, or the gateway, cannot be reached or refuses. */
export async function attempt<Value>(task: Promise<Value>): Promise<Value | undefined> {
  try {
    return await task;
  } catch (error) {
    if (error instanceof CompanionError) return undefined;
    throw error;
  }
}
