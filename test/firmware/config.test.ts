import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import fc from "fast-check";
import product from "../../firmware/any/index.js";
import { ConfigError, checkedDevice } from "../../firmware/check.js";
import { EverfullError } from "../../sdk/index.js";
import { configOf, TestBoard } from "./test-board.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

interface Schema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: "object" | "array" | "string" | "integer" | "number";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly allOf?: readonly {
    readonly if: { readonly properties: { readonly kind: { readonly const: string } } };
    readonly then: Schema;
  }[];
}

interface Configuration {
  schemaOf(product?: string): Schema & { readonly $defs: Readonly<Record<string, Schema>> };
  validator(schema: object): Promise<(value: unknown) => { readonly path: string }[]>;
}

const { schemaOf, validator } = (await import(
  join(ROOT, "firmware", "moddable", "configuration.mjs")
)) as Configuration;
const SCHEMA = schemaOf();
const validate = await validator(SCHEMA);

const resolve = (schema: Schema): Schema =>
  schema.$ref ? SCHEMA.$defs[schema.$ref.replace("#/$defs/", "")]! : schema;
const kindsOf = (schema: Schema) => schema.allOf!.map((choice) => choice.then);

/** Values that a schema accepts, their limits among them. */
function valid(reference: Schema): fc.Arbitrary<unknown> {
  const schema = resolve(reference);
  if ("const" in schema) return fc.constant(schema.const);
  if (schema.allOf) return fc.oneof(...kindsOf(schema).map(valid));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const { minimum: least = 0.001, maximum: most = schema.exclusiveMaximum ?? 60_000 } = schema;
  switch (schema.type) {
    case "integer":
      return fc.oneof(fc.integer({ min: least, max: most }), fc.constantFrom(least, most));
    case "number":
      return fc
        .oneof(fc.double({ min: least, max: most, noNaN: true }), fc.constant(least))
        .filter((value) => value !== most && value !== 0);
    case "string":
      return schema.pattern
        ? fc.stringMatching(new RegExp(schema.pattern))
        : fc.string({ minLength: 1, maxLength: 8 });
    case "array":
      return fc.array(valid(schema.items!), { minLength: 1, maxLength: 3 });
    default: {
      const { properties = {}, required = [] } = schema;
      const fields = Object.fromEntries(Object.entries(properties).map(([key, of]) => [key, valid(of)]));
      return fc.record(fields, { requiredKeys: [...required] });
    }
  }
}

type Json = Record<string, unknown>;

/** What depends on each other in a description. */
interface Sensing {
  readonly kind: string;
  readonly full?: number;
  readonly empty?: number;
  readonly curve?: readonly { readonly rate: number }[];
  readonly most?: number;
  readonly modulus?: number;
}

/** Every field and element of a value, with what holds it. */
function places(value: unknown): { readonly holder: Json; readonly key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [{ holder: value as Json, key }, ...places(inner)]);
}

const STRANGE: readonly unknown[] = [
  ...[-1, 0, 0.5, 1, 2, 6, 7, 255, 256, 366, 841, -841, 9999.5, 10_000, 65_535, 65_536, 86_400_001, 1e12],
  ...[
    "",
    "x",
    "5",
    "a b",
    "07".repeat(32),
    "0g".repeat(32),
    "count",
    "load-cell",
    "tag-reader",
    "constructor",
  ],
  ...[null, true, [], {}, { kind: "dose-counter" }],
];

/** Makes the fields of each slot fit together. */
function fitted(config: unknown): unknown {
  const { slots } = config as { slots: Record<string, number>[] };
  slots.forEach((slot, index) => {
    const { capacity = 1, noise, smallestUse } = slot;
    const sensor = slot.sensor as unknown as {
      full?: number;
      empty?: number;
      kind: string;
      curve?: { rate: number }[];
      most?: number;
      modulus?: number;
    } & Json;
    Object.assign(slot, { id: `s${index}` });
    if (noise !== undefined) slot.noise = noise % capacity;
    if (smallestUse !== undefined) slot.smallestUse = Math.min(smallestUse, capacity);
    if (sensor.full !== undefined)
      Object.assign(sensor, { full: sensor.full / 2, empty: 2 + sensor.empty! / 2 });
    if (["load-cell", "ultrasonic", "time-of-flight"].includes(sensor.kind)) delete slot.identity;
    if (sensor.curve) delete sensor.pulsesPerLitre;
    else delete sensor.temperature;
    if (sensor.kind === "flow-meter" && !sensor.curve) sensor.pulsesPerLitre ??= 450;
    sensor.curve?.sort((a, b) => a.rate - b.rate);
    for (const [at, point] of (sensor.curve ?? []).entries()) point.rate += at;
    if (sensor.kind === "page-counter") sensor.most = Math.min(sensor.most ?? 1, (sensor.modulus ?? 3) - 1);
  });
  return config;
}

