import flash from "embedded:storage/flash";
import type { Board, UpdateBoard } from "../../hal/boards/board.js";
import { Esp32Update, nativeDigest } from "../../hal/boards/esp32/update/update.js";
import { imageDownload } from "../../hal/boards/moddable/download/image-download.js";
import type { ImageServer } from "./image-update.js";

/** Data partition of the update's ledger, in `partitions-ota.csv`. */
const PARTITION = "update";

/** What the platform throws when a partition is not there. */
export function updateBoardOf({ network }: Board, server: ImageServer): UpdateBoard {
  const { servers, isConnected } = network!;
  return {
    flash: flash.open({ path: PARTITION, mode: "r+" }),
    port: new Esp32Update(),
    fetch: imageDownload({ ...server, servers, isConnected }),
    digest: nativeDigest,
    restart: () => (globalThis as unknown as { System: { restart(): never } }).System.restart(),
  };
}
