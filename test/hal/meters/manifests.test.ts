import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

const preloaded = (manifest: string) =>
  (JSON.parse(readFileSync(join(ROOT, manifest), "utf8")) as { preload: string[] }).preload;

for (const [folder, manifest] of [
  ["hal/meters", "manifest.json"],
  ["hal/meters/calibration", "hal/meters/calibration/calibration.manifest.json"],
  ["hal/meters/flow", "hal/meters/flow/volume-meter.manifest.json"],
] as const)
  test(`${manifest} preloads every module of ${folder}, and none of another folder beside it`, (t) => {
    const modules = readdirSync(join(ROOT, folder))
      .filter((file) => file.endsWith(".ts"))
      .map((file) => `${folder}/${file.slice(0, -3)}`);
    t.true(modules.length > 0);
    const listed = preloaded(manifest).filter((module) => module.startsWith("hal/meters/"));
    t.deepEqual(listed.sort(), modules.sort());
  });
