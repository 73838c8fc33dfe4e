import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { DeviceCrash, type Engine, type EngineOptions } from "./engine.js";
import { type HeapUse, heapUse } from "./heap-use.js";
import { NetstringReader, netstring } from "./netstring.js";

const EVALUATE = Buffer.from("e");
const COMMAND = Buffer.from("?");
const SNAPSHOT = Buffer.from("w");
const ANSWER = Buffer.from("/");
const OK = 0x2e;
const ERROR = 0x21;
const QUERY = 0x3f;
const METER_END = 1;
/** Steps of one event after which the worker gives up: a loop without end is a fault, not a long computation. */
const STEP_LIMIT = 2_000_000_000;

/** The worker that `@agoric/xsnap` builds from XS's sources when it is installed; undefined when it is not there. */
export function findXsWorker(): string | undefined {
  const platform = { linux: "lin", darwin: "mac" }[process.platform as string];
  const root = findPackage();
  if (!platform || !root) return undefined;
  const worker = join(root, "xsnap-native", "xsnap", "build", "bin", platform, "release", "xsnap-worker");
  return existsSync(worker) ? worker : undefined;
}

/** The commands that bring the XS worker where it is missing; make and a C compiler are needed. */
export function xsFix(): string {
  const rebuild = "npm rebuild @agoric/xsnap";
  return findPackage()
    ? rebuild
    : `npm install @agoric/xsnap && npm install-scripts approve @agoric/xsnap && ${rebuild}`;
}

function findPackage(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve("@agoric/xsnap/package.json"));
  } catch {
    return undefined;
  }
}

/**
 * Runs the device program in XS, in a process of its own. The worker is driven directly, because its package's own API hardens
 * the built-ins of the process that uses it.
 *
 * @throws {Error} when there is no worker
 */
export async function startXsEngine(options: EngineOptions): Promise<Engine> {
  const worker = findXsWorker();
  if (!worker) throw new Error(`the XS engine is not built; to build it: ${xsFix()}`);
  const engine = new XsEngine(worker, options);
  try {
    await engine.evaluate(options.bundle);
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}

interface Pending {
  resolve(result: { reply: Uint8Array; cost: { steps: number; slots: number } }): void;
  reject(error: Error): void;
}

class XsEngine implements Engine {
  readonly name = "xs";
  readonly #process: ChildProcess;
  readonly #to: Writable;
  readonly #call: EngineOptions["call"];
  readonly #reader = new NetstringReader();
  readonly #ended: Promise<void>;
  #pending: Pending | undefined;
  #stopped = false;

  constructor(worker: string, options: EngineOptions) {
    this.#call = options.call;
    this.#process = spawn(worker, ["everfull", "-l", String(STEP_LIMIT)], {
      stdio: ["ignore", "inherit", "inherit", "pipe", "pipe"],
    });
    this.#to = this.#process.stdio[3] as Writable;
    // A worker that was stopped does not read any more.
    this.#to.on("error", () => {});
    (this.#process.stdio[4] as Readable).on("data", (chunk: Buffer) => this.#read(chunk));
    this.#ended = new Promise((resolve) => {
      const end = (why: string) => {
        this.#stopped = true;
        resolve();
        this.#settle()?.reject(new DeviceCrash(`the XS worker ended (${why})`));
      };
      this.#process.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
      this.#process.once("error", (error) => end(error.message));
    });
  }

  async evaluate(script: string): Promise<void> {
    await this.#send(EVALUATE, Buffer.from(script));
  }

  handle(event: Uint8Array) {
    return this.#send(COMMAND, event);
  }

  async heap(): Promise<HeapUse> {
    const folder = await mkdtemp(join(tmpdir(), "everfull-heap-"));
    try {
      const file = join(folder, "snapshot");
      await this.#send(SNAPSHOT, Buffer.from(file));
      return heapUse(await readFile(file));
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  #send(prefix: Uint8Array, bytes: Uint8Array): ReturnType<Engine["handle"]> {
    if (this.#stopped) return Promise.reject(new Error("engine: it was stopped"));
    if (this.#pending) return Promise.reject(new Error("engine: an event is being handled"));
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#to.write(netstring(prefix, bytes));
    });
  }

  #read(chunk: Buffer): void {
    try {
      this.#take(chunk);
    } catch (error) {
      this.#settle()?.reject(error as Error);
    }
  }

  #take(chunk: Buffer): void {
    for (const message of this.#reader.push(chunk)) {
      // What the worker had asked for before it was killed comes too late: the power is off.
      if (this.#stopped) return;
      const content = message.subarray(1);
      if (message[0] === QUERY) this.#to.write(netstring(ANSWER, this.#call(content)));
      else if (message[0] === OK) this.#settle()?.resolve(measured(content));
      else if (message[0] === ERROR)
        this.#settle()?.reject(new DeviceCrash(`the device program threw: ${content.toString()}`));
      else
        this.#settle()?.reject(
          new Error(`engine: the XS worker sent "${message.toString("latin1", 0, 20)}"`),
        );
    }
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}

/** A good answer of the worker: what was metered as JSON, a separator, the reply. */
function measured(content: Buffer) {
  const end = content.indexOf(METER_END);
  const meter = end < 0 ? {} : JSON.parse(content.toString("latin1", 0, end));
  return {
    reply: new Uint8Array(content.subarray(end + 1)),
    cost: { steps: Number(meter.compute ?? 0), slots: Number(meter.currentHeapCount ?? 0) },
  };
}
