import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import type { Cost, Engine } from "../../../hal/simulator/engine.js";
import { startProgram } from "../../hal/simulator/program-engine.js";
import type { ProgramCommand } from "./program.js";

/** The forecast alone in an engine. */
export function startForecast(name: Engine["name"]): Promise<Engine> {
  return startProgram(name, new URL("program.js", import.meta.url));
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
