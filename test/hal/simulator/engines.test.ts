import { readFileSync } from "node:fs";
import test from "ava";
import { EVENT, EVENT_HEAD } from "../../../hal/boards/desktop/protocol.js";
import { DEVICE_PROGRAM } from "../../../hal/simulator/device-program.js";
import type { Engine } from "../../../hal/simulator/engine.js";
import { startNodeEngine } from "../../../hal/simulator/engine-node.js";
import { startXsEngine } from "../../../hal/simulator/engine-xs.js";
import { DeviceCrash, NorFlash } from "../../../hal/simulator/index.js";
import { testOnEngines, testOnXs } from "./support.js";

const START = { node: startNodeEngine, xs: startXsEngine };

/** A program that does what the first byte of an event says. */
const PROGRAM = `
  "use strict";
  let handled = 0;
  const text = (value) => Uint8Array.from(String(value), (c) => c.charCodeAt(0)).buffer;
  globalThis.handleCommand = (bytes) => {
    const event = new Uint8Array(bytes);
    handled++;
    switch (event[0]) {
      case 0: return event.slice(1).reverse().buffer;
      case 1: return issueCommand(event.slice(1).buffer);
      case 2: throw new RangeError("too hot");
      case 3: throw undefined;
      case 4: return undefined;
      case 5: return text(handled);
      case 6: return text([typeof process, typeof require, typeof Buffer, typeof setTimeout, typeof fetch]);
      case 7: {
        for (let i = 0; i < 50; i++) try { issueCommand(event.buffer); } catch {}
        return undefined;
      }
      case 8: for (;;);
      case 9: {
        let sum = 0;
        for (let i = 0; i < 256 * event[1]; i++) sum += i;
        return text(sum);
      }
    }
  };
`;

const event = (...bytes: number[]) => Uint8Array.from(bytes);
const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

async function start(
  name: Engine["name"],
  call: (request: Uint8Array) => Uint8Array = (request) => request,
  bundle = PROGRAM,
): Promise<Engine> {
  return START[name]({ bundle, call });
}

testOnEngines("an event is answered, and the program keeps its state", async (t, name) => {
  const engine = await start(name);
  t.teardown(() => engine.stop());
  t.is(engine.name, name);
  t.deepEqual((await engine.handle(event(0, 1, 2, 250))).reply, event(250, 2, 1));
  t.deepEqual((await engine.handle(event(4))).reply, event());
  t.is(latin((await engine.handle(event(5))).reply), "3");
});

testOnEngines("an event is the bytes of its view, not of the buffer behind it", async (t, name) => {
  const engine = await start(name);
  t.teardown(() => engine.stop());
  const all = event(9, 9, 0, 1, 2, 9);
  t.deepEqual((await engine.handle(all.subarray(2, 5))).reply, event(2, 1));
});

testOnEngines(
  "a call of the program is answered while it waits, bytes of any number and value",
  async (t, name) => {
    const asked: Uint8Array[] = [];
    const engine = await start(name, (request) => {
      asked.push(Uint8Array.from(request));
      // A view into something larger, as the board's answers are.
      return Buffer.concat([event(7), request, event(7)]).subarray(1, 1 + request.length);
    });
    t.teardown(() => engine.stop());
    const large = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
    t.deepEqual((await engine.handle(Buffer.concat([event(1), large]))).reply, large);
    t.deepEqual(asked, [large]);
    t.deepEqual((await engine.handle(event(1))).reply, event());
  },
);

testOnEngines("what the program throws is a crash of the device", async (t, name) => {
  const engine = await start(name);
  t.teardown(() => engine.stop());
  await t.throwsAsync(engine.handle(event(2)), { instanceOf: DeviceCrash, message: /too hot/ });
});

testOnEngines("a program that cannot be loaded is a crash of the device", async (t, name) => {
  await t.throwsAsync(start(name, undefined, `throw new Error("bad image");`), {
    instanceOf: DeviceCrash,
    message: /bad image/,
  });
  await t.throwsAsync(start(name, undefined, "let = ;"), { instanceOf: DeviceCrash });
});

testOnEngines("nothing of Node is in the program's reach", async (t, name) => {
  const engine = await start(name);
  t.teardown(() => engine.stop());
  t.is(latin((await engine.handle(event(6))).reply), Array(5).fill("undefined").join());
});

testOnEngines("stopped in the middle of an event, the program reaches nothing any more", async (t, name) => {
  let calls = 0;
  let stopped: Promise<void> | undefined;
  const engine = await start(name, (request) => {
    if (++calls === 3) stopped = engine.stop();
    return request;
  });
  await engine.handle(event(7)).catch((error) => t.true(error instanceof DeviceCrash));
  await stopped;
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  t.is(calls, 3);
  await t.throwsAsync(engine.handle(event(5)), { message: /it was stopped/ });
  await engine.stop();
});

testOnEngines("the device program is the same bundle, and knows the board's events", async (t, name) => {
  const flash = new NorFlash();
  const status = Buffer.from(JSON.stringify(flash.status()));
  const asked: number[] = [];
  const engine = await start(
    name,
    (request) => {
      asked.push(request[0]!);
      return Buffer.concat([event(0), status]);
    },
    readFileSync(DEVICE_PROGRAM, "utf8"),
  );
  t.teardown(() => engine.stop());
  const boards = (kind: number) => {
    const bytes = new Uint8Array(EVENT_HEAD);
    bytes[0] = kind;
    return bytes;
  };
  // Not booted: there is nothing to say yet.
  t.deepEqual((await engine.handle(boards(EVENT.inspect))).reply, event());
  t.deepEqual(asked, [1], "the board asks for the flash's geometry first");
  await t.throwsAsync(engine.handle(boards(99)), {
    instanceOf: DeviceCrash,
    message: /event 99 is not known/,
  });
});

test("Node: a throw of nothing is a crash of the device too", async (t) => {
  const engine = await start("node");
  await t.throwsAsync(engine.handle(event(3)), { instanceOf: DeviceCrash, message: /undefined/ });
});

test("Node counts no steps", async (t) => {
  const engine = await start("node");
  t.deepEqual((await engine.handle(event(9, 1))).cost, { steps: 0, slots: 0 });
});

testOnXs("XS counts the steps of an event: the same for the same, more for more", async (t) => {
  const steps = async () => {
    const engine = await start("xs");
    t.teardown(() => engine.stop());
    await engine.handle(event(9, 1));
    const costs = [];
    for (const amount of [1, 1, 10]) costs.push((await engine.handle(event(9, amount))).cost);
    return costs;
  };
  const [first, again, more] = await steps();
  t.true(first!.steps > 256);
  t.true(first!.slots > 0);
  t.is(again!.steps, first!.steps);
  t.true(more!.steps > 9 * (first!.steps - 200));
  t.deepEqual(
    (await steps()).map((cost) => cost.steps),
    [first!.steps, again!.steps, more!.steps],
    "another process counts alike",
  );
});

testOnXs("XS: an event that never ends is ended by stopping", async (t) => {
  const engine = await start("xs");
  const endless = engine.handle(event(8));
  await t.throwsAsync(engine.handle(event(5)), { message: /an event is being handled/ });
  await engine.stop();
  await t.throwsAsync(endless, { instanceOf: DeviceCrash, message: /SIGKILL/ });
});