/** Configurations: most of them with something changed, left out or put in. */
const configuration = fc
  .tuple(
    fc.oneof({ weight: 5, arbitrary: valid(SCHEMA).map(fitted) }, { weight: 1, arbitrary: valid(SCHEMA) }),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom("change", "change", "leave out", "put in"),
        fc.constantFrom(...STRANGE),
      ),
      { maxLength: 2 },
    ),
  )
  .map(([config, changes]) => {
    const changed = JSON.parse(JSON.stringify(config)) as unknown;
    for (const [at, how, strange] of changes) {
      const all = places(changed);
      const { holder, key } = all[at % all.length]!;
      if (how === "change") holder[key] = strange;
      else if (how === "put in" && !Array.isArray(holder)) holder[at % 2 ? "opening" : "extra"] = strange;
      else if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
    }
    return changed;
  });

/** What no schema can say, and the schema's description does: only for what the schema accepts. */
function fits(config: unknown): boolean {
  const { slots } = config as {
    slots: { id: string; capacity: number; noise?: number; smallestUse?: number; sensor: Json & Sensing }[];
  };
  return (
    new Set(slots.map(({ id }) => id)).size === slots.length &&
    slots.every(
      ({ capacity, noise = 0, smallestUse = 0, sensor }) =>
        noise < capacity &&
        smallestUse <= capacity &&
        (sensor.empty === undefined || sensor.empty > sensor.full!) &&
        (sensor.kind !== "page-counter" || (sensor.most ?? 0) < (sensor.modulus ?? 2 ** 32)) &&
        (sensor.curve ?? []).every(({ rate }, i, curve) => i === 0 || rate > curve[i - 1]!.rate),
    )
  );
}

class Line {
  close(): void {}
}

/** The device's own verdict: what it refuses to start with; undefined when it starts. */
function refusal(config: unknown): Error | undefined {
  const board = new TestBoard();
  const io = Line as never;
  board.io = { Serial: io, I2C: io, PulseWidth: io, Output: io };
  try {
    board.start(product, config as never).close();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

test("what the schema refuses, the device refuses, and the other way round", (t) => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(configuration, (config) => {
      const wrong = validate(config).map(({ path }) => path);
      const byBuild = wrong.length === 0 && fits(config);
      const error = refusal(config);
      if (byBuild) accepted++;
      else refused++;
      if (byBuild !== (error === undefined))
        throw new Error(`device: ${error}; schema: ${wrong.join(" ") || "accepted"}`);
      // Anything else would have been found only by opening something.
      if (error && !(error instanceof ConfigError || error instanceof EverfullError)) throw error;
    }),
    { numRuns: 800 },
  );
  t.true(accepted > 60 && refused > 60, `${accepted} accepted, ${refused} refused`);
});

const GOOD = configOf([{ sensor: { kind: "dose-counter", pin: 4, stepsPerDose: 1 } }]);

test("a refused configuration is named: where, what it is, and what is accepted", (t) => {
  const sensor = GOOD.slots[0]!.sensor;
  const withSlot = (more: object) => ({ ...GOOD, slots: [{ ...GOOD.slots[0], ...more }] });
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [{ ...GOOD, broker: { ...GOOD.broker, password: "a b" } }, "broker.password", /printable ASCII/],
    [undefined, "", /^configuration: an object is accepted \(got undefined\)$/],
    [{ ...GOOD, serial: 5 }, "serial", /serial: a text is accepted \(got 5\)/],
    [{ ...GOOD, broker: { host: "a" } }, "broker.port", /broker\.port: missing; a number is accepted/],
    [withSlot({ refil: 5 }), "slots[0].refil", /slots\[0\]\.refil: not known/],
    [withSlot({ policy: { leadDays: "7" } }), "slots[0].policy.leadDays", /a number is accepted \(got "7"\)/],
    [
      withSlot({ sensor: { ...sensor, pin: 4.5 } }),
      "slots[0].sensor.pin",
      /a whole number from 0 to 255 is accepted \(got 4\.5\)/,
    ],
    [
      withSlot({ sensor: { kind: "scale" } }),
      "slots[0].sensor.kind",
      /one of \[dose-counter, .*, time-of-flight\] is accepted \(got "scale"\)/,
    ],
    [withSlot({ identity: sensor }), "slots[0].identity.kind", /one of \[cartridge-memory, tag-reader\]/],
    [
      withSlot({ sensor: { kind: "time-of-flight", data: 1, clock: 2, full: 1, empty: 1, interval: 1000 } }),
      "slots[0].sensor.empty",
      /more metres than full is accepted \(got 1\)/,
    ],
  ];
  for (const [config, path, message] of cases) {
    const error = t.throws(() => checkedDevice(config, product.kinds), { instanceOf: ConfigError, message });
    t.is(error!.path, path);
  }
});

