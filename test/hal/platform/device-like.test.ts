import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { DeviceCrash } from "../../../hal/simulator/engine.js";
import { startXsEngine } from "../../../hal/simulator/engine-xs.js";
import { MonthOfTurns } from "../../bench/turns.js";
import { testOnXs } from "../simulator/support.js";
import { DEVICE_GLOBALS } from "./device-globals.js";
import { deviceLike } from "./device-like.js";

/** Runs a module on the engine that is made like a device: its top level, then an event in which it does something. */
async function run(t: ExecutionContext, topLevel: string, act: string): Promise<string> {
  const source = `${topLevel}\nglobalThis.handleCommand = () => {\n${act}\n};`;
  const engine = await startXsEngine({ bundle: await deviceLike({ source }), call: (request) => request });
  t.teardown(() => engine.stop());
  const { reply } = await engine.handle(new Uint8Array(1));
  return Buffer.from(reply).toString("latin1");
}

/** Has what an event evaluates to as its reply. */
const replying = (expression: string) =>
  `const text = String(${expression}); return Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer;`;

/** What works in Node and in the plain XS engine, and not on a device: the top level of a module, what an event does, and what it ends with. */
const FAILURES: { readonly [what: string]: readonly [topLevel: string, act: string, message: RegExp] } = {
  "the name of a function": ["function dose() {}", "return dose.name;", /functions have none/],
  "the name of an arrow function": ["const dose = () => 1;", "return dose.name;", /functions have none/],
  "the name of a function made at run time": [
    "",
    "const dose = () => 1; return dose.name;",
    /functions have none/,
  ],
  "the name of a class": ["class Pump {}", "return new Pump().constructor.name;", /functions have none/],
  "the name of a method": ["class Pump { run() {} }", "return new Pump().run.name;", /functions have none/],
  "the name of a method of an object": ["", "return { run() {} }.run.name;", /functions have none/],
  "the name of a declared function before its declaration": [
    "",
    "const n = f.name; function f() {} return n;",
    /functions have none/,
  ],
  "the length of a function": ["const mix = (a, b) => a + b;", "return mix.length;", /functions have none/],
  "the name of a built-in": ["", "return Uint8Array.name;", /functions have none/],
  "the name of an error's class": ["", "return new TypeError().constructor.name;", /functions have none/],
  TextEncoder: ["", "new TextEncoder();", /TextEncoder/],
  console: ["", "console.log(1);", /console/],
  setTimeout: ["", "setTimeout(() => {}, 1);", /setTimeout/],
  setImmediate: ["", "setImmediate(() => {});", /setImmediate/],
  crypto: ["", "crypto.getRandomValues(new Uint8Array(1));", /crypto/],
  performance: ["", "performance.now();", /performance/],
  structuredClone: ["", "structuredClone({});", /structuredClone/],
  "a global that only this XS has": ["", "harden({});", /harden/],
  "a module-level Map": ["const seen = new Map();", "seen.set(1, 2);", /read-only Map/],
  "a Map in a module-level object": [
    "const state = { seen: new Map() };",
    "state.seen.delete(1);",
    /read-only Map/,
  ],
  "a module-level Set": ["const seen = new Set([1]);", "seen.clear();", /read-only Set/],
  "a module-level WeakMap": ["const seen = new WeakMap();", "seen.set({}, 1);", /read-only WeakMap/],
  "an element of a module-level Uint8Array": [
    "const bytes = new Uint8Array(4);",
    "bytes[2] = 1;",
    /bytes of .*\[2\]: read-only buffer/,
  ],
  "a module-level Float64Array, filled": [
    "const values = new Float64Array(4);",
    "values.fill(0);",
    /read-only buffer/,
  ],
  "a module-level Uint8Array, set": [
    "const bytes = new Uint8Array(4);",
    "bytes.subarray(1).set([0]);",
    /read-only buffer/,
  ],
  "a module-level DataView": [
    "const view = new DataView(new ArrayBuffer(8));",
    "view.setUint16(0, 0);",
    /read-only buffer/,
  ],
  "a static field": ["class Pump { static count = 0; }", "Pump.count++;", /count: not writable/],
  "a module-level object": ["const state = { count: 0 };", "state.count++;", /count: not writable/],
  "an object within a module-level array": [
    "const list = [{ count: 0 }];",
    "list[0].count = 1;",
    /count: not writable/,
  ],
  "a module-level array": ["const list = [];", "list.push(1);", /not extensible/],
  "a method that is replaced": ["class Pump { run() {} }", "new Pump().run = 1;", /run: not writable/],
  "a class that is extended from outside": ["class Pump {}", "Pump.prototype.run = 1;", /not extensible/],
  "a built-in that is extended": ["", "Array.prototype.last = 1;", /not extensible/],
  "a property that Object.prototype has": ["", "({}).toString = 1;", /toString: not writable/],
  "the name of an error, set": [
    "class Jam extends Error { constructor() { super(); this.name = 'Jam'; } }",
    "new Jam();",
    /name: not writable/,
  ],
  "JSON of a module-level object": [
    "const limits = { most: 9 };",
    "JSON.stringify(limits);",
    /read only value/,
  ],
  "JSON with a module-level object in it": [
    "const limits = { most: 9 };",
    "JSON.stringify({ a: [limits] });",
    /read only value/,
  ],
};

