import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import type { Engine } from "../../../hal/simulator/engine.js";
import type { HeapUse } from "../../../hal/simulator/heap-use.js";
import { startProgram } from "../../hal/simulator/program-engine.js";
import { RUN } from "../commands.js";
import { median, sum } from "../table.js";
import type { SensorCommand, Turn } from "./conversation.js";
import { PARTS } from "./parts.js";
import type { Recorded, Transfer } from "./recorder.js";
import { SUBJECTS } from "./subjects.js";

/** What a sample of a sensor costs, its meter included. */
export interface SensorCost {
  readonly name: string;
  /** Turns of the loop from the question to the reading. */
  readonly turns: number;
  /** Bytecode steps of all of them: of a sample in which nothing happens, and of the costliest. */
  readonly steps: number;
  readonly mostSteps: number;
  /** Steps of the longest turn. */
  readonly longestTurn: number;
  /** Slots of the heap that a sample makes, all of which are garbage or replace what was there. */
  readonly slots: number;
  /** What sensor and meter have in the heap for good. */
  readonly rest: HeapUse;
  /** Milliseconds that a bus is busy, and those for which the loop stands still. */
  readonly busTime: number;
  readonly waitTime: number;
}

const SAMPLES = 36;
/** Until the windows of the meters are full. */
const WARM_UP = 12;
/** Milliseconds from one sample to the next, and the longest that a sample may take. */
const INTERVAL = 1000;
const PATIENCE = 10_000;
const TRIES = 100;

/** One sample, with the turns that came between the last one and it. */
interface Sampled {
  readonly before: readonly Recorded[];
  readonly turns: readonly Recorded[];
  readonly result: object;
}

interface Conversation {
  readonly opening: readonly Recorded[];
  readonly samples: readonly Sampled[];
}

/** Runs a subject in Node, with the parts of its tests. @throws Error when it gives no sample, or breaks a data sheet's rules */
export function converse(name: string): Conversation {
  const part = PARTS[name]!();
  const { recorder } = part;
  const taken = () => recorder.turns.splice(0);
  let sampler: ReturnType<(typeof SUBJECTS)[string]> | undefined;
  recorder.turn("open", 0, () => {
    sampler = SUBJECTS[name]!(recorder);
  });
  part.pass(INTERVAL);
  const opening = taken();
  const samples: Sampled[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    part.use(sample);
    const before = taken();
    let result: object | undefined;
    const ask = () =>
      recorder.turn("ask", 0, () =>
        sampler!((done) => {
          result = done;
        }),
      );
    if (part.begin) {
      part.begin();
      result = {};
    }
    for (let tries = 0; result === undefined && tries < TRIES; tries++) {
      ask();
      if (part.again === undefined) {
        part.pass(PATIENCE);
        break;
      }
      if (result === undefined) part.pass(part.again(tries));
    }
    if (result === undefined) throw new Error(`sensor costs: ${name} gives no sample`);
    samples.push({ before, turns: taken(), result });
    part.pass(INTERVAL);
  }
  if (part.violations.length > 0) throw new Error(`sensor costs: ${name}: ${part.violations}`);
  return { opening, samples };
}

/** Plays conversations to a sensor in XS. */
class Replay {
  readonly #engine: Engine;
  readonly #subject: string;
  #idle = { steps: 0, slots: 0 };

  static async start(subject: string): Promise<Replay> {
    const replay = new Replay(await startProgram("xs", new URL("program.js", import.meta.url)), subject);
    // The second time: what is made once is made.
    await replay.#run({ do: "nothing" });
    replay.#idle = await replay.#run({ do: "nothing" });
    return replay;
  }

  private constructor(engine: Engine, subject: string) {
    this.#engine = engine;
    this.#subject = subject;
  }

  /** Steps and slots of a turn. */
  async turn({ on, argument, answers }: Turn): Promise<{ steps: number; slots: number }> {
    const { steps, slots } = await this.#run({
      do: "turn",
      subject: this.#subject,
      turn: { on, argument, answers },
    });
    return { steps: steps - this.#idle.steps, slots: slots - this.#idle.slots };
  }

  /** @throws Error when the sensor asked less than it did in Node */
  async result(): Promise<object | undefined> {
    const { reply } = await this.#engine.handle(toText(JSON.stringify({ do: "result" })));
    const { result, left } = JSON.parse(fromText(reply)) as { result?: object; left: number };
    if (left !== 0)
      throw new Error(`sensor costs: ${this.#subject}: ${left} answers more than were asked for`);
    return result;
  }

  async heap(): Promise<HeapUse> {
    await this.#run({ do: "nothing" });
    return await this.#engine.heap!();
  }

  stop(): Promise<void> {
    return this.#engine.stop();
  }

  async #run(command: SensorCommand): Promise<{ steps: number; slots: number }> {
    const before = await this.#engine.handle(toText(JSON.stringify(command)));
    const { cost } = await this.#engine.handle(Uint8Array.of(RUN));
    return { steps: cost.steps, slots: cost.slots - before.cost.slots };
  }
}

/** Milliseconds of transfers. */
function time(transfers: readonly Transfer[]): number {
  return sum(transfers.map(({ bits, hz }) => (1000 * bits) / hz));
}

/**
 * What a sample of a subject costs in XS.
 *
 * @throws Error when the sensor gives other readings there than in Node
 */
export async function costOf(name: string): Promise<SensorCost> {
  const { opening, samples } = converse(name);
  const replay = await Replay.start(name);
  try {
    const empty = await replay.heap();
    for (const turn of opening) await replay.turn(turn);
    const totals: { steps: number; slots: number; longest: number }[] = [];
    for (const { before, turns, result } of samples) {
      for (const turn of before) await replay.turn(turn);
      const costs: { steps: number; slots: number }[] = [];
      let said: object | undefined;
      for (const turn of turns) {
        costs.push(await replay.turn(turn));
        said = (await replay.result()) ?? said;
      }
      if (JSON.stringify(said ?? {}) !== JSON.stringify(result))
        throw new Error(`sensor costs: ${name}: XS ${JSON.stringify(said)}, Node ${JSON.stringify(result)}`);
      totals.push({
        steps: sum(costs.map(({ steps }) => steps)),
        slots: sum(costs.map(({ slots }) => slots)),
        longest: Math.max(...costs.map(({ steps }) => steps)),
      });
    }
    const full = await replay.heap();
    const warm = totals.slice(WARM_UP);
    const transfers = samples.at(-1)!.turns.flatMap((turn) => turn.transfers);
    return {
      name,
      turns: median(samples.map(({ turns }) => turns.length)),
      steps: median(warm.map(({ steps }) => steps)),
      mostSteps: Math.max(...warm.map(({ steps }) => steps)),
      longestTurn: Math.max(...warm.map(({ longest }) => longest)),
      slots: median(warm.map(({ slots }) => slots)),
      rest: {
        slots: full.slots - empty.slots,
        slotBytes: full.slotBytes - empty.slotBytes,
        chunkBytes: full.chunkBytes - empty.chunkBytes,
      },
      busTime: time(transfers),
      waitTime: time(transfers.filter(({ isWaitedFor }) => isWaitedFor)),
    };
  } finally {
    await replay.stop();
  }
}

/** Of every sensor, in the order of the tables. */
export async function sensorCosts(): Promise<SensorCost[]> {
  const costs: SensorCost[] = [];
  for (const name of Object.keys(SUBJECTS)) costs.push(await costOf(name));
  return costs;
}