test("a slot whose sensor sees refills has no identity", (t) => {
  const slot = {
    sensor: { kind: "time-of-flight", data: 1, clock: 2, full: 0, empty: 1, interval: 1000 },
    identity: { kind: "tag-reader", data: 1, clock: 2, interval: 1000 },
  };
  t.regex(
    refusal(configOf([slot]))!.message,
    /identity: nothing is accepted, as a time-of-flight sees refills/,
  );
  t.is(validate(configOf([slot])).length, 1);
});

test("a refused secret is not repeated, neither by the device nor by the build", (t) => {
  for (const secret of [123_456_789, "0g".repeat(32), "1234567890abcdef", ["12345678"]]) {
    const config = { ...GOOD, key: { number: 1, secret } };
    const error = t.throws(() => checkedDevice(config, product.kinds), { instanceOf: ConfigError });
    t.is(error!.path, "key.secret");
    t.false(/1234|0g0g/.test(error!.message), error!.message);
    t.false(/1234|0g0g/.test(JSON.stringify(validate(config))));
  }
});

/** A type in TypeScript that is what a schema accepts, as far as types go. */
function typeOf(reference: Schema): string {
  const schema = resolve(reference);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.allOf) return kindsOf(schema).map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `readonly (${typeOf(schema.items!)})[]`;
  if (schema.type !== "object") return schema.type === "string" ? "string" : "number";
  const fields = Object.entries(schema.properties!).map(
    ([key, of]) => `readonly ${key}${schema.required?.includes(key) ? "" : "?"}: ${typeOf(of)};`,
  );
  return `{ ${fields.join(" ")} }`;
}

test("the types are those of the schema, field by field", (t) => {
  t.timeout(120_000);
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, "dist", "fixture-config-"));
  const compile = (type: string) => {
    writeFileSync(
      join(folder, "types.ts"),
      `import type { DeviceConfig, SlotConfig } from "../../firmware/config.js";
type Plain<T> = T extends readonly (infer E)[] ? readonly Plain<E>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Same<A, B> = (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false;
type FromSchema = ${type};
export const same: Same<DeviceConfig, FromSchema> = true;
export const sameSlot: Same<SlotConfig, FromSchema["slots"][number]> = true;
`,
    );
    const config = {
      extends: join(ROOT, "firmware", "tsconfig.json"),
      compilerOptions: {
        composite: false,
        incremental: false,
        noEmit: true,
        tsBuildInfoFile: null,
        rootDir: ROOT,
      },
      files: ["types.ts"],
      include: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules", ".bin", "tsc");
    return spawnSync(tsc, ["--pretty", "false", "-p", folder], { cwd: folder, encoding: "utf8" }).stdout;
  };
  try {
    const type = typeOf(SCHEMA);
    t.is(compile(type), "");
    // That a field more, a field less and an option that is none would be found.
    for (const [from, to] of [
      ["readonly opening?: number;", ""],
      ["readonly opening?: number;", "readonly opening: number;"],
      ["readonly refillButton?: number;", "readonly refillButton?: number; readonly extra?: number;"],
      ["readonly sensing?:", "readonly sensing?: 5 |"],
    ] as const) {
      t.true(type.includes(from));
      t.regex(compile(type.replace(from, to)), /TS2322/);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the schema describes every kind of the firmware, and no other", (t) => {
  for (const place of ["sensor", "identity"] as const) {
    const kinds = product.kinds.filter((kind) => kind.place === place).map(({ kind }) => kind);
    t.deepEqual([...(SCHEMA.$defs[place]!.properties!.kind!.enum as string[])].sort(), [...kinds].sort());
  }
  const seeing = product.kinds.filter(({ seesRefills }) => seesRefills).map(({ kind }) => kind);
  const excluded = JSON.parse(readFileSync(join(ROOT, "firmware", "config.schema.json"), "utf8")).$defs.slot
    .if.properties.sensor.properties.kind.enum as string[];
  t.deepEqual([...excluded].sort(), [...seeing].sort());
});
