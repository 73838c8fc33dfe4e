import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { transform } from "esbuild";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TYPINGS = join(ROOT, "node_modules", "@moddable", "typings");

interface Source {
  /** From the project's folder, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Sources under a folder, outside of the folders left out. */
function sources(folder: string, leftOut: readonly string[] = [], endings = /\.ts$/): Source[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.name === "node_modules" || leftOut.includes(path)) return [];
    if (entry.isDirectory()) return sources(path, leftOut, endings);
    return endings.test(entry.name) ? [{ path, text: readFileSync(join(ROOT, path), "utf8") }] : [];
  });
}

const SDK = sources("sdk");
const HAL = sources("hal", ["hal/simulator"]);
const SIMULATOR = sources("hal/simulator");
/** Left out: the names that the SDK and the HAL are published by on the device, one line each. */
const FIRMWARE = sources("firmware", ["firmware/published"]);
const EXAMPLES = sources("examples", [], /\.(ts|js|mjs)$/);

/** Every module that a source names: imports, exports, types. */
function imported(text: string): string[] {
  const patterns = [
    /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\b(?:import|require)\s*\(\s*["']([^"']+)["']/g,
    /^\s*\/\/\/\s*<reference\s+(?:types|path)\s*=\s*["']([^"']+)["']/gm,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]!));
}

/** Where a relative import leads, from the project's folder. */
function target(source: Source, specifier: string): string {
  return relative(ROOT, resolve(ROOT, dirname(source.path), specifier))
    .split(sep)
    .join("/");
}

/** What the Moddable SDK brings: its own names, as far as they are declared for the compiler. */
function isModdable(specifier: string): boolean {
  if (builtinModules.includes(specifier) || specifier.startsWith("node:")) return false;
  if (specifier.startsWith("embedded:") || specifier.startsWith("@moddable/typings/")) return true;
  return (
    existsSync(join(TYPINGS, `${specifier}.d.ts`)) ||
    [...HAL, ...FIRMWARE].some(
      ({ path, text }) => path.endsWith(".d.ts") && text.includes(`declare module "${specifier}"`),
    )
  );
}

/** `PATH imports SPECIFIER` for every import that is not allowed. */
function forbidden(
  list: readonly Source[],
  isAllowed: (specifier: string, path: string | undefined) => boolean,
): string[] {
  return list.flatMap((source) =>
    imported(source.text)
      .filter((specifier) => {
        const path = specifier.startsWith(".") ? target(source, specifier) : undefined;
        return !isAllowed(specifier, path);
      })
      .map((specifier) => `${source.path} imports ${specifier}`),
  );
}

const within = (path: string | undefined, ...rooms: readonly string[]) =>
  path !== undefined &&
  rooms.some((room) => path.startsWith(`${room}/`)) &&
  !path.startsWith("hal/simulator/");

const inSdk = (specifier: string, path?: string) =>
  within(path, "sdk") || ["cbor-x", "tweetnacl"].includes(specifier);
const inHal = (specifier: string, path?: string) =>
  within(path, "sdk", "hal") || (!path && isModdable(specifier));
/** Modules of kinds go by their published names, in the firmware's own product too: those are their names on the device. */
const isKind = (specifier: string) =>
  specifier === "everfull/firmware/image-update" ||
  (specifier.startsWith("everfull/firmware/") &&
    existsSync(join(ROOT, "firmware", "wiring", `${specifier.slice("everfull/firmware/".length)}.ts`)));
const inFirmware = (specifier: string, path?: string) =>
  within(path, "sdk", "hal", "firmware") || (!path && (isModdable(specifier) || isKind(specifier)));
const inExamples = (specifier: string, path?: string) =>
  path === undefined
    ? !/^everfull(\/|$)/.test(specifier) ||
      /^everfull(\/hal|\/firmware|\/simulator|\/update|\/notices|\/settings-link)?$/.test(specifier) ||
      isKind(specifier)
    : path.startsWith("examples/");

test("every room has sources", (t) => {
  for (const room of [SDK, HAL, SIMULATOR, FIRMWARE, EXAMPLES]) t.true(room.length > 4, room[0]?.path);
});

