import type { SandboxStatus, SlotStatusBody } from "../types.js";
import type { Device, Slot } from "./devices.js";

interface SlotStatuses {
  readonly serial: string;
  readonly slotId: string;
  /** Since the start. */
  count: number;
  /** Oldest first, with the place each has among all statuses. */
  readonly latest: { place: number; status: SandboxStatus }[];
}

/** The latest SlotStatus calls of every slot; a year of a fleet does not pile up. */
export class Statuses {
  readonly #kept: number;
  readonly #slots = new Map<Slot, SlotStatuses>();
  #count = 0;

  /** @param kept calls remembered per slot */
  constructor(kept: number) {
    this.#kept = kept;
  }

  add(device: Device, slot: Slot, at: number, body: SlotStatusBody): void {
    let entry = this.#slots.get(slot);
    if (entry === undefined) {
      entry = { serial: device.serial, slotId: slot.id, count: 0, latest: [] };
      this.#slots.set(slot, entry);
    }
    entry.count += 1;
    this.#count += 1;
    entry.latest.push({
      place: this.#count,
      status: { serial: device.serial, slotId: slot.id, at, body },
    });
    if (entry.latest.length > this.#kept) entry.latest.shift();
  }

  /** Oldest first, over all slots. */
  get latest(): SandboxStatus[] {
    return [...this.#slots.values()]
      .flatMap((entry) => entry.latest)
      .sort((a, b) => a.place - b.place)
      .map(({ status }) => status);
  }

  /** By serial and slot id. */
  get counts(): Record<string, Record<string, number>> {
    const bySerial = new Map<string, [string, number][]>();
    for (const { serial, slotId, count } of this.#slots.values()) {
      const slots = bySerial.get(serial) ?? [];
      slots.push([slotId, count]);
      bySerial.set(serial, slots);
    }
    // fromEntries defines properties, so that an id such as "__proto__" is only a name
    return Object.fromEntries([...bySerial].map(([serial, slots]) => [serial, Object.fromEntries(slots)]));
  }
}
