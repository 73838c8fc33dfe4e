import { CountMeter, type MeterCondition } from "../../hal/index.js";
import { PageCounter } from "../../hal/sensors/serial/page-counter.js";
import type { PageCounterWiring } from "../config.js";
import { type Device, INTERVAL, type Kind, optional, type Part, PIN, POSITIVE, whole } from "./kind.js";
import { poll } from "./poll.js";
import { REFILL_BUTTON, wireRefillButton } from "./refill-button.js";
import { serialOf } from "./serial.js";

type PagePart = Part<PageCounterWiring>;

const PORT = 1;
const BAUD = 9600;
/** Pages between two questions, with the device off in between too. */
const MOST = 100_000;
const LIMIT = 2 ** 32;

export const pageCounter: Kind<PageCounterWiring> = {
  kind: "page-counter",
  place: "sensor",
  rules: {
    receive: PIN,
    transmit: PIN,
    port: optional(whole(0, 4)),
    baud: optional(whole(300, 921_600)),
    stepsPerPage: POSITIVE,
    most: optional(whole(1, LIMIT - 1)),
    modulus: optional(whole(2, LIMIT)),
    interval: INTERVAL,
    refillButton: REFILL_BUTTON,
  },
  conflict: ({ most = 0, modulus = LIMIT }) =>
    most < modulus ? undefined : ["most", "a number less than modulus"],
  wire(device, parts) {
    const lines: PagePart[][] = [];
    for (const part of parts) {
      const line = lines.find(([first]) => first!.wiring.receive === part.wiring.receive);
      if (line) line.push(part);
      else lines.push([part]);
    }
    const closers = lines.map((line) => wireLine(device, line));
    for (const part of parts) closers.push(wireRefillButton(device, part));
    return () => {
      for (const close of closers) close();
    };
  },
};

/** One printer: its pages are counted for all slots that it prints from. How its line and its counter are, the first of them says. */
function wireLine(device: Device, parts: readonly PagePart[]): () => void {
  const { receive, transmit, port = PORT, baud = BAUD, interval } = parts[0]!.wiring;
  const io = serialOf(device.board);
  let sensor: PageCounter | undefined;
  let take: ((pages: number, isExchanged: boolean) => void) | undefined;
  let isExchanged = false;
  for (const part of parts)
    part.onRebase = () => {
      isExchanged = true;
    };
  /** A printer that sleeps may take longer to answer than the interval is. */
  let isAsking = false;
  const stop = poll(device, `printer at pin ${receive}`, interval, (report) => {
    sensor ??= new PageCounter({ sensor: { io, receive, transmit, port, baud }, clock: device.board });
    if (isAsking) return undefined;
    try {
      sensor.sample((error, sample) => {
        isAsking = false;
        report(error);
        if (!sample) return;
        take ??= lineTaker(parts, sample.pages);
        take(sample.pages, isExchanged);
        isExchanged = false;
      });
    } catch (error) {
      // Its line may have failed for good.
      sensor.close();
      sensor = undefined;
      throw error;
    }
    isAsking = true;
    return undefined;
  });
  return () => {
    stop();
    sensor?.close();
  };
}

/**
 * Takes what a printer says: `pages` of its life.
 *
 * @param first what it says for the first time
 */
function lineTaker(parts: readonly PagePart[], first: number): (pages: number, isExchanged: boolean) => void {
  const { modulus = LIMIT, most = Math.min(MOST, modulus / 8) } = parts[0]!.wiring;
  /** Where an earlier run left it. */
  const known = Math.max(...parts.map(({ kept }) => kept - 1));
  let total = known >= 0 && known < modulus ? known : first;
  const meter = new CountMeter({ stepsPerCount: 1, start: Math.min(total, modulus - 1), modulus, most });
  const takers = parts.map((part) => pageTaker(part, total, most));
  let last = first;
  return (pages, isExchanged) => {
    if (isExchanged) meter.rebase();
    const reading = meter.update({ count: pages });
    const { condition } = reading;
    // A printer's count is for life: one that fell is another printer's, which has not printed from here what it shows.
    const isAnother = condition === "restarted";
    total += isAnother ? pages - last : reading.consumed;
    last = pages;
    for (const take of takers) take(total, meter.count!, isAnother ? "exchanged" : condition);
  };
}

/**
 * Takes pages of a slot: `total` since the printer was made, as far as that is known, and `count`, where its counter stands. Fractions of a step are those of
 * the total, so that a restart neither loses nor gives any.
 *
 * @param start of `total`
 */
function pageTaker(
  part: PagePart,
  start: number,
  most: number,
): (total: number, count: number, condition: MeterCondition | undefined) => void {
  const meter = new CountMeter({ stepsPerCount: part.wiring.stepsPerPage });
  const known = part.kept - 1;
  // Another slot of the printer may have been committed later than this one; or the counter was exchanged between the two.
  const isBehind = known >= 0 && start - known <= most;
  meter.update({ count: isBehind ? Math.min(known, start) : start });
  return (total, count, condition) => {
    const { consumed } = meter.update({ count: total });
    part.kept = count + 1;
    part.use(consumed);
    part.find("sample", condition);
  };
}
