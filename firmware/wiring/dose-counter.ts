import { CountMeter, DoseCounter } from "../../hal/index.js";
import type { DoseCounterWiring } from "../config.js";
import { each, type Kind, PIN, POSITIVE } from "./kind.js";
import { REFILL_BUTTON, wireRefillButton } from "./refill-button.js";

export const doseCounter: Kind<DoseCounterWiring> = {
  kind: "dose-counter",
  place: "sensor",
  rules: { pin: PIN, stepsPerDose: POSITIVE, refillButton: REFILL_BUTTON },
  wire: (device, parts) =>
    each(parts, (part) => {
      const { pin, stepsPerDose } = part.wiring;
      const meter = new CountMeter({ stepsPerCount: stepsPerDose });
      const sensor = new DoseCounter({
        sensor: {
          io: device.board.io.PulseCount,
          pin,
          onReadable: () => {
            const sample = sensor.sample();
            if (sample) part.use(meter.update(sample).consumed);
          },
        },
      });
      return [() => sensor.close(), wireRefillButton(device, part)];
    }),
};