test("imports of every form are found", (t) => {
  const text = `
import a from "./a.js";
import {
  b,
  type B,
} from "./b.js";
import type { C } from './c.js';
export * from "./d.js";
export type { E } from "./e.js";
import "./f.js";
const g = await import("./g.js");
type H = import("./h.js").H;
/// <reference types="i" />
/* Not import x from "./comment.js", nor: */
const text = "import y";
`;
  t.deepEqual(imported(text).sort(), [
    "./a.js",
    "./b.js",
    "./c.js",
    "./d.js",
    "./e.js",
    "./f.js",
    "./g.js",
    "./h.js",
    "i",
  ]);
});

test("sdk/ imports nothing from outside but cbor-x and tweetnacl", (t) => {
  t.deepEqual(forbidden(SDK, inSdk), []);
  t.true(SDK.some(({ text }) => imported(text).includes("cbor-x")));
  const bad = ["node:fs", "../hal/index.js", "everfull", "cbor-x/node", "timer", "../examples/a.js", "mqtt"];
  const source = { path: "sdk/bad.ts", text: bad.map((specifier) => `import "${specifier}";`).join("\n") };
  t.is(forbidden([source], inSdk).length, bad.length);
});

test("hal/ imports sdk/, hal/ and the platform, and nothing of the simulator", (t) => {
  t.deepEqual(forbidden(HAL, inHal), []);
  t.true(isModdable("timer"));
  const bad = [
    "node:fs",
    "fs",
    "mqtt",
    "./simulator/index.js",
    "../firmware/app.js",
    "cbor-x",
    "no-such-module",
  ];
  const source = { path: "hal/bad.ts", text: bad.map((specifier) => `import "${specifier}";`).join("\n") };
  t.is(forbidden([source], inHal).length, bad.length);
});

test("firmware/ imports sdk/, hal/, firmware/ and the platform, and nothing of the simulator", (t) => {
  t.deepEqual(forbidden(FIRMWARE, inFirmware), []);
  const bad = [
    "node:net",
    "process",
    "../hal/simulator/index.js",
    "../examples/a.js",
    "everfull",
    "everfull/firmware/none",
  ];
  const source = {
    path: "firmware/bad.ts",
    text: bad.map((specifier) => `import "${specifier}";`).join("\n"),
  };
  t.is(forbidden([source], inFirmware).length, bad.length);
});

test("examples/ import the project only as everyone else can", (t) => {
  t.deepEqual(forbidden(EXAMPLES, inExamples), []);
  const bad = [
    "../../sdk/index.js",
    "../../hal/simulator/index.js",
    "everfull/sdk",
    "everfull/dist/sdk/index.js",
    "everfull/firmware/none",
  ];
  const source = {
    path: "examples/a/bad.ts",
    text: bad.map((specifier) => `import "${specifier}";`).join("\n"),
  };
  t.is(forbidden([source], inExamples).length, bad.length);
});

test("nothing but tests imports from test/", (t) => {
  const notTest = (_specifier: string, path?: string) => path === undefined || !path.startsWith("test/");
  t.deepEqual(forbidden([...SDK, ...HAL, ...SIMULATOR, ...FIRMWARE, ...EXAMPLES], notTest), []);
  const source = { path: "hal/simulator/bad.ts", text: `import "../../test/a.js";` };
  t.is(forbidden([source], notTest).length, 1);
});

/** What device code must not reach, each in a module of its own: its code, and what the compiler must name. */
const UNREACHABLE: Readonly<Record<string, readonly [code: string, named: string]>> = {
  "node-module": [`import { readFileSync } from "node:fs";\nexport const found = readFileSync;`, "node:fs"],
  "node-module-type": [`import type { Socket } from "node:net";\nexport type Found = Socket;`, "node:net"],
  "bare-node-module": [`import { createHash } from "crypto";\nexport const found = createHash;`, "crypto"],
  process: ["export const found = process.env;", "process"],
  buffer: [`export const found = Buffer.from("a");`, "Buffer"],
  console: [`console.log("a");\nexport {};`, "console"],
  "set-timeout": ["setTimeout(() => {}, 1);\nexport {};", "setTimeout"],
  document: ["export const found = document.body;", "document"],
  fetch: [`export const found = fetch("http://example.com");`, "fetch"],
  "text-encoder": ["export const found = new TextEncoder();", "TextEncoder"],
};

