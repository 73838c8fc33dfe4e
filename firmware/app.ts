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
 * The device application: the one place where sensors, meters, the SDK and a board are put together. It starts in turns of the loop that follow: the journal is opened, then the
 * sensors, which go on from what it keeps.
 *
 * @param config a `DeviceConfig`; it is checked
 * @param onStarted called when all of it runs, or with what the journal, the board or the sensors refuse: then nothing stays open. Without it that is thrown in
 * the turn in which it is found
 * @throws {ConfigError} @throws {EverfullError} `options`: nothing was opened
 */
export function startApp(
  board: Board,
  config: unknown,
  product: Product,
  onStarted: (error?: unknown) => void = rethrow,
): App {
  // What was opened last is closed first.
  const closers: (() => void)[] = [];
  const close = () => {
    for (const closeOne of closers.splice(0)) closeOne();
  };
  const failed = (error: unknown) => {
    close();
    onStarted(error);
  };
  // An image on trial is counted before anything that it may fail in.
  const update = product.update?.open(board, close);
  if (update) closers.unshift(() => update.close());
  try {
    const { serial, model, key, broker, utcOffsetMinutes, slots } = checkedDevice(config, product.kinds);
    /** While the journal is not known, nothing that it keeps is. */
    let opened: Everfull | undefined;
    const registration = model === undefined ? undefined : board.registration;
    const condition = new Condition(board, () => !registration || opened?.mayFinishSetup() === true);
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
        if (event.kind === "dayClosed" && opened) update?.endDay(opened);
      },
      onStarted(error) {
        if (error !== undefined) {
          failed(error);
          return;
        }
        opened = everfull;
        condition.show();
        board.startTime?.((utc) => everfull.setTime(utc));
        inTurn(() => wire(product.kinds));
      },
    });
    closers.unshift(() => everfull.close());
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
    const guarded = (what: string, task: () => void) => {
      try {
        task();
      } catch (error) {
        board.log(`${what}: ${error instanceof Error ? error.message : error}`);
      }
    };
    const tell = (finding: Finding) => {
      board.log(`slot ${finding.slot}: ${finding.what}${finding.isOver ? " is over" : ""}`);
      guarded(`slot ${finding.slot}: onFinding`, () => product.onFinding?.(finding, whole));
    };
    /** Sensors take their time to open. */
    const inTurn = (task: () => void) => {
      const timer = board.schedule(0, () => {
        closers.splice(closers.indexOf(cancel), 1);
        try {
          task();
        } catch (error) {
          failed(error);
        }
      });
      const cancel = () => timer.cancel();
      closers.unshift(cancel);
    };
    const wire = ([kind, ...others]: readonly Kind[]) => {
      if (!kind) {
        device = whole;
        for (const event of early.splice(0)) guarded("onEvent", () => product.onEvent?.(event, whole));
        onStarted();
        return;
      }
      const wired = partsOf(kind, everfull, slots, tell);
      parts.push(...wired);
      if (wired.length > 0) closers.unshift(kind.wire(whole, wired));
      inTurn(() => wire(others));
    };
    return { everfull, close };
  } catch (error) {
    close();
    throw error;
  }
}

function rethrow(error?: unknown): void {
  if (error !== undefined) throw error;
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
