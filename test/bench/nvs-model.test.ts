import test from "ava";
import { NvsModel } from "./nvs-model.js";

// What is expected here is counted by hand, from the layout at the top of nvs-model.ts.

test("a first value is programmed as page header, namespace, blob header, data and index", (t) => {
  const nvs = new NvsModel(6);
  // Page header; the namespace with its state.
  t.is(nvs.programmed, 32 + 36);
  nvs.set("state", new Uint8Array(90));
  // Blob header with state; 64 bytes of data with one word of states; the last 26 bytes as an entry with state; index with state.
  t.is(nvs.programmed, 68 + 36 + (64 + 4) + 36 + 36);
});

test("the next value is appended, then the entries of the one before are marked", (t) => {
  const nvs = new NvsModel(6);
  nvs.set("state", new Uint8Array(90));
  const before = nvs.programmed;
  nvs.set("state", new Uint8Array(90).fill(1));
  // As above, then one word of states for the old index and one for its four entries of data.
  t.is(nvs.programmed - before, 36 + 68 + 36 + 36 + 4 + 4);
});

test("a value is what was set last, also when it runs over two pages", (t) => {
  const nvs = new NvsModel(4);
  for (let i = 0; i < 500; i++) {
    const value = Uint8Array.from({ length: 3000 + (i % 7) }, (_, at) => (at + i) % 251);
    nvs.set("state", value);
    t.deepEqual(nvs.get("state"), value);
  }
});

test("90 bytes written every hour wear 24 KB as NVS's own figures say: 5 of 126 entries a write", (t) => {
  const nvs = new NvsModel(6);
  const writes = 365 * 24;
  for (let i = 0; i < writes; i++) nvs.set("state", new Uint8Array(90).fill(i));
  const erases = nvs.erases.reduce((sum, each) => sum + each, 0);
  const plain = (writes * 5) / 126;
  t.true(erases > 0.95 * plain && erases < 1.1 * plain, `${erases} erases, ${plain} without copying`);
  // The page of the namespace always has one live entry more than others, so it is never the one that is freed.
  const [first, ...others] = nvs.erases;
  t.is(first, 0);
  t.true(Math.max(...others) - Math.min(...others) <= 1, nvs.erases.join(" "));
});

test("a value that does not fit is refused", (t) => {
  const nvs = new NvsModel(3);
  nvs.set("state", new Uint8Array(3000));
  t.throws(() => nvs.set("state", new Uint8Array(12_000)), { message: /^nvs: / });
});
