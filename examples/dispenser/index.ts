import type { DeviceEvent } from "everfull";
import type { Device, Finding, Product } from "everfull/firmware/kind";
import { loadCell } from "everfull/firmware/load-cell";

const SLOT = "soap";

/** What the dispenser tells its customer; a product with a display shows it there. */
function show({ board }: Device, text: string): void {
  board.log(`dispenser: ${text}`);
}

/** Grams left, and for how long, as of now. */
function level({ everfull }: Device): string {
  const { remaining, runOut } = everfull.slot(SLOT);
  return `${remaining} g of soap, enough for ${runOut.low} to ${runOut.high} days`;
}

/** A soap dispenser on a load cell: one slot, which the scale sees filled and used. Its wiring is in `manifest.json`. */
const dispenser: Product = {
  kinds: [loadCell],
  version: [1, 0, 0],

  onEvent(event: DeviceEvent, device: Device) {
    switch (event.kind) {
      case "dayClosed":
        return show(device, level(device));
      case "intended":
        return show(device, `${level(device)}; a refill is being ordered`);
      case "order":
        if (event.state === "placed") return show(device, "a refill is ordered");
        if (event.state === "shipped") return show(device, "a refill is on its way");
        // One that was never placed was given up by the service: the customer has cancelled nothing.
        if (event.state === "cancelled" && !event.unplaced) return show(device, "the order was cancelled");
        return;
      case "delivered":
        return show(device, event.seen ? "filled with what was delivered" : "a refill should have arrived");
      case "storage":
        return show(device, event.state === "ok" ? "keeps its books again" : "cannot keep its books");
    }
  },

  onFinding({ what, isOver }: Finding, device: Device) {
    if (isOver) return what === "away" ? show(device, "the container is back") : undefined;
    switch (what) {
      case "away":
        return show(device, "the container is away");
      case "overfull":
        return show(device, "something stands on the container");
      case "leak":
      case "spill":
        return show(device, "soap runs out although nobody takes it");
      case "exchanged":
        return show(device, "the scale is a new one");
      default:
        return show(device, "the scale has to be looked at");
    }
  },
};

export default dispenser;
