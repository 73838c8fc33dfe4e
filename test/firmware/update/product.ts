import { imageUpdate } from "../../../firmware/update/image-update.js";
import { doseCounter } from "../../../firmware/wiring/dose-counter.js";
import type { Kind, Product } from "../../../firmware/wiring/kind.js";

/** Which image this is: its first line says so. */
declare const IMAGE: {
  readonly version: number;
  readonly key: string;
  /** Crashes while it starts, or some minutes after. */
  readonly crashes?: "early" | "late";
};

const MINUTE = 60_000;

/** The firmware's, in an image that may be bad. */
const counter: Kind = {
  ...(doseCounter as unknown as Kind),
  wire(device, parts) {
    if (IMAGE.crashes === "early") throw new Error("this image does not start");
    if (IMAGE.crashes === "late")
      device.board.schedule(10 * MINUTE, () => {
        throw new Error("this image crashes");
      });
    return (doseCounter as unknown as Kind).wire(device, parts);
  },
};

const product: Product = {
  kinds: [counter],
  version: [1, IMAGE.version, 0],
  update: imageUpdate({
    product: 7,
    version: IMAGE.version,
    keys: [IMAGE.key],
    server: { host: "images.example", folder: "/" },
  }),
};

export default product;
