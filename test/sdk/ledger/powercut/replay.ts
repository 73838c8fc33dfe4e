import { Codec } from "../../../../sdk/uplink/index.js";
import { bases, tryContent } from "./contents.js";
import { replay as replayHistory } from "./explorer.js";
import { geometryOf } from "./geometry.js";
import { runModel } from "./model.js";
import { replayRefusal } from "./refusals.js";
import type { Scenario } from "./scenarios.js";

/**
 * Reruns what failed under an id, and tells it step by step.
 *
 * @returns what failed, undefined when nothing did
 * @throws {RangeError} for what is not an id
 */
export function replay(
  id: string,
  scenarios: readonly Scenario[],
  tell: (text: string) => void,
): string | undefined {
  const [what, first, second] = id.split("/");
  switch (what) {
    case "refusal":
    case "wear":
      return replayRefusal(id, scenarios, geometryOf, tell);
    case "model": {
      const seed = whole(first);
      const operations = whole(second);
      return told(tell, () => runModel(seed, operations, new Codec(), tell));
    }
    case "content": {
      const seed = whole(first);
      return told(tell, () => tryContent(bases(scenarios), seed, tell));
    }
    default:
      return replayHistory(id, scenarios, tell);
  }
}

function told(tell: (text: string) => void, run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell(`failed: ${message}`);
    return message;
  }
  tell("nothing failed");
  return undefined;
}

function whole(text: string | undefined): number {
  if (!/^\d+$/.test(text ?? "")) throw new RangeError(`replay: a whole number is accepted (got "${text}")`);
  return Number(text);
}
