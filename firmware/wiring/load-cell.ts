import { LoadCell, MassMeter } from "../../hal/index.js";
import type { LoadCellWiring } from "../config.js";
import { driftOf } from "./drift.js";
import { each, INTERVAL, type Kind, number, PIN, POSITIVE } from "./kind.js";
import { poll } from "./poll.js";

/** In kilograms. */
const MILLIGRAM = 1e-6;
/** An amplifier that sleeps between samples has one some reads later: milliseconds until it is asked again, and how often. */
const RETRY = 700;
const TRIES = 12;
/** Counts of a 24-bit converter, below the ends of its range. */
const MOST_COUNTS = 2 ** 23 - 2;

export const loadCell: Kind<LoadCellWiring> = {
  kind: "load-cell",
  place: "sensor",
  seesRefills: true,
  rules: {
    pin: PIN,
    zero: number(-MOST_COUNTS, MOST_COUNTS),
    scale: {
      accepted: "a number other than 0",
      accepts: (value) => typeof value === "number" && value !== 0 && Number.isFinite(value),
    },
    massPerStep: POSITIVE,
    noise: POSITIVE,
    interval: INTERVAL,
  },
  wire: (device, parts) =>
    each(parts, (part) => {
      const { pin, zero, scale, massPerStep, noise, interval } = part.wiring;
      const sensor = new LoadCell({ sensor: { io: device.board.io.Bridge, pin } });
      sensor.configure({ zero, scale });
      let meter: MassMeter | undefined;
      let tries = 0;
      const stop = poll(device, `slot ${part.slot}`, interval, (report) => {
        const sample = sensor.sample();
        // Not always the same wait, as the amplifier's read asks for.
        if (!sample && ++tries < TRIES) return RETRY + 90 * tries;
        tries = 0;
        if (!sample) return undefined;
        report(undefined);
        meter ??= new MassMeter({
          massPerStep,
          noise,
          level: part.remaining,
          // The zero drifts; without what it was at, a restart would take the drift for use or for a refill.
          offset: part.kept * MILLIGRAM,
          drift: driftOf(noise, interval),
        });
        const { consumed, refilled } = meter.update(sample);
        part.kept = Math.round(meter.offset / MILLIGRAM);
        part.use(consumed);
        part.refill(refilled);
        return undefined;
      });
      return [stop, () => sensor.close()];
    }),
};
