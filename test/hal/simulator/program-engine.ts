import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Engine } from "../../../hal/simulator/engine.js";
import { startNodeEngine } from "../../../hal/simulator/engine-node.js";
import { startXsEngine } from "../../../hal/simulator/engine-xs.js";

/** A program of a test, bundled as the device program is, in an engine. It asks its host for nothing. */
export async function startProgram(name: Engine["name"], entry: URL): Promise<Engine> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    write: false,
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
  const options = { bundle: outputFiles[0]!.text, call: (request: Uint8Array) => request };
  return await (name === "xs" ? startXsEngine(options) : startNodeEngine(options));
}
