import { DEVICE_GLOBALS } from "./device-globals.js";

/*
 * Runs in XS before a program of {@link deviceLike}, and makes the engine as a chip's build of Moddable has it. What XS here cannot do as it does there, it does more
 * strictly or later, never more leniently; the README says where.
 */

/** What the rewritten program calls. */
export interface Platform {
  /** Takes the name and length from a function, and from all methods of a class. @returns it */
  nameless<Value>(value: Value): Value;
  /** The same for the methods of an object literal. */
  methods<Value extends object>(value: Value): Value;
  /** The modules are loaded: these are the values at their top level. */
  preloaded(values: readonly TopLevel[]): void;
}

/** The name of a binding, whether it is our own module's, and its value. */
export type TopLevel = readonly [name: string, isOurs: boolean, value: unknown];

type Callable = (...args: unknown[]) => unknown;
type Bag = Record<PropertyKey, unknown>;

/** What the worker needs to reach the program, and the program its host. */
const CHANNEL = ["handleCommand", "issueCommand", "eval"];

const realm = globalThis as unknown as Bag & {
  handleCommand: Callable;
  everfullPlatform?: Platform;
};
const { defineProperty, freeze, getOwnPropertyDescriptor, getPrototypeOf, getOwnPropertyNames } = Object;
const { ownKeys, apply } = Reflect;
const TypedArray = getPrototypeOf(Uint8Array) as unknown as { prototype: object };

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

/** Calls back for everything that an object holds: values, accessors, prototype. */
function forEachHeld(object: object, visit: (value: unknown) => void): void {
  for (const key of ownKeys(object)) {
    const { value, get, set } = getOwnPropertyDescriptor(object, key)!;
    visit(value);
    visit(get);
    visit(set);
  }
  visit(getPrototypeOf(object));
}

function stripName(value: unknown): void {
  if (typeof value !== "function") return;
  // Not those that a class has as static members of its own.
  for (const key of ["name", "length"]) {
    const own = getOwnPropertyDescriptor(value, key);
    if (own && "value" in own && !own.enumerable && own.configurable) delete (value as unknown as Bag)[key];
  }
}

