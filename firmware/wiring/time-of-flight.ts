import { VL6180X } from "../../hal/sensors/i2c/vl6180x.js";
import type { TimeOfFlightWiring } from "../config.js";
import { i2cOf } from "./i2c.js";
import { each, type Kind, number, optional, PIN } from "./kind.js";
import { LEVEL_RULES, levelConflict, levelTaker } from "./level.js";
import { poll } from "./poll.js";

/** Milliseconds until a measurement that was started is done. */
const MEASURING = 100;

export const timeOfFlight: Kind<TimeOfFlightWiring> = {
  kind: "time-of-flight",
  place: "sensor",
  seesRefills: true,
  rules: { data: PIN, clock: PIN, offset: optional(number(-0.2, 0.2)), ...LEVEL_RULES },
  conflict: levelConflict,
  wire: (device, parts) =>
    each(parts, (part) => {
      const { data, clock, offset = 0, interval } = part.wiring;
      const take = levelTaker(part);
      const io = i2cOf(device.board);
      let sensor: VL6180X | undefined;
      const stop = poll(device, `slot ${part.slot}`, interval, (report) => {
        // A part that does not answer at the start is no reason not to start.
        if (!sensor) {
          sensor = new VL6180X({ sensor: { io, data, clock } });
          sensor.configure({ offset });
        }
        const sample = sensor.sample();
        if (!sample) return MEASURING;
        report(undefined);
        take(sample);
        return undefined;
      });
      return [stop, () => sensor?.close()];
    }),
};
