import test, { type ExecutionContext } from "ava";
import { startXsEngine } from "../../../hal/simulator/engine-xs.js";
import { type HeapUse, heapUse } from "../../../hal/simulator/heap-use.js";
import { testOnXs } from "./support.js";

/** What the heap has more once an event has kept something, by its expression. */
async function grown(t: ExecutionContext, expression: string): Promise<HeapUse> {
  const bundle = `const kept = [undefined];
    globalThis.handleCommand = (event) => { if (new Uint8Array(event)[0] === 1) kept[0] = ${expression}; };`;
  const engine = await startXsEngine({ bundle, call: (request) => request });
  t.teardown(() => engine.stop());
  await engine.handle(Uint8Array.of(0));
  const before = await engine.heap!();
  await engine.handle(Uint8Array.of(1));
  const after = await engine.heap!();
  return {
    slots: after.slots - before.slots,
    slotBytes: after.slotBytes - before.slotBytes,
    chunkBytes: after.chunkBytes - before.chunkBytes,
  };
}

const HEADER = 8;

testOnXs("a buffer is a chunk of its length, whatever the width of the engine", async (t) => {
  const { slots, slotBytes, chunkBytes } = await grown(t, "new ArrayBuffer(1000)");
  t.is(chunkBytes, 1000 + HEADER);
  t.is(slotBytes, 16 * slots);
  t.true(slots > 0 && slots < 8);
});

testOnXs("an array's elements are slots of 16 bytes in a chunk", async (t) => {
  const { chunkBytes } = await grown(t, "Array.from({ length: 100 }, (_, i) => i)");
  // It grows in steps.
  t.true(chunkBytes >= 16 * 100 + HEADER && chunkBytes < 16 * 160, `${chunkBytes} bytes`);
});

testOnXs("a string is a chunk of its bytes, rounded up", async (t) => {
  const { chunkBytes } = await grown(t, "'ab'.repeat(50)");
  t.true(chunkBytes > 100 + HEADER && chunkBytes <= 104 + HEADER);
});

testOnXs("an object is slots and no chunk; garbage is not counted", async (t) => {
  const { slots, chunkBytes } = await grown(t, "(new Uint8Array(5000).fill(1), { a: 1, b: 2 })");
  t.is(slots, 3);
  t.is(chunkBytes, 0);
});

testOnXs("a program goes on after it was measured", async (t) => {
  let asked = 0;
  const engine = await startXsEngine({
    bundle:
      "let n = 0; globalThis.handleCommand = () => { issueCommand(new ArrayBuffer(1)); return Uint8Array.of(++n).buffer; };",
    call: (request) => {
      asked++;
      return request;
    },
  });
  t.teardown(() => engine.stop());
  await engine.handle(Uint8Array.of(1));
  await engine.heap!();
  await engine.heap!();
  t.deepEqual((await engine.handle(Uint8Array.of(1))).reply, Uint8Array.of(2));
  t.is(asked, 2);
});

test("what is no snapshot is refused", (t) => {
  t.throws(() => heapUse(Buffer.alloc(100)), { message: /a snapshot of a 64-bit XS/ });
});
