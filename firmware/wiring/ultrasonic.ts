import { Ultrasonic, type UltrasonicSample } from "../../hal/sensors/pulse/ultrasonic.js";
import type { UltrasonicWiring } from "../config.js";
import { each, type Kind, number, optional, PIN } from "./kind.js";
import { LEVEL_RULES, levelConflict, levelOf } from "./level.js";
import { poll, type Report } from "./poll.js";
import { pulseWidthOf } from "./pulse-width.js";

/** Milliseconds until a sample is looked for, or another is asked whether it may: one of five pings takes 325. */
const BUSY = 400;

export const ultrasonic: Kind<UltrasonicWiring> = {
  kind: "ultrasonic",
  place: "sensor",
  seesRefills: true,
  rules: { echo: PIN, trigger: PIN, temperature: optional(number(-40, 85)), ...LEVEL_RULES },
  conflict: levelConflict,
  wire(device, parts) {
    const { PulseWidth, Output } = pulseWidthOf(device.board);
    // The platform's PulseWidth keeps the begin of a pulse in one place for all its instances.
    let isBusy = false;
    return each(parts, (part) => {
      const { echo, trigger, temperature = 20 } = part.wiring;
      const level = levelOf(device, part, BUSY);
      const sensor = new Ultrasonic({
        sensor: { io: PulseWidth, pin: echo },
        trigger: { io: Output, pin: trigger },
        clock: device.board,
      });
      sensor.configure({ temperature });
      /** What has come: taken by the next look, as the journal is open then. */
      let measured: UltrasonicSample | "nothing" | undefined;
      const look = (report: Report) => {
        const sample = measured;
        measured = undefined;
        if (sample === "nothing") return level.miss();
        if (sample) {
          const { consumed, refilled } = level.take(sample, sample.distance);
          part.use(consumed);
          part.refill(refilled);
          return level.wait();
        }
        if (isBusy) return BUSY;
        try {
          sensor.sample((error, sample) => {
            isBusy = false;
            report(error);
            measured = sample ?? "nothing";
          });
          isBusy = true;
          return BUSY;
        } catch (error) {
          report(error);
          return level.miss();
        }
      };
      const stop = poll(device, `slot ${part.slot}`, level.slow, look, level.fast);
      return [stop, () => sensor.close()];
    });
  },
};
