import { cartridgeMemory } from "everfull/firmware/cartridge-memory";
import { doseCounter } from "everfull/firmware/dose-counter";
import { flowMeter } from "everfull/firmware/flow-meter";
import type { Product } from "everfull/firmware/kind";
import { loadCell } from "everfull/firmware/load-cell";
import { pageCounter } from "everfull/firmware/page-counter";
import { tagReader } from "everfull/firmware/tag-reader";
import { timeOfFlight } from "everfull/firmware/time-of-flight";
import { ultrasonic } from "everfull/firmware/ultrasonic";

/** The product that has every kind: for the simulator, and to try sensors out. */
const product: Product = {
  kinds: [
    doseCounter,
    flowMeter,
    pageCounter,
    loadCell,
    ultrasonic,
    timeOfFlight,
    cartridgeMemory,
    tagReader,
  ],
};

export default product;
