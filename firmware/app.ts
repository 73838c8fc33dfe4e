import type { Board } from "../hal/boards/board.js";
import { type DeviceEvent, Everfull, EverfullError } from "../sdk/index.js";
import { bytesOfHex, checkedDevice } from "./check.js";
import { Condition } from "./condition.js";
import type { SlotConfig } from "./config.js";
import { SlotPart } from "./part.js";
import type { Device, Finding, Kind, Product } from "./wiring/kind.js";

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
    const { serial, model, key, broker, utcOffsetMinutes, slots } = checkedDevice(config, product.kinds);
    let running: Everfull | undefined;
    const registration = model === undefined ? undefined : board.registration;
    const condition = new Condition(board, () => !registration || running?.mayFinishSetup() === true);
    closers.unshift(() => condition.close());
    let device: Device | undefined;
    // What the start itself has brought, told when there is a device to tell it of.
    const early: DeviceEvent[] = [];
    const everfull = new Everfull({
      identity: {
        serial,
        key: { number: key.number, secret: bytesOfHex(key.secret) },
        ...(model === undefined ? {} : { model }),
      },
      ...(registration ? { registration } : {}),
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
        if (device) product.onEvent?.(event, device);
        else early.push(event);
        // A day that was closed by the start itself was not the run's.
        if (event.kind === "dayClosed" && running) update?.endDay(running);
      },
    });
    running = everfull;
    condition.show();
    closers.unshift(() => everfull.close());
    board.startTime?.((utc) => everfull.setTime(utc));
    const parts: SlotPart[] = [];
    const sensorOf = (id: string) => {
      const part = parts.find(({ slot, place }) => slot === id && place === "sensor");
      if (!part) throw new EverfullError("argument", `slot ${id}: there is none`);
      return part;
    };
    const whole: Device = {
      board,
      everfull,
      rebase: (slot) => sensorOf(slot).onRebase?.(),
      expectUse: (slot) => sensorOf(slot).onExpectUse?.(),
    };
    device = whole;
    const tell = (finding: Finding) => {
      board.log(`slot ${finding.slot}: ${finding.what}${finding.isOver ? " is over" : ""}`);
      try {
        product.onFinding?.(finding, whole);
      } catch (error) {
        board.log(`slot ${finding.slot}: onFinding: ${error instanceof Error ? error.message : error}`);
      }
    };
    for (const kind of product.kinds) {
      const wired = partsOf(kind, everfull, slots, tell);
      parts.push(...wired);
      if (wired.length > 0) closers.unshift(kind.wire(whole, wired));
    }
    if (early.length > 0) {
      const timer = board.schedule(0, () => {
        try {
          for (const event of early) product.onEvent?.(event, whole);
        } catch (error) {
          board.log(`onEvent: ${error instanceof Error ? error.message : error}`);
        }
      });
      closers.unshift(() => timer.cancel());
    }
    return { everfull, close };
  } catch (error) {
    close();
    throw error;
  }
}

function partsOf(
  { kind, place }: Kind,
  everfull: Everfull,
  slots: readonly SlotConfig[],
  tell: (finding: Finding) => void,
): SlotPart[] {
  return slots.flatMap((slot) => {
    const wiring = slot[place];
    return wiring?.kind === kind ? [new SlotPart(everfull, slot, place, wiring, tell)] : [];
  });
}
