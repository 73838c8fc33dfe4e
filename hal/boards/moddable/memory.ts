import Instrumentation from "instrumentation";

/** Bytes that the system has free, beside the engine's heap; undefined but in a debug or instrumented build: a release build measures nothing. */
export function freeMemory(): number | undefined {
  const index = Instrumentation.map("System Free Memory");
  return index === undefined ? undefined : Instrumentation.get(index);
}
