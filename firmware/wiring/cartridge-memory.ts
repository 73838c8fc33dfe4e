import { CartridgeMemory } from "../../hal/sensors/i2c/cartridge-memory.js";
import type { CartridgeMemoryWiring } from "../config.js";
import { CARTRIDGE_RULES, cartridgeTaker } from "./cartridge.js";
import { i2cOf } from "./i2c.js";
import { each, type Kind, optional, whole } from "./kind.js";
import { poll } from "./poll.js";

const ADDRESS = 0x50;

export const cartridgeMemory: Kind<CartridgeMemoryWiring> = {
  kind: "cartridge-memory",
  place: "identity",
  rules: {
    address: optional(whole(ADDRESS, ADDRESS + 7)),
    addressBytes: optional(whole(1, 2)),
    ...CARTRIDGE_RULES,
  },
  wire: (device, parts) =>
    each(parts, (part) => {
      const { data, clock, address = ADDRESS, addressBytes = 1, interval } = part.wiring;
      const take = cartridgeTaker(part);
      const io = i2cOf(device.board);
      const sensor = new CartridgeMemory({ sensor: { io, data, clock, address }, addressBytes });
      const stop = poll(device, `cartridge of slot ${part.slot}`, interval, (report) => {
        // A cartridge that is not there is an error of the bus: said once, and no refill.
        const { identity, faults } = sensor.sample();
        if (identity) take(identity, report);
        else report(`its memory has no identity: ${faults?.record}`);
        return undefined;
      });
      return [stop, () => sensor.close()];
    }),
};
