import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import { RUN } from "../commands.js";
import type { Rig, Sampler, SensorCommand, Turn } from "./conversation.js";
import { SUBJECTS } from "./subjects.js";

/*
 * The sensors as a program for an engine that has nothing of Node. The hardware says what it said before, so that the steps are those of the sensor and its meter,
 * and next to nothing is the hardware's. The host prepares a turn, then runs it.
 */

interface Native {
  handleCommand(event: ArrayBuffer): ArrayBuffer | undefined;
  gc?(): void;
}

/** Callbacks of the IO that has some. */
interface Listener {
  onReadable(count: number): void;
  onWritable(count: number): void;
}

let answers: (number | Uint8Array | null)[] = [];
let at = 0;
let listener: Listener | undefined;
let sampler: Sampler | undefined;
let result: object | undefined;
let prepared: () => void = nothing;
const timers = new Map<number, () => void>();
let timer = 0;

const taken = (done: object) => {
  result = done;
};

class IO {
  constructor(options: Partial<Listener>) {
    if (options.onReadable) listener = options as Listener;
  }
  close(): void {}
}

class Numbers extends IO {
  read(): unknown {
    return answers[at++] ?? undefined;
  }
}

class Lines extends IO {
  read(): unknown {
    // As a native does it: a buffer of its own.
    return (answers[at++] as Uint8Array | null)?.buffer.slice(0);
  }
  write(): void {}
  writeRead(): unknown {
    return (answers[at++] as Uint8Array).buffer.slice(0);
  }
}

class Shifted extends IO {
  transfer(buffer: Uint8Array): void {
    buffer.set(answers[at++] as Uint8Array);
  }
}

class Output extends IO {
  write(): void {}
}

const rig: Rig = {
  io: {
    counter: Numbers as never,
    digital: IO as never,
    spi: Shifted as never,
    hold: IO as never,
    i2c: Lines as never,
    echo: Numbers as never,
    trigger: Output as never,
    serial: Lines as never,
  },
  clock: {
    ticks: () => answers[at++] as number,
    schedule(_delay, task) {
      const own = timer++;
      timers.set(own, task);
      return { cancel: () => timers.delete(own) };
    },
  },
};

function nothing(): void {}

/** What a turn does; looked up before, so that it is not counted. */
function doing(subject: string, { on, argument }: Turn): () => void {
  switch (on) {
    case "open": {
      const open = SUBJECTS[subject]!;
      return () => {
        sampler = open(rig);
      };
    }
    case "ask":
      return () => sampler!(taken);
    case "timer": {
      const task = timers.get(argument)!;
      timers.delete(argument);
      return task;
    }
    case "readable":
      return () => listener!.onReadable(argument);
    case "writable":
      return () => listener!.onWritable(argument);
  }
}

const native = globalThis as unknown as Native;
native.handleCommand = (event) => {
  if (event.byteLength === 1 && new Uint8Array(event)[0] === RUN) {
    prepared();
    return undefined;
  }
  const command = JSON.parse(fromText(new Uint8Array(event))) as SensorCommand;
  if (command.do === "result") {
    const left = answers.length - at;
    return toText(JSON.stringify({ result, left })).buffer as ArrayBuffer;
  }
  at = 0;
  answers = [];
  prepared = nothing;
  result = undefined;
  if (command.do === "turn") {
    answers = command.turn.answers.map((answer) =>
      typeof answer === "number" || answer === null ? answer : Uint8Array.from(answer),
    );
    prepared = doing(command.subject, command.turn);
  }
  native.gc?.();
  return undefined;
};