/** Errors of the compiler by file, for modules that are compiled with a room: its own configuration, among its own sources. */
function compile(room: string, modules: Readonly<Record<string, string>>): Map<string, string[]> {
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  // Within the project, so that packages are found as they are from the room.
  const folder = mkdtempSync(join(ROOT, "dist", `fixture-${room}-`));
  try {
    for (const [name, text] of Object.entries(modules))
      writeFileSync(join(folder, `${name}.ts`), `${text}\n`);
    const config = {
      extends: join(ROOT, room, "tsconfig.json"),
      compilerOptions: {
        composite: false,
        incremental: false,
        noEmit: true,
        tsBuildInfoFile: null,
        rootDir: ROOT,
      },
      files: Object.keys(modules).map((name) => `${name}.ts`),
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules", ".bin", "tsc");
    const { stdout, error } = spawnSync(tsc, ["--pretty", "false", "-p", folder], {
      cwd: folder,
      encoding: "utf8",
    });
    if (error) throw error;
    const errors = new Map(Object.keys(modules).map((name) => [name, [] as string[]]));
    for (const line of stdout.split("\n")) {
      const [, file, message] = /^(?:.*\/)?([^/(]+)\.ts\(\d+,\d+\): (error .*)$/.exec(line) ?? [];
      if (file && message) errors.get(file)?.push(message);
      else if (line.startsWith("error ")) throw new Error(line);
    }
    return errors;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const room of ["sdk", "hal", "firmware"])
  test(`the compiler refuses Node and the DOM in ${room}/`, (t) => {
    t.timeout(120_000);
    const own = { sdk: "Everfull", hal: "LoadCell", firmware: "startApp" }[room]!;
    const entry = room === "firmware" ? "app" : "index";
    const harmless = `import { ${own} } from "../../${room}/${entry}.js";\nexport const found = ${own};`;
    const unreachable = Object.entries(UNREACHABLE).map(([name, [code]]) => [`x-${name}`, code]);
    const errors = compile(room, { "x-harmless": harmless, ...Object.fromEntries(unreachable) });
    t.deepEqual(errors.get("x-harmless"), []);
    for (const [name, [, named]] of Object.entries(UNREACHABLE)) {
      const found = errors.get(`x-${name}`)!;
      t.true(
        // Not found: a name, a name of Node, a name of the DOM, a module.
        found.length > 0 &&
          found.every((error) => /^error TS(2304|2591|2584|2307|2580|2503|2552):/.test(error)),
        `${name}: ${found.join(" ") || "no error"}`,
      );
      t.true(
        found.some((error) => error.includes(`'${named}'`)),
        `${name}: ${found.join(" ")}`,
      );
    }
  });

/** Code without types and comments, each statement of a module at the begin of a line: as esbuild prints it. */
async function plain({ path, text }: Source): Promise<string> {
  const { code } = await transform(text, { loader: "ts", target: "esnext", sourcefile: path });
  return code;
}

async function found(list: readonly Source[], pattern: RegExp): Promise<string[]> {
  const lines = await Promise.all(
    list
      .filter(({ path }) => !path.endsWith(".d.ts"))
      .map(
        async (source) =>
          (await plain(source)).match(pattern)?.map((line) => `${source.path}: ${line.trim()}`) ?? [],
      ),
  );
  return lines.flat();
}

/** Time and chance come in through options, so that a run can be repeated. */
const AMBIENT =
  /.*(?:\bMath\.random\b|\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()|(?<!new )\bDate\(|\bperformance\b).*/g;

test("sdk/ and hal/ take neither the time nor chance from the engine, but for boards", async (t) => {
  const hal = HAL.filter(({ path }) => !path.startsWith("hal/boards/"));
  t.deepEqual(await found([...SDK, ...hal], AMBIENT), []);
  for (const text of ["Math.random()", "Date.now()", "new Date()", "new Date", "Date()", "performance.now()"])
    t.is((await found([{ path: "bad.ts", text: `export const found = ${text};` }], AMBIENT)).length, 1, text);
  t.deepEqual(
    await found([{ path: "good.ts", text: "// Math.random()\nexport const a = new Date(5);" }], AMBIENT),
    [],
  );
});

/** ECMAScript leaves the last bit of the others to the engine. */
const INEXACT =
  /.*\bMath\.(?!(?:abs|ceil|clz32|floor|fround|imul|max|min|round|sign|sqrt|trunc)\b)[a-z]\w*.*/g;

test("sdk/ computes only with what is exact in every engine", async (t) => {
  t.deepEqual(await found(SDK, INEXACT), []);
  for (const name of ["exp", "log", "pow", "cbrt", "sin", "hypot"])
    t.is((await found([{ path: "bad.ts", text: `export const a = Math.${name}(2);` }], INEXACT)).length, 1);
});
