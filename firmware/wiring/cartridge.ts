import type { Identity } from "../../hal/sensors/i2c/identity-record.js";
import { fnv1a } from "../../sdk/uplink/spread.js";
import { type Described, INTERVAL, optional, type Part, PIN, type Rule, type Rules } from "./kind.js";
import type { Report } from "./poll.js";

/** A description of what tells a cartridge, see `Identifying` in `config.ts`. */
export interface CartridgeWiring extends Described {
  readonly consumable?: string;
}

const CONSUMABLE: Rule = Object.freeze({
  accepted: "1 to 32 printable ASCII characters without spaces",
  accepts: (value: unknown) => typeof value === "string" && /^[!-~]{1,32}$/.test(value),
});

export const CARTRIDGE_RULES: Rules = Object.freeze({
  data: PIN,
  clock: PIN,
  consumable: optional(CONSUMABLE),
  interval: INTERVAL,
});

/** Steps that one refill can have. */
const MOST_STEPS = 0xffff;

/** Of a serial, 1 to 65535: that another cartridge has the same happens once in 65535 refills, and is one that is not seen. */
function markOf(serial: string): number {
  const hash = fnv1a(serial);
  return (hash ^ (hash >>> 16)) & 0xffff || 1;
}

/**
 * Takes a cartridge that is not the last one for a refill of its slot. What was left in the last one is gone with it, and counts as used. The
 * first of a device is the one that the slot's `opening` speaks of.
 */
export function cartridgeTaker(part: Part<CartridgeWiring>): (identity: Identity, report: Report) => void {
  const { consumable } = part.wiring;
  return (identity, report) => {
    const mark = markOf(identity.serial);
    const isForeign = consumable !== undefined && identity.consumable !== consumable;
    if (isForeign || identity.quantity > MOST_STEPS) {
      report(`${identity.consumable} with ${identity.quantity} steps does not belong here`);
      return;
    }
    report(undefined);
    const last = part.kept;
    if (mark === last) return;
    // First what is gone: cut off after it, the cartridge is still a new one.
    if (last !== 0) part.use(part.remaining);
    part.kept = mark;
    if (last !== 0) part.refill(identity.quantity);
  };
}