for (const [what, [topLevel, act, message]] of Object.entries(FAILURES))
  testOnXs(`${what} is caught`, async (t) => {
    await t.throwsAsync(run(t, topLevel, act), { instanceOf: DeviceCrash, message });
  });

/** What does work on a device, so that the guard must let it pass: an expression, and what it is. */
const SUCCESSES: { readonly [what: string]: readonly [topLevel: string, expression: string, value: string] } =
  {
    "an error with a name as a field": [
      "class Jam extends Error { name = 'Jam'; }",
      "new Jam('paper')",
      "Jam: paper",
    ],
    "asking for a global that is missing": ["", "typeof TextEncoder", "undefined"],
    "the name of an instance": ["", "new RangeError('low').name", "RangeError"],
    "a class's own static name": ["class Pump { static name = 'pump'; }", "Pump.name", "pump"],
    "a collection of an instance": [
      "class Pump { runs = new Map(); }",
      "new Pump().runs.set(1, 2).size",
      "1",
    ],
    "a buffer made at run time": ["", "Uint8Array.of(1, 2).fill(7)", "7,7"],
    "a copy of a module-level array": ["const list = [1, 2];", "[...list, 3]", "1,2,3"],
    "reading a module-level Map": ["const names = new Map([[1, 'one']]);", "names.get(1)", "one"],
    "JSON of a copy": ["const limits = { most: 9 };", "JSON.stringify({ ...limits })", '{"most":9}'],
    "a private counter of an instance": [
      "class Pump { #n = 0; run() { return ++this.#n; } }",
      "new Pump().run()",
      "1",
    ],
    "a function bound": ["function add(a, b) { return a + b; }", "add.bind(undefined, 1)(2)", "3"],
  };

for (const [what, [topLevel, expression, value]] of Object.entries(SUCCESSES))
  testOnXs(`${what} passes`, async (t) => {
    t.is(await run(t, topLevel, replying(expression)), value);
  });

testOnXs("without the module that puts the names back, cbor-x does not load, as on a device", async (t) => {
  const bundle = await deviceLike({ without: ["everfull/platform/typed-array-names"] });
  await t.throwsAsync(startXsEngine({ bundle, call: (request) => request }), { instanceOf: DeviceCrash });
});

testOnXs(
  "the device program sends the same bytes as on the plain engine, over orders, a power cut and a restart",
  async (t) => {
    const month = async (program?: string) => {
      const household = new MonthOfTurns("xs", undefined, undefined, undefined, program);
      await household.start("empty flash");
      for (let day = 0; day < 22; day++) {
        if (day === 18) {
          await household.to(day, 12);
          await household.cut();
          await household.start("after a power cut");
        }
        await household.day(day);
      }
      await household.cut();
      return household;
    };
    const plain = await month();
    const device = await month(await deviceLike());
    t.deepEqual(device.sent, plain.sent);
    t.deepEqual(device.media.flash.bytes, plain.media.flash.bytes);
    // It did something worth comparing.
    t.is(plain.gateway.intents.length, 4);
    t.true(plain.gateway.confirmed >= 8, "the outcomes of the orders came down and were confirmed");
    t.true(plain.turns.some(({ kind }) => kind.startsWith("load cell")));
    t.deepEqual(plain.gateway.problems, []);
  },
);

const XS_NAMES = join(process.env.MODDABLE ?? "", "xs", "sources", "xsCommon.h");

(process.env.MODDABLE && existsSync(XS_NAMES) ? test : test.skip)(
  "the list of globals is that of the Moddable SDK",
  (t) => {
    const [, names = ""] = /_AggregateError,(.*?)_AsyncFunction,/s.exec(readFileSync(XS_NAMES, "utf8"))!;
    // On a chip neither is built: C functions named in JavaScript are resolved while it is linked.
    const left = names.replace(/#if mx(ModuleStuff|Native).*?#endif/gs, "");
    const listed = [
      "AggregateError",
      "global",
      "globalThis",
      ...[...left.matchAll(/_(\w+),/g)].map(([, name]) => name),
    ];
    t.deepEqual([...DEVICE_GLOBALS].sort(), listed.sort());
  },
);
