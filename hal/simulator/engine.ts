import type { HeapUse } from "./heap-use.js";

/** What handling one event cost. */
export interface Cost {
  /** Bytecode steps; 0 where the engine does not count them. */
  readonly steps: number;
  /** Slots of the heap in use, garbage that was not yet collected included; 0 where the engine does not say. */
  readonly slots: number;
}

/** A JavaScript engine that runs the device program. */
export interface Engine {
  readonly name: "xs" | "node";
  /** Hands an event to the program and waits until it is handled. One at a time. */
  handle(event: Uint8Array): Promise<{ readonly reply: Uint8Array; readonly cost: Cost }>;
  /** What lives in the program's heap, after collecting garbage. Not there where the engine cannot tell. */
  heap?(): Promise<HeapUse>;
  /** Ends the program as a power cut does: nothing more of it runs. */
  stop(): Promise<void>;
}

export interface EngineOptions {
  /** The device program, as one script. */
  readonly bundle: string;
  /** Answers the program's calls. */
  call(request: Uint8Array): Uint8Array;
}

/** The program threw: a crash of the device. */
export class DeviceCrash extends Error {
  override name = "DeviceCrash";
}

export const NO_COST: Cost = Object.freeze({ steps: 0, slots: 0 });
