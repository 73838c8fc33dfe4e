import { VL6180X, type VL6180XSample } from "../../hal/sensors/i2c/vl6180x.js";
import type { TimeOfFlightWiring } from "../config.js";
import { i2cOf } from "./i2c.js";
import { each, type Kind, number, optional, PIN } from "./kind.js";
import { LEVEL_RULES, levelConflict, levelOf } from "./level.js";
import { poll, type Report } from "./poll.js";

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
      const { data, clock, offset = 0 } = part.wiring;
      const level = levelOf(device, part, MEASURING);
      const io = i2cOf(device.board);
      let sensor: VL6180X | undefined;
      const sample = () => {
        // A part that does not answer at the start is no reason not to start.
        if (!sensor) {
          sensor = new VL6180X({ sensor: { io, data, clock } });
          sensor.configure({ offset });
        }
        return sensor.sample();
      };
      const look = (report: Report) => {
        let measured: VL6180XSample | undefined;
        try {
          measured = sample();
        } catch (error) {
          report(error);
          // It may have lost what it was set up with.
          sensor?.close();
          sensor = undefined;
          return level.miss();
        }
        if (!measured) return MEASURING;
        report(undefined);
        const { consumed, refilled } = level.take(measured, measured.distance);
        part.use(consumed);
        part.refill(refilled);
        return level.wait();
      };
      const stop = poll(device, `slot ${part.slot}`, level.slow, look, level.fast);
      return [stop, () => sensor?.close()];
    }),
};
