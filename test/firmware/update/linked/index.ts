import { doseCounter } from "everfull/firmware/dose-counter";
import { imageUpdate } from "everfull/firmware/image-update";
import type { Product } from "everfull/firmware/kind";

/** A product with updates over the air, for the builds that link it. */
const product: Product = {
  kinds: [doseCounter],
  version: [1, 0, 12],
  update: imageUpdate({
    product: 300,
    version: 12,
    keys: ["3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"],
    server: { host: "images.example", folder: "/soap/" },
  }),
};

export default product;
