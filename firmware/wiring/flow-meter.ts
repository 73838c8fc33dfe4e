import { CountMeter } from "../../hal/index.js";
import { FlowMeter } from "../../hal/sensors/pulse/flow-meter.js";
import type { FlowMeterWiring } from "../config.js";
import { each, type Kind, optional, PIN, POSITIVE, whole } from "./kind.js";
import { poll } from "./poll.js";
import { REFILL_BUTTON, wireRefillButton } from "./refill-button.js";

const INTERVAL = 1000;

export const flowMeter: Kind<FlowMeterWiring> = {
  kind: "flow-meter",
  place: "sensor",
  rules: {
    pin: PIN,
    pulsesPerLitre: POSITIVE,
    litresPerStep: POSITIVE,
    // In 10 seconds a meter of 800 pulses a second fills the 16 bits of the ESP32's counter, which counts four edges of a pulse.
    interval: optional(whole(100, 10_000)),
    refillButton: REFILL_BUTTON,
  },
  wire: (device, parts) =>
    each(parts, (part) => {
      const { pin, pulsesPerLitre, litresPerStep, interval = INTERVAL } = part.wiring;
      const meter = new CountMeter({ stepsPerCount: 1 / (pulsesPerLitre * litresPerStep) });
      const sensor = new FlowMeter({ sensor: { io: device.board.io.PulseCount, pin }, clock: device.board });
      sensor.configure({ wiring: "single", pulsesPerLitre });
      const stop = poll(device, `slot ${part.slot}`, interval, (report) => {
        const sample = sensor.sample();
        if (!sample) return undefined;
        // Counted all the same: what is missing is missing.
        report(sample.faults ? "pulses may be missing" : undefined);
        part.use(meter.update({ count: sample.count }).consumed);
        return undefined;
      });
      return [stop, wireRefillButton(device, part), () => sensor.close()];
    }),
};
