import type { Board } from "../hal/boards/board.js";
import { Everfull } from "../sdk/index.js";
import { bytesOfHex, checkedDevice } from "./check.js";
import { Condition } from "./condition.js";
import type { SlotConfig } from "./config.js";
import { SlotPart } from "./part.js";
import type { Device, Kind, Product } from "./wiring/kind.js";

export interface App {
  readonly everfull: Everfull;
  close(): void;
}

/**
 * The device application: the one place where sensors, meters, the SDK and a board are put together.
 *
 * @param config a `DeviceConfig`; it is checked
 * @throws {ConfigError} @throws {EverfullError} `options`: nothing was opened
 * @throws what the board and the sensors refuse; nothing stays open
 */
export function startApp(board: Board, config: unknown, product: Product): App {
  // What was opened last is closed first.
  const closers: (() => void)[] = [];
  const close = () => {
    for (const closeOne of closers.splice(0)) closeOne();
  };
  // An image on trial is counted before anything that it may fail in.
  const update = product.update?.open(board, close);
  if (update) closers.unshift(() => update.close());
  try {
    const { serial, key, broker, utcOffsetMinutes, slots } = checkedDevice(config, product.kinds);
    const condition = new Condition(board);
    let running: Everfull | undefined;
    const everfull = new Everfull({
      identity: { serial, key: { number: key.number, secret: bytesOfHex(key.secret) } },
      slots,
      utcOffsetMinutes,
      broker,
      flash: board.flash,
      connect: board.connect,
      ticks: () => board.ticks(),
      schedule: (delay, task) => board.schedule(delay, task),
      random: () => board.random(),
      wallClock: () => board.wallClock?.(),
      ...(product.version ? { version: product.version } : {}),
      health: () => condition.figures,
      ...(update ? { onImage: (description) => update.offer(description) } : {}),
      warn: (text) => board.log(text),
      onEvent(event) {
        condition.onEvent(event);
        product.onEvent?.(event, { board, everfull });
        // A day that was closed by the start itself was not the run's.
        if (event.kind === "dayClosed" && running) update?.endDay(running);
      },
    });
    running = everfull;
    closers.unshift(
      () => condition.close(),
      () => everfull.close(),
    );
    board.startTime?.((utc) => everfull.setTime(utc));
    for (const kind of product.kinds) {
      const parts = partsOf(kind, everfull, slots);
      if (parts.length > 0) closers.unshift(kind.wire({ board, everfull } satisfies Device, parts));
    }
    return { everfull, close };
  } catch (error) {
    close();
    throw error;
  }
}

function partsOf({ kind, place }: Kind, everfull: Everfull, slots: readonly SlotConfig[]): SlotPart[] {
  return slots.flatMap((slot) => {
    const wiring = slot[place];
    return wiring?.kind === kind ? [new SlotPart(everfull, slot, place, wiring)] : [];
  });
}
