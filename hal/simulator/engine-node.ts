import vm from "node:vm";
import { DeviceCrash, type Engine, type EngineOptions, NO_COST } from "./engine.js";

/** Runs the device program in a context of its own in this process: its own built-ins, nothing of Node's. */
export async function startNodeEngine(options: EngineOptions): Promise<Engine> {
  let stopped = false;
  const context = vm.createContext({
    issueCommand: (request: ArrayBuffer) => {
      // The event in which it was stopped runs on to its end, but reaches nothing any more.
      if (stopped) throw new Error("engine: it was stopped");
      const answer = options.call(new Uint8Array(request));
      return answer.buffer.slice(answer.byteOffset, answer.byteOffset + answer.length);
    },
  });
  try {
    vm.runInContext(options.bundle, context, { filename: "everfull-device.js" });
  } catch (error) {
    throw crashOf(error);
  }
  const handle = vm.runInContext("(event) => handleCommand(event)", context) as (
    event: ArrayBuffer,
  ) => ArrayBuffer | undefined;
  return {
    name: "node",
    async handle(event) {
      if (stopped) throw new Error("engine: it was stopped");
      const { buffer, byteOffset, length } = event;
      try {
        const reply = handle((buffer as ArrayBuffer).slice(byteOffset, byteOffset + length));
        return { reply: new Uint8Array(reply ?? new ArrayBuffer(0)), cost: NO_COST };
      } catch (error) {
        throw crashOf(error);
      }
    },
    async stop() {
      stopped = true;
    },
  };
}

/** What was thrown belongs to the program's own context, so it is no `Error` here. */
function crashOf(error: unknown): DeviceCrash {
  const { message, stack } = (error ?? {}) as Partial<Error>;
  return new DeviceCrash(`the device program threw: ${message ?? error}`, { cause: stack });
}
