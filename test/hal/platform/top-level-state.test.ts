import test from "ava";
import { deviceModules, ON_LINUX, scriptOf } from "./device-modules.js";
import { type Finding, topLevelState } from "./top-level-state.js";

const found = (script: string) =>
  topLevelState(script).map(({ line, name, what }: Finding) => `${line} ${name} ${what}`);

/** Modules with state, and what is found in each. */
const BAD: { readonly [what: string]: readonly [script: string, ...found: string[]] } = {
  "a counter": ["let count = 0;\nexport function bump() { return ++count; }", "1 count is a let"],
  "an exported let": ["export let mode = 1;", "1 mode is a let"],
  "a let that is destructured": ["let { a } = { a: 1 };", "1 a pattern is a let"],
  "a Map that is written": [
    "const seen = new Map();\nexport function see(x) { seen.set(x, 1); }",
    "2 seen is changed by set",
  ],
  "a Map with the name of a class": [
    "const Seen = new Map();\nexport const see = (x) => Seen.set(x, 1);",
    "2 Seen is changed by set",
  ],
  "a Set that is handed on": [
    "const seen = new Set();\nexport const all = () => seen;",
    "2 seen is a collection or buffer that is handed on",
  ],
  "a Map that is exported": [
    "export const seen = new Map();",
    "1 seen is a collection or buffer that is exported",
  ],
  "a buffer for all": [
    "const buffer = new Uint8Array(8);\nexport function put(x) { buffer[0] = x; }",
    "2 buffer is written",
  ],
  "a buffer that is filled": [
    "const buffer = Uint8Array.of(1, 2);\nexport const wipe = () => buffer.fill(0);",
    "2 buffer is changed by fill",
  ],
  "a buffer that an encoder gets": [
    "const buffer = new Uint8Array(8);\nexport const make = (encoder) => encoder.useBuffer(buffer);",
    "2 buffer is a collection or buffer that is handed on",
  ],
  "a view that is written": [
    "const view = new DataView(new ArrayBuffer(8));\nexport const put = (x) => view.setUint16(0, x);",
    "2 view is changed by setUint16",
  ],
  "a table that is changed": [
    "const table = [1, 2];\nexport function add(x) { table.push(x); }",
    "2 table is changed by push",
  ],
  "an object that is changed": [
    "const state = { count: 0 };\nexport function bump() { state.count += 1; }",
    "2 state is written",
  ],
  "an object within one": [
    "const state = { a: { b: [] } };\nexport function bump() { state.a.b.push(1); }",
    "2 state is changed by push",
  ],
  "a property that is deleted": [
    "const state = { a: 1 };\nexport function drop() { delete state.a; }",
    "2 state is written",
  ],
  "a property that is destructured into": [
    "const state = {};\nexport function take(list) { [state.a, state.b = 1] = list; }",
    "2 state is written",
    "2 state is written",
  ],
  "an object that is assigned to": [
    "const state = {};\nexport const take = (more) => Object.assign(state, more);",
    "2 state is changed by Object.assign",
  ],
  "a static counter": [
    "export class Pump {\n  static count = 0;\n  constructor() { Pump.count++; }\n}",
    "3 Pump is written",
  ],
  "a private static counter": [
    "class Pump {\n  static #count = 0;\n  run() { return ++Pump.#count; }\n}\nexport { Pump };",
    "3 Pump is written",
  ],
  "a static counter by this": [
    "export class Pump {\n  static count = 0;\n  static bump() { this.count++; }\n}",
    "3 Pump is written",
  ],
  "a static counter by the constructor": [
    "export class Pump {\n  static count = 0;\n  run() { this.constructor.count++; }\n}",
    "3 constructor has a static member that is written",
  ],
  "a static collection": [
    "export class Pump {\n  static all = new Set();\n  constructor() { Pump.all.add(this); }\n}",
    "2 all holds a collection or buffer",
    "3 Pump is changed by add",
  ],
  "a collection within a frozen object": [
    "export const held = Object.freeze({ all: new WeakMap() });",
    "1 held holds a collection or buffer",
  ],
  "an instance within an array": ["const list = [new Codec()];", "1 list holds what is an instance of Codec"],
  "an instance for all": [
    "import { Codec } from './codec.js';\nexport const codec = new Codec();",
    "2 codec is an instance of Codec",
  ],
  "what another module exports": [
    "import { limits } from './limits.js';\nexport function raise() { limits.most = 9; }",
    "2 limits is written",
  ],
  "a closure that keeps a counter": [
    "export const next = (() => {\n  let n = 0;\n  return () => ++n;\n})();",
    "1 next is a closure that keeps n",
  ],
  "a regular expression that keeps its place": [
    "const words = /\\w+/g;\nexport const first = (text) => words.exec(text);",
    "1 words is a regular expression that keeps its place",
  ],
};

for (const [what, [script, ...expected]] of Object.entries(BAD))
  test(`${what} is found`, (t) => {
    t.deepEqual(found(script), expected);
  });

const GOOD: { readonly [what: string]: string } = {
  "a constant": "export const LIMIT = 5;\nexport const LIMITS = Object.freeze({ a: [1] });",
  "a table that is only read":
    "const NAMES = new Map([[1, 'one']]);\nexport const nameOf = (n) => NAMES.get(n) ?? [...NAMES.keys()].length;",
  "a table that is made while the module is loaded":
    "const TABLE = new Uint32Array(4);\nfor (let i = 0; i < 4; i++) TABLE[i] = i;\nexport const at = (i) => TABLE[i];",
  "a local of the same name":
    "const list = [1];\nexport function copy() { const list = []; list.push(2); return list; }",
  "a parameter of the same name":
    "const state = { a: 1 };\nexport function set(state) { state.a = 2; }\nexport const get = () => state.a;",
  "a loop's own name":
    "const item = { a: 1 };\nexport function all(list) { for (const item of list) item.a = 2; return item.a; }",
  "fields of instances":
    "export class Pump {\n  count = 0;\n  #all = new Map();\n  run() { this.count++; this.#all.set(1, 2); }\n}",
  "a let within a function":
    "export function count(list) { let n = 0; for (const _ of list) n++; return n; }",
  "an own class's method that is called set":
    "class Store { static set() {} }\nexport const use = () => Store.set(1);",
  "a function at the top level that is called": "const make = () => ({ a: 1 });\nexport const made = make();",
  "a regular expression": "const HEX = /^[0-9a-f]*$/i;\nexport const isHex = (text) => HEX.test(text);",
  "an arrow in a static member":
    "export class Pump {\n  static of = (x) => new Pump(x);\n  constructor(x) { this.x = x; }\n}",
};

for (const [what, script] of Object.entries(GOOD))
  test(`${what} is no state`, (t) => {
    t.deepEqual(found(script), []);
  });

test("no device module keeps state at its top level", (t) => {
  const modules = deviceModules().filter((module) => !ON_LINUX.test(module));
  // A list that lost its modules would find nothing.
  for (const module of [
    "sdk/everfull",
    "sdk/ledger/journal",
    "hal/boards/esp32/board",
    "hal/sensors/hx711",
    "firmware/app",
  ])
    t.true(modules.includes(module), module);
  for (const module of modules) {
    t.deepEqual(found(scriptOf(module)), [], module);
  }
});
