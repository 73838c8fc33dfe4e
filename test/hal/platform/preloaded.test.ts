import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import test from "ava";
import { deviceModules, ON_LINUX, ROOT, scriptOf } from "./device-modules.js";

interface Part {
  readonly modules?: Readonly<Record<string, string | readonly string[]>>;
  readonly preload?: readonly string[];
}

interface Manifest extends Part {
  readonly platforms?: Readonly<Record<string, Part>>;
}

/** All manifests of what is built for a device, from the project's folder. */
function manifests(): string[] {
  const files = ["sdk", "hal", "firmware"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  );
  return [
    "manifest.json",
    ...files.map((path) => path.split(sep).join("/")).filter((path) => /(^|[/.])manifest\.json$/.test(path)),
  ];
}

/** The sources that a part maps, from the project's folder, by the name of the module. */
function mapped(path: string, { modules = {} }: Part): Map<string, string> {
  const found = new Map<string, string>();
  const leftOut = new Set([modules["~"] ?? []].flat());
  for (const [specifier, paths] of Object.entries(modules)) {
    if (specifier === "~") continue;
    for (const pattern of [paths].flat())
      for (const file of filesOf(path, pattern)) {
        if (leftOut.has(pattern)) continue;
        found.set(specifier.replace("*", file.split("/").at(-1)!), file);
      }
  }
  return found;
}

/** TypeScript modules that a path of a manifest names, without their ending; `*` is all of a folder. */
function filesOf(manifest: string, pattern: string): string[] {
  if (pattern.startsWith("$")) return [];
  const file = relative(ROOT, resolve(ROOT, dirname(manifest), pattern))
    .split(sep)
    .join("/");
  if (!file.endsWith("/*")) return existsSync(join(ROOT, `${file}.ts`)) ? [file] : [];
  const folder = file.slice(0, -2);
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => `${folder}/${name.slice(0, -3)}`);
}

/** What manifests map, and which of it they preload. */
function read(): {
  readonly sources: Set<string>;
  readonly preloaded: Set<string>;
  readonly unknown: string[];
} {
  const sources = new Set<string>();
  const preloaded = new Set<string>();
  const unknown: string[] = [];
  for (const path of manifests()) {
    const manifest = JSON.parse(readFileSync(join(ROOT, path), "utf8")) as Manifest;
    const common = mapped(path, manifest);
    const names = new Set<string>();
    const known = new Set<string>();
    // What is common is preloaded from what each platform maps.
    for (const part of [{}, ...Object.values(manifest.platforms ?? {})] as Part[]) {
      const modules = new Map([...common, ...mapped(path, part)]);
      for (const source of modules.values()) sources.add(source);
      for (const name of [...(manifest.preload ?? []), ...(part.preload ?? [])]) {
        names.add(name);
        const source = modules.get(name);
        if (source === undefined) continue;
        known.add(name);
        preloaded.add(source);
      }
    }
    for (const name of names)
      if (!known.has(name) && /^(sdk|hal|firmware)\//.test(name)) unknown.push(`${path}: ${name}`);
  }
  return { sources, preloaded, unknown };
}

/** Whether anything of a module is left when its types are gone. */
function isCode(module: string): boolean {
  return (
    scriptOf(module)
      .replace(/^export \{\};$|\/\*.*?\*\//gms, "")
      .trim() !== ""
  );
}

test("every device module is mapped and preloaded by a manifest", (t) => {
  const { sources, preloaded } = read();
  const modules = deviceModules().filter(isCode);
  t.true(modules.length > 60, `${modules.length} modules`);
  t.deepEqual(
    modules.filter((module) => !sources.has(module)),
    [],
    "not under modules",
  );
  // Out of flash, its functions would take RAM at every start.
  t.deepEqual(
    modules.filter((module) => !preloaded.has(module) && !ON_LINUX.test(module)),
    [],
    "not under preload",
  );
});

test("every module of ours that a manifest preloads is there", (t) => {
  t.deepEqual(read().unknown, []);
});
