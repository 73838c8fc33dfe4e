import { Ultrasonic } from "../../hal/sensors/pulse/ultrasonic.js";
import type { UltrasonicWiring } from "../config.js";
import { each, type Kind, number, optional, PIN } from "./kind.js";
import { LEVEL_RULES, levelConflict, levelTaker } from "./level.js";
import { poll } from "./poll.js";
import { pulseWidthOf } from "./pulse-width.js";

/** Milliseconds until another is asked whether it may: a sample of five pings takes 325. */
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
      const { echo, trigger, temperature = 20, interval } = part.wiring;
      const take = levelTaker(part);
      const sensor = new Ultrasonic({
        sensor: { io: PulseWidth, pin: echo },
        trigger: { io: Output, pin: trigger },
        clock: device.board,
      });
      sensor.configure({ temperature });
      const stop = poll(device, `slot ${part.slot}`, interval, (report) => {
        if (isBusy) return BUSY;
        sensor.sample((error, sample) => {
          isBusy = false;
          report(error);
          if (sample) take(sample);
        });
        isBusy = true;
        return undefined;
      });
      return [stop, () => sensor.close()];
    });
  },
};