/** Everything that can be reached from the globals. */
function builtIns(): Set<object> {
  const found = new Set<object>();
  const visit = (value: unknown) => {
    if (!isObject(value) || found.has(value)) return;
    found.add(value);
    forEachHeld(value, visit);
  };
  visit(realm);
  // What no global leads to.
  for (const value of [
    function* () {},
    async () => {},
    async function* () {},
    [][Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    ""[Symbol.iterator](),
  ])
    visit(getPrototypeOf(value));
  return found;
}

/** Module-level collections and buffers that a chip has in flash. */
const readOnly = new WeakSet<object>();
/** Everything that a chip has in flash. */
const inFlash = new WeakSet<object>();
const inSet = WeakSet.prototype.has;
const isReadOnly = (object: unknown) => isObject(object) && apply(inSet, readOnly, [object]);

/** Replaces methods by ones that refuse what lies in flash. */
function guard(
  prototype: object,
  keys: readonly string[],
  refusal: string,
  place: (self: object) => unknown = (self) => self,
): void {
  for (const key of keys) {
    const method = (prototype as Bag)[key] as Callable | undefined;
    if (method === undefined) continue;
    const guarded = {
      [key](this: object, ...args: unknown[]): unknown {
        if (isReadOnly(place(this))) throw new TypeError(refusal);
        return apply(method, this, args);
      },
    }[key];
    stripName(guarded);
    defineProperty(prototype, key, { value: guarded, writable: true, configurable: true, enumerable: false });
  }
}

const bufferOf = getOwnPropertyDescriptor(TypedArray.prototype, "buffer")!.get as Callable;
const viewed = getOwnPropertyDescriptor(DataView.prototype, "buffer")!.get as Callable;
const MAP = "this: read-only Map instance";
const SET = "this: read-only Set instance";
const BUFFER = "read-only buffer";

function guardCollections(): void {
  guard(Map.prototype, ["set", "delete", "clear"], MAP);
  guard(Set.prototype, ["add", "delete", "clear"], SET);
  guard(WeakMap.prototype, ["set", "delete"], "this: read-only WeakMap instance");
  guard(WeakSet.prototype, ["add", "delete"], "this: read-only WeakSet instance");
  guard(TypedArray.prototype, ["set", "fill", "copyWithin", "sort", "reverse"], BUFFER, (self) =>
    apply(bufferOf, self, []),
  );
  guard(
    DataView.prototype,
    getOwnPropertyNames(DataView.prototype).filter((key) => key.startsWith("set")),
    BUFFER,
    (self) => apply(viewed, self, []),
  );
}

/** XS marks what it visits, and cannot mark what is in flash. */
function guardJSON(): void {
  const { stringify } = JSON;
  const visit = (value: unknown, seen: Set<object>): void => {
    if (!isObject(value) || typeof value === "function" || seen.has(value)) return;
    if (apply(inSet, inFlash, [value])) throw new TypeError("read only value");
    seen.add(value);
    for (const key of Object.keys(value)) visit((value as Bag)[key], seen);
  };
  JSON.stringify = ((value: unknown, ...more: unknown[]) => {
    visit(value, new Set());
    return apply(stringify, JSON, [value, ...more]);
  }) as typeof JSON.stringify;
  stripName(JSON.stringify);
}

/** `bind` gives what it makes a name, and reads that of its function for it. */
function bindNameless(): void {
  const bind = {
    bind(this: Callable, self: unknown, ...first: unknown[]): unknown {
      const target = this;
      const bound = function (...rest: unknown[]): unknown {
        const all = [...first, ...rest];
        return new.target ? Reflect.construct(target, all) : apply(target, self, all);
      };
      stripName(bound);
      return bound;
    },
  }.bind;
  stripName(bind);
  defineProperty(Function.prototype, "bind", { value: bind });
}

function refuseNames(): void {
  for (const key of ["name", "length"])
    defineProperty(Function.prototype, key, {
      get() {
        throw new TypeError(`get ${key}: functions have none on the device`);
      },
      configurable: false,
    });
}

/** Bytes of typed arrays in flash as they were: elements can be written without any method. */
const images: { readonly name: string; readonly bytes: Uint8Array; readonly image: readonly number[] }[] = [];

function checkImages(): void {
  for (const { name, bytes, image } of images)
    for (let at = 0; at < image.length; at++)
      if (bytes[at] !== image[at]) throw new TypeError(`${name}[${at}]: ${BUFFER}`);
}

function keepInFlash(values: readonly TopLevel[], native: Set<object>): void {
  const visit = (value: unknown, name: string, isOurs: boolean): void => {
    if (!isObject(value) || native.has(value) || inFlash.has(value) || value === realm) return;
    inFlash.add(value);
    if (value instanceof Map || value instanceof Set) {
      readOnly.add(value);
      for (const item of value) visit(item, name, isOurs);
    }
    if (value instanceof WeakMap || value instanceof WeakSet) readOnly.add(value);
    const isView = ArrayBuffer.isView(value);
    if (isView || value instanceof ArrayBuffer) {
      const buffer = isView ? value.buffer : value;
      readOnly.add(buffer);
      const bytes = isView
        ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
        : new Uint8Array(value);
      images.push({ name, bytes, image: [...bytes] });
    }
    // An array's elements are no properties that could be frozen.
    if (!isView) {
      forEachHeld(value, (held) => visit(held, name, isOurs));
      // Plain objects and arrays can be changed on a chip, for RAM. In our modules they must not be.
      if (isOurs || typeof value === "function" || isPrototype(value)) freeze(value);
    } else visit(getPrototypeOf(value), name, isOurs);
  };
  for (const [name, isOurs, value] of values) visit(value, name, isOurs);
}

function isPrototype(object: object): boolean {
  const made = getOwnPropertyDescriptor(object, "constructor")?.value;
  return typeof made === "function" && made.prototype === object;
}

for (const key of getOwnPropertyNames(realm))
  if (!DEVICE_GLOBALS.includes(key) && !CHANNEL.includes(key)) delete realm[key];
guardCollections();
guardJSON();
const native = builtIns();
for (const value of native) stripName(value);
bindNameless();
refuseNames();

realm.everfullPlatform = {
  nameless(value) {
    stripName(value);
    if (typeof value === "function" && isObject(value.prototype)) {
      forEachHeld(value, stripName);
      if (getOwnPropertyDescriptor(value, "prototype")) forEachHeld(value.prototype as object, stripName);
    }
    return value;
  },
  methods(value) {
    forEachHeld(value, stripName);
    return value;
  },
  preloaded(values) {
    keepInFlash(values, native);
    for (const value of native) if (value !== realm && value !== realm.issueCommand) freeze(value);
    delete realm.everfullPlatform;
    delete realm.eval;
    const { handleCommand } = realm;
    realm.handleCommand = (...args) => {
      const reply = handleCommand(...args);
      checkImages();
      return reply;
    };
  },
};
