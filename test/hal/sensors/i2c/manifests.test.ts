import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";

const ROOT = fileURLToPath(new URL("../../../../../", import.meta.url));
const FOLDER = "hal/sensors/i2c";

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const manifest = (path: string) =>
  JSON.parse(read(path)) as { modules: Record<string, string | string[]>; preload: string[] };

/** Modules that a module takes with it, itself included, from the project's folder. */
function taken(module: string, found = new Set<string>()): Set<string> {
  if (found.has(module)) return found;
  found.add(module);
  // Imports of types only are gone in the build.
  for (const [, names, from] of read(`${module}.ts`).matchAll(
    /^import (?!type )([^;]*?) from "(\..*?)\.js"/gms,
  ))
    if (!/^\{(\s*type [^,}]*,?)*\s*\}$/.test(names!))
      taken(relative(ROOT, resolve(ROOT, dirname(module), from!)), found);
  return found;
}

for (const sensor of ["vl6180x", "cartridge-memory", "pn532"])
  test(`the manifest of ${sensor} has what the sensor takes with it, and preloads it`, (t) => {
    const { modules, preload } = manifest(`${FOLDER}/${sensor}.manifest.json`);
    const common = new Set(manifest("manifest.json").preload);
    const own = [...taken(`${FOLDER}/${sensor}`)].filter((module) => !common.has(module)).sort();
    t.true(own.length > 1);
    t.deepEqual([...preload].sort(), own);
    t.deepEqual(
      [...(modules[`${FOLDER}/*`] as string[])].map((path) => path.replace("./", `${FOLDER}/`)).sort(),
      own,
    );
  });

test("a product without sensors on I2C has none of it in its image", (t) => {
  for (const module of taken("hal/index")) t.false(module.startsWith(FOLDER), module);
  t.false(JSON.stringify(manifest("manifest.json")).includes("i2c"));
});
