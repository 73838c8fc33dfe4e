import test from "ava";
import { imageUpdate } from "../../../firmware/update/image-update.js";
import { UpdateError } from "../../../sdk/update/index.js";

const KEY = "0123456789abcdefABCDEF0123456789".repeat(2);

test("a key that is not 64 hexadecimal digits is refused by its number, as the product is made", (t) => {
  const made = (...keys: readonly string[]) =>
    imageUpdate({ product: 1, version: 1, keys, server: { host: "images.example", folder: "/" } });
  t.notThrows(() => made(KEY, KEY.toLowerCase()));
  for (const key of [
    "",
    KEY.slice(1),
    `${KEY}0`,
    `${KEY.slice(1)}g`,
    ` ${KEY.slice(1)}`,
    `${KEY.slice(2)}\n0`,
    `${KEY}\n`,
    `0x${KEY.slice(2)}`,
  ]) {
    const error = t.throws(() => made(KEY, key), { instanceOf: UpdateError, code: "options" });
    t.is(error?.message, `keys[1]: 64 hexadecimal digits are accepted (got "${key}")`);
  }
});
