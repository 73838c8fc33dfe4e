import { CountMeter, type MeterReading } from "../../hal/index.js";
import { KFactor, WATER } from "../../hal/meters/flow/k-factor.js";
import { VolumeMeter } from "../../hal/meters/flow/volume-meter.js";
import { FlowMeter } from "../../hal/sensors/pulse/flow-meter.js";
import type { FlowMeterWiring } from "../config.js";
import { each, type Kind, number, optional, PIN, POSITIVE, type Rule, whole } from "./kind.js";
import { poll } from "./poll.js";
import { REFILL_BUTTON, wireRefillButton } from "./refill-button.js";
import { WATCH_RULES, Watch } from "./watch.js";

const INTERVAL = 1000;

const isPoint = (value: unknown) =>
  typeof value === "object" &&
  value !== null &&
  Object.keys(value).length === 2 &&
  ["rate", "pulsesPerLitre"].every((name) => POSITIVE.accepts((value as Record<string, unknown>)[name]));

const CURVE: Rule = Object.freeze({
  accepted: "one or more of { rate, pulsesPerLitre }, positive numbers",
  accepts: (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isPoint),
});

export const flowMeter: Kind<FlowMeterWiring> = {
  kind: "flow-meter",
  place: "sensor",
  rules: {
    pin: PIN,
    pulsesPerLitre: optional(POSITIVE),
    curve: optional(CURVE),
    temperature: optional(number(0, 100)),
    litresPerStep: POSITIVE,
    // In 10 seconds a meter of 800 pulses a second fills the 16 bits of the ESP32's counter, which counts four edges of a pulse.
    interval: optional(whole(100, 10_000)),
    refillButton: REFILL_BUTTON,
    ...WATCH_RULES,
  },
  conflict({ pulsesPerLitre, curve, temperature }) {
    if (!curve) {
      if (pulsesPerLitre === undefined)
        return ["pulsesPerLitre", "a positive number, where there is no curve,"];
      return temperature === undefined ? undefined : ["temperature", "nothing without a curve"];
    }
    if (pulsesPerLitre !== undefined) return ["pulsesPerLitre", "nothing beside a curve"];
    const isRising = curve.every(({ rate }, index) => index === 0 || rate > curve[index - 1]!.rate);
    return isRising ? undefined : ["curve", "rates in rising order"];
  },
  wire: (device, parts) =>
    each(parts, (part) => {
      const { pin, interval = INTERVAL } = part.wiring;
      const { board } = device;
      const take = meterOf(part.wiring);
      const watch = new Watch(part);
      const sensor = new FlowMeter({ sensor: { io: board.io.PulseCount, pin }, clock: board });
      sensor.configure({ wiring: "single" });
      let last = board.ticks();
      const stop = poll(device, `slot ${part.slot}`, interval, (report) => {
        const sample = sensor.sample();
        if (!sample) return undefined;
        // Counted all the same: what is missing is missing.
        report(sample.faults ? "pulses may be missing" : undefined);
        const now = board.ticks();
        const { count } = sample;
        const reading = take(count, (now - last) / 1000);
        last = now;
        watch.take({ value: count }, reading, now);
        part.use(reading.consumed);
        return undefined;
      });
      return [stop, wireRefillButton(device, part), () => sensor.close()];
    }),
};

/** Takes the count of pulses, and the seconds since the call before. */
function meterOf({
  pulsesPerLitre,
  curve,
  temperature,
  litresPerStep,
}: FlowMeterWiring): (count: number, seconds: number) => MeterReading {
  if (curve) {
    const factor = new KFactor({ points: curve, viscosity: WATER });
    const meter = new VolumeMeter({ stepsPerLitre: 1 / litresPerStep, factor });
    return (count, seconds) => meter.update({ count }, seconds, temperature);
  }
  const meter = new CountMeter({ stepsPerCount: 1 / (pulsesPerLitre! * litresPerStep) });
  return (count) => meter.update({ count });
}
