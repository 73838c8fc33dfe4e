import { Burst, type BurstSample, LoadCell, type LoadCellSample, MassMeter } from "../../hal/index.js";
import type { LoadCellWiring } from "../config.js";
import { CONTAINER_RULES, Container, DRIFT_SHARE } from "./container.js";
import { each, type Kind, number, PIN, POSITIVE } from "./kind.js";
import { poll, type Report } from "./poll.js";

/** An amplifier that sleeps between samples has one some reads later: milliseconds until it is asked again, and how often. */
const RETRY = 700;
const TRIES = 12;
/** Milliseconds from a reading of a burst to the next, and readings that a burst has at most. */
const CONVERSION = 100;
const MOST_READINGS = 32;
const LONGEST = MOST_READINGS * CONVERSION;
/** Readings that are older belong to no burst that is under way. */
const STALE = 3000;
/** For so long something may shake: a washing machine, and not yet a sensor that fails. */
const SHAKING = 2 * 3_600_000;
/** A live 24-bit converter never gives so many samples alike. */
const FROZEN = 40;
/** Counts of a 24-bit converter, below the ends of its range. */
const MOST_COUNTS = 2 ** 23 - 2;

/** What came of a burst, or of one reading. */
type Sample = Pick<BurstSample, "value" | "faults"> | { value: number; faults: LoadCellSample["faults"] };

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
    ...CONTAINER_RULES,
  },
  wire: (device, parts) =>
    each(parts, (part) => {
      const { pin, zero, scale, massPerStep, noise } = part.wiring;
      const { board } = device;
      const sensor = new LoadCell({ sensor: { io: board.io.Bridge, pin } });
      sensor.configure({ zero, scale });
      const container = new Container<{ mass: number; faults?: object | undefined }>(board, part, {
        awake: LONGEST,
        same: FROZEN,
        noise,
        calibration: [zero, scale, massPerStep],
        open: (offset, level) =>
          new MassMeter({
            massPerStep,
            noise,
            level,
            offset,
            drift: noise * DRIFT_SHARE,
            capacity: Math.max(part.capacity, level),
          }),
      });
      // Samples that follow one another more quickly have no time for one: then a sample is a reading.
      const burst = container.fast >= LONGEST ? new Burst({ noise, most: MOST_READINGS }) : undefined;
      /** Readings of the burst that is under way, and ticks of the last time that the amplifier was asked. */
      let readings = 0;
      let asked = 0;
      let tries = 0;
      /** Ticks of the last sample without a fault. */
      let steady = 0;

      const drop = () => {
        readings = tries = 0;
        burst?.reset();
      };
      /** The next sample; a number: milliseconds until the amplifier is to be asked again; undefined: there will be none. */
      const measure = (now: number): Sample | number | undefined => {
        if (readings > 0 && now - asked > STALE) drop();
        asked = now;
        if (burst && readings === 0) sensor.stayAwake(true);
        const reading = sensor.sample();
        // Not always the same wait, as the amplifier's read asks for.
        if (!reading && ++tries < TRIES)
          return readings > 0 ? CONVERSION + 5 * (tries & 3) : RETRY + 90 * tries;
        tries = 0;
        let sample: Sample | undefined;
        if (reading?.faults) sample = { value: reading.raw, faults: reading.faults };
        else if (reading) {
          sample = burst ? burst.add(reading.mass) : { value: reading.mass };
          if (!sample) return CONVERSION + 5 * (++readings & 3);
        }
        drop();
        if (burst) sensor.stayAwake(false);
        return sample;
      };
      const look = (report: Report) => {
        const now = board.ticks();
        let sample: Sample | number | undefined;
        try {
          sample = measure(now);
        } catch (error) {
          drop();
          report(error);
          return container.miss();
        }
        if (typeof sample === "number") return sample;
        if (!sample) return container.miss();
        report(undefined);
        const { value, faults } = sample;
        if (!faults) steady = now;
        // Meters take nothing of it, and it says nothing about the sensor yet.
        else if ("unsteady" in faults && now - steady < SHAKING) return container.wait();
        const { consumed, refilled } = container.take({ mass: value, faults }, value);
        part.use(consumed);
        part.refill(refilled);
        return container.wait();
      };
      const stop = poll(device, `slot ${part.slot}`, container.slow, look, container.fast);
      return [stop, () => sensor.close()];
    }),
};
