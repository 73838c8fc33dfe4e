import { CountMeter } from "../../hal/index.js";
import { PageCounter } from "../../hal/sensors/serial/page-counter.js";
import type { PageCounterWiring } from "../config.js";
import { type Device, INTERVAL, type Kind, optional, type Part, PIN, POSITIVE, whole } from "./kind.js";
import { poll } from "./poll.js";
import { REFILL_BUTTON, wireRefillButton } from "./refill-button.js";
import { serialOf } from "./serial.js";

type PagePart = Part<PageCounterWiring>;

const PORT = 1;
const BAUD = 9600;

export const pageCounter: Kind<PageCounterWiring> = {
  kind: "page-counter",
  place: "sensor",
  rules: {
    receive: PIN,
    transmit: PIN,
    port: optional(whole(0, 4)),
    baud: optional(whole(300, 921_600)),
    stepsPerPage: POSITIVE,
    interval: INTERVAL,
    refillButton: REFILL_BUTTON,
  },
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

/** One printer: its pages are counted for all slots that it prints from. How its line is, the first of them says. */
function wireLine(device: Device, parts: readonly PagePart[]): () => void {
  const { receive, transmit, port = PORT, baud = BAUD, interval } = parts[0]!.wiring;
  const io = serialOf(device.board);
  let sensor: PageCounter | undefined;
  let takers: readonly ((total: number, pages: number) => void)[] | undefined;
  /** The printer's count at the first sample, or at the last one of an earlier run. */
  let start: number | undefined;
  /** A printer that sleeps may take longer to answer than the interval is. */
  let isAsking = false;
  const stop = poll(device, `printer at pin ${receive}`, interval, (report) => {
    if (!sensor) {
      for (const { kept } of parts) if (kept > 0) start = Math.max(start ?? 0, kept - 1);
      sensor = new PageCounter({
        sensor: { io, receive, transmit, port, baud },
        clock: device.board,
        ...(start === undefined ? {} : { start }),
      });
    }
    if (isAsking) return undefined;
    sensor.sample((error, sample) => {
      isAsking = false;
      report(error ?? (sample?.faults ? "the page count has changed: pages may be missing" : undefined));
      if (!sample) return;
      start ??= sample.pages;
      takers ??= parts.map(pageTaker);
      for (const take of takers) take(start + sample.count, sample.pages);
    });
    isAsking = true;
    return undefined;
  });
  return () => {
    stop();
    sensor?.close();
  };
}

/**
 * Takes pages of a slot: `total` since the printer was made, as far as that is known, and `pages`, what the printer says. Fractions of a step are those of
 * the total, so that a restart neither loses nor gives any.
 */
function pageTaker(part: PagePart): (total: number, pages: number) => void {
  const meter = new CountMeter({ stepsPerCount: part.wiring.stepsPerPage });
  let isFirst = true;
  return (total, pages) => {
    if (isFirst) meter.update({ count: part.kept > 0 ? part.kept - 1 : total });
    isFirst = false;
    const { consumed } = meter.update({ count: total });
    part.kept = pages + 1;
    part.use(consumed);
  };
}
