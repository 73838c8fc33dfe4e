import product from "product/index";
import { DesktopBoard } from "../hal/boards/desktop/board.js";
import { EVENT, EVENT_HEAD } from "../hal/boards/desktop/protocol.js";
import { fromText, toText } from "../hal/boards/desktop/text.js";
import type { DeviceEvent } from "../sdk/index.js";
import { fnv1a } from "../sdk/uplink/spread.js";
import { type App, startApp } from "./app.js";
import type { DeviceConfig } from "./config.js";
import type { Device } from "./wiring/kind.js";

/*
 * The device program of the simulator: one bundle, run by XS or by Node. The host calls `handleCommand` with an event; the program calls
 * `issueCommand` for what its board must do. These are the names that the XS worker has for them.
 */
declare const issueCommand: (request: ArrayBuffer) => ArrayBuffer;
const engine = globalThis as unknown as {
  handleCommand(event: ArrayBuffer): ArrayBuffer | undefined;
  gc?(): void;
};

/** What the configuration is in a simulation: the device's, and a number that differs from start to start. */
interface Boot {
  readonly device: DeviceConfig;
  readonly start: number;
}

let board: DesktopBoard | undefined;
let app: App | undefined;

engine.handleCommand = (bytes) => {
  const event = new DataView(bytes);
  board ??= new DesktopBoard(issueCommand);
  if (board.dispatch(event)) return undefined;
  switch (event.getUint8(0)) {
    case EVENT.boot: {
      const boot = JSON.parse(fromText(new Uint8Array(bytes).slice(EVENT_HEAD))) as Boot;
      board.seed(fnv1a(`${boot.device.serial} ${boot.start}`));
      const own = {
        ...product,
        onEvent(what: DeviceEvent, device: Device) {
          board?.tell(what);
          product.onEvent?.(what, device);
        },
      };
      app = startApp(board, boot.device, own, (error) => {
        if (error !== undefined) throw error;
        board?.started();
      });
      return undefined;
    }
    case EVENT.inspect: {
      if (!app) return undefined;
      const { everfull } = app;
      const slots = everfull.slotIds.map((id) => ({
        ...everfull.slot(id),
        account: { ...accountOf(everfull, id) },
      }));
      return toText(JSON.stringify({ slots, figures: everfull.figures, clock: everfull.clockQuality }))
        .buffer as ArrayBuffer;
    }
    case EVENT.collect:
      engine.gc?.();
      return undefined;
    default:
      throw new Error(`board: event ${event.getUint8(0)} is not known`);
  }
};

function accountOf(everfull: App["everfull"], id: string): object {
  const { opening, refills, corrections, consumed, remaining, onHand } = everfull.account(id);
  return { opening, refills, corrections, consumed, remaining, onHand };
}
