import type { Board } from "../hal/boards/board.js";
import { CountMeter, DoseCounter, LoadCell, type LoadCellSample, MassMeter } from "../hal/index.js";
import { type DeviceEvent, Everfull } from "../sdk/index.js";
import {
  bytesOfHex,
  type DeviceConfig,
  type DoseCounterWiring,
  type LoadCellWiring,
  type SlotConfig,
} from "./config.js";

const KEY_BYTES = 32;
/** In kilograms. */
const MILLIGRAM = 1e-6;
/** A zero may move by this share of the noise within {@link DRIFT_INTERVAL} milliseconds. */
const DRIFT_SHARE = 0.05;
const DRIFT_INTERVAL = 15 * 60 * 1000;
/** An amplifier that sleeps between samples has one some reads later: milliseconds until it is asked again, and how often. */
const RETRY = 700;
const TRIES = 12;

export interface App {
  readonly everfull: Everfull;
  close(): void;
}

/**
 * The device application: the one place where sensors, meters, the SDK and a board are put together.
 *
 * @param onEvent told what has happened, beside the log
 */
export function startApp(board: Board, config: DeviceConfig, onEvent?: (event: DeviceEvent) => void): App {
  const everfull = new Everfull({
    identity: {
      serial: config.serial,
      key: { number: config.key.number, secret: bytesOfHex("key.secret", config.key.secret, KEY_BYTES) },
    },
    slots: config.slots,
    utcOffsetMinutes: config.utcOffsetMinutes,
    broker: config.broker,
    flash: board.flash,
    connect: board.connect,
    ticks: () => board.ticks(),
    schedule: (delay, task) => board.schedule(delay, task),
    random: () => board.random(),
    wallClock: () => board.wallClock?.(),
    warn: (text) => board.log(text),
    onEvent: (event) => onEvent?.(event),
  });
  board.startTime?.((utc) => everfull.setTime(utc));
  const closers = config.slots.map((slot) =>
    slot.sensor.kind === "dose-counter"
      ? wireDoseCounter(board, everfull, slot, slot.sensor)
      : wireLoadCell(board, everfull, slot, slot.sensor),
  );
  return {
    everfull,
    close() {
      for (const close of closers) close();
      everfull.close();
    },
  };
}

function wireDoseCounter(
  board: Board,
  everfull: Everfull,
  slot: SlotConfig,
  wiring: DoseCounterWiring,
): () => void {
  const meter = new CountMeter({ stepsPerCount: wiring.stepsPerDose });
  const measure = () => {
    const sample = sensor.sample();
    if (sample) everfull.consume(slot.id, meter.update(sample).consumed);
  };
  const sensor = new DoseCounter({
    sensor: { io: board.io.PulseCount, pin: wiring.pin, onReadable: measure },
  });
  const button =
    wiring.refillButton === undefined
      ? undefined
      : new board.io.Button({
          pin: wiring.refillButton,
          onReadable(this: { read(): number | undefined }) {
            if (this.read() === 1) everfull.refill(slot.id, slot.refill);
          },
        });
  return () => {
    sensor.close();
    button?.close();
  };
}

function wireLoadCell(
  board: Board,
  everfull: Everfull,
  slot: SlotConfig,
  wiring: LoadCellWiring,
): () => void {
  const sensor = new LoadCell({ sensor: { io: board.io.Bridge, pin: wiring.pin } });
  sensor.configure({ zero: wiring.zero, scale: wiring.scale });
  const newMeter = () =>
    new MassMeter({
      massPerStep: wiring.massPerStep,
      noise: wiring.noise,
      level: everfull.account(slot.id).remaining,
      // The zero drifts; without what it was at, a restart would take the drift for use or for a refill.
      offset: everfull.calibration(slot.id) * MILLIGRAM,
      drift: wiring.noise * DRIFT_SHARE * (wiring.interval / DRIFT_INTERVAL),
    });
  let meter: MassMeter | undefined;
  let tries = 0;
  const measure = () => {
    timer = board.schedule(wiring.interval, measure);
    // A level is compared with what was there: as long as the journal cannot be read, that is not known. What is used meanwhile is seen then.
    if (!everfull.storage.isOpen) return;
    let sample: LoadCellSample | undefined;
    try {
      sample = sensor.sample();
      if (!sample && ++tries < TRIES) {
        timer.cancel();
        // Not always the same wait, as the amplifier's read asks for.
        timer = board.schedule(Math.min(RETRY + 90 * tries, wiring.interval), measure);
        return;
      }
    } catch (error) {
      // Thrown out of a timer it would end the program. Nothing is lost: what is used meanwhile is seen with the next sample.
      board.log(`slot ${slot.id}: ${error instanceof Error ? error.message : error}`);
    }
    tries = 0;
    if (!sample) return;
    meter ??= newMeter();
    const { consumed, refilled } = meter.update(sample);
    everfull.consume(slot.id, consumed);
    if (refilled > 0) everfull.refill(slot.id, refilled);
    everfull.calibrate(slot.id, Math.round(meter.offset / MILLIGRAM));
  };
  let timer = board.schedule(wiring.interval, measure);
  return () => {
    timer.cancel();
    sensor.close();
  };
}
