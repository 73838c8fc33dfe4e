import vm from "node:vm";
import { DeviceCrash, type Engine, type EngineOptions, NO_COST } from "./engine.js";

/** Runs the device program in a context of its own in this process: its own built-ins, nothing of Node's. */
export async function startNodeEngine(options: EngineOptions): Promise<Engine> {
  const context = vm.createContext({
    issueCommand: (request: ArrayBuffer) => {
      const answer = options.call(new Uint8Array(request));
      return answer.buffer.slice(answer.byteOffset, answer.byteOffset + answer.length);
    },
  });
  vm.runInContext(options.bundle, context, { filename: "everfull-device.js" });
  const handle = vm.runInContext("(event) => handleCommand(event)", context) as (event: ArrayBuffer) => ArrayBuffer | undefined;
  let stopped = false;
  return {
    name: "node",
    async handle(event) {
      if (stopped) throw new Error("engine: it was stopped");
      const { buffer, byteOffset, length } = event;
      try {
        const reply = handle((buffer as ArrayBuffer).slice(byteOffset, byteOffset + length));
        return { reply: new Uint8Array(reply ?? new ArrayBuffer(0)), cost: NO_COST };
      } catch (error) {
        const { message, stack } = error as Error;
        throw new DeviceCrash(`the device program threw: ${message ?? error}`, { cause: stack });
      }
    },
    async stop() {
      stopped = true;
    },
  };
}
