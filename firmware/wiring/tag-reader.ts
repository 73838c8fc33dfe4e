import { PN532, type PN532Sample } from "../../hal/sensors/i2c/pn532.js";
import type { TagReaderWiring } from "../config.js";
import { CARTRIDGE_RULES, cartridgeTaker } from "./cartridge.js";
import { i2cOf } from "./i2c.js";
import { each, type Kind } from "./kind.js";
import { poll } from "./poll.js";

/** Milliseconds until an answer of the reader is looked for again. */
const ANSWERING = 10;

export const tagReader: Kind<TagReaderWiring> = {
  kind: "tag-reader",
  place: "identity",
  rules: CARTRIDGE_RULES,
  wire: (device, parts) =>
    each(parts, (part) => {
      const { data, clock, interval } = part.wiring;
      const take = cartridgeTaker(part);
      const io = i2cOf(device.board);
      let sensor: PN532 | undefined;
      const stop = poll(device, `tag of slot ${part.slot}`, interval, (report) => {
        // A reader that does not answer at the start is no reason not to start.
        sensor ??= new PN532({ sensor: { io, data, clock } });
        let sample: PN532Sample | undefined;
        try {
          sample = sensor.sample();
        } catch (error) {
          // It may have lost what it was set up with.
          sensor.close();
          sensor = undefined;
          throw error;
        }
        if (!sample) return ANSWERING;
        const { identity, faults } = sample;
        if (identity) take(identity, report);
        else report(faults ? `it has no identity: ${faults.record}` : undefined);
        return undefined;
      });
      return [stop, () => sensor?.close()];
    }),
};
