import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import type { Cost, Engine } from "../../../hal/simulator/engine.js";
import { startNodeEngine } from "../../../hal/simulator/engine-node.js";
import { startXsEngine } from "../../../hal/simulator/engine-xs.js";
import type { ProgramCommand } from "./program.js";

/** The forecast alone in an engine. */
export async function startForecast(name: Engine["name"]): Promise<Engine> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("program.js", import.meta.url))],
    write: false,
    bundle: true,
    format: "iife",
    // As the device program is bundled.
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
  const options = { bundle: outputFiles[0]!.text, call: (request: Uint8Array) => request };
  return await (name === "xs" ? startXsEngine(options) : startNodeEngine(options));
}

export async function run(engine: Engine, command: ProgramCommand): Promise<{ hash: number } & Cost> {
  const { reply, cost } = await engine.handle(toText(JSON.stringify(command)));
  return { hash: JSON.parse(fromText(reply)) as number, ...cost };
}

/** Bytecode steps of day closes in XS, least first: learn, save, three dates, one probability. */
export async function stepsOfDays(engine: Engine): Promise<number[]> {
  const { steps: none } = await run(engine, "nothing");
  const days: number[] = [];
  for (let day = 0; day < 60; day++) days.push((await run(engine, "day")).steps! - none!);
  return days.sort((a, b) => a - b);
}
