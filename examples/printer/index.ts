import type { DeviceEvent } from "everfull";
import { cartridgeMemory } from "everfull/firmware/cartridge-memory";
import type { Device, Product } from "everfull/firmware/kind";
import { pageCounter } from "everfull/firmware/page-counter";

/** Share of a cartridge at which the panel warns, whatever is ordered. */
const LOW = 0.1;
/** Steps of a full cartridge, as in `manifest.json`. */
const FULL = 1000;

/** What the printer tells its customer; a product with a panel shows it there. */
function show({ board }: Device, text: string): void {
  board.log(`printer: ${text}`);
}

/** All inks in one line, such as `black 62 %, cyan 8 % (low)`. */
function levels({ everfull }: Device): string {
  return everfull.slotIds
    .map((ink) => {
      const share = everfull.slot(ink).remaining / FULL;
      return `${ink} ${Math.round(100 * share)} %${share < LOW ? " (low)" : ""}`;
    })
    .join(", ");
}

/**
 * A printer with four inks. What a page uses of each is in `manifest.json`; the printer counts the pages, and a cartridge says by its memory that it is a
 * new one, and how much is in it.
 */
const printer: Product = {
  kinds: [pageCounter, cartridgeMemory],
  version: [1, 0, 0],

  onEvent(event: DeviceEvent, device: Device) {
    switch (event.kind) {
      case "dayClosed":
        return show(device, levels(device));
      case "intended":
        return show(device, `a cartridge of ${event.slot} is being ordered`);
      case "order":
        if (event.state === "placed") return show(device, `a cartridge of ${event.slot} is ordered`);
        if (event.state === "shipped") return show(device, `a cartridge of ${event.slot} is on its way`);
        if (event.state === "cancelled") return show(device, `the order of ${event.slot} was cancelled`);
        return;
      case "delivered":
        return show(device, `${event.slot}: ${event.seen ? "replaced" : "a cartridge should have arrived"}`);
      case "storage":
        return show(device, event.state === "ok" ? "keeps its books again" : "cannot keep its books");
    }
  },
};

export default printer;
