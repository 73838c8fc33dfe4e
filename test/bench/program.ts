import { DesktopBoard } from "../../hal/boards/desktop/board.js";
import { EVENT } from "../../hal/boards/desktop/protocol.js";
import { fromText, toText } from "../../hal/boards/desktop/text.js";
import { Everfull } from "../../sdk/everfull.js";
import { type Command, RUN, TEXT_CALL } from "./commands.js";
import { MESSAGES, MessageWork } from "./message-work.js";
import { slotsOf } from "./profiles.js";
import { JournalStore, RewriteStore, stateBytes, type TextStore } from "./stores.js";
import { Work } from "./work.js";

/*
 * The device program of the bench, run by XS or by Node. The host prepares a command, then runs it: so the cost of the run is that of the
 * work, without that of reading the command. Every other event is one for the board.
 */

/** First byte of a command: it is a JSON object. */
const COMMAND = 0x7b;
declare const issueCommand: (request: ArrayBuffer) => ArrayBuffer;
/** The engine's own, in C, where it has them: a rewrite of the state shall not pay for a loop over its characters. */
interface Native {
  handleCommand(event: ArrayBuffer): ArrayBuffer | undefined;
  gc?(): void;
  TextEncoder?: new () => { encode(text: string): Uint8Array };
  TextDecoder?: new () => { decode(bytes: Uint8Array): string };
}
const native = globalThis as unknown as Native;
const encoder = native.TextEncoder && new native.TextEncoder();
const decoder = native.TextDecoder && new native.TextDecoder();
const encode = (text: string) => (encoder ? encoder.encode(text) : toText(text));
const decode = (bytes: Uint8Array) => (decoder ? decoder.decode(bytes) : fromText(bytes));

const board = new DesktopBoard(issueCommand);
let work: Work | undefined;
let everfull: Everfull | undefined;
let message: MessageWork | undefined;
let prepared: () => Uint8Array | undefined = () => undefined;

const text: TextStore = {
  get() {
    const bytes = board.request(Uint8Array.of(TEXT_CALL.get).buffer);
    return bytes.length === 0 ? undefined : decode(bytes);
  },
  set(value) {
    const bytes = encode(value);
    const request = new Uint8Array(1 + bytes.length);
    request[0] = TEXT_CALL.set;
    request.set(bytes, 1);
    board.request(request.buffer);
  },
};

native.handleCommand = (bytes) => {
  const event = new DataView(bytes);
  if (event.getUint8(0) === COMMAND) {
    prepared = prepare(JSON.parse(fromText(new Uint8Array(bytes))) as Command);
    return undefined;
  }
  if (board.dispatch(event)) return undefined;
  if (event.getUint8(0) === EVENT.collect) native.gc?.();
  if (event.getUint8(0) !== RUN) return undefined;
  return prepared()?.slice().buffer as ArrayBuffer | undefined;
};

function prepare(command: Command): () => Uint8Array | undefined {
  switch (command.do) {
    case "work": {
      const { store, profile } = command;
      work = new Work(slotsOf(profile), (parts, slots) =>
        store === "journal"
          ? new JournalStore(parts, board.flash)
          : new RewriteStore(parts, slots, text, store),
      );
      return nothing;
    }
    case "task":
      return does(() => work!.perform(command.task));
    case "parse":
      return does(() => JSON.parse(text.get()!));
    case "state":
      return () => stateBytes(work!.parts);
    case "everfull": {
      const { profile, slots, key, utc } = command;
      const options = {
        identity: { serial: "EF-1", key: { number: 3, secret: Uint8Array.from(key) } },
        slots: slotsOf(profile, slots),
        broker: { host: "broker.example", port: 1883 },
        flash: board.flash,
        connect: board.connect,
        ticks: () => board.ticks(),
        schedule: (delay: number, task: () => void) => board.schedule(delay, task),
        random: () => board.random(),
        wallClock: () => utc,
        warn: (what: string) => board.log(what),
      };
      return does(() => {
        everfull = new Everfull(options);
      });
    }
    case "consume":
      return does(() => everfull!.consume(command.id, command.steps));
    case "queued":
      return () => Uint8Array.of(everfull!.figures.queued);
    case "refill":
      return does(() => everfull!.refill(command.id, command.steps));
    case "message":
      message = new MessageWork(MESSAGES[command.message], command.form, { encode, decode });
      return nothing;
    case "message-step":
      return () => message!.run(command.step);
  }
}

function does(what: () => unknown): () => undefined {
  return () => {
    what();
    return undefined;
  };
}

function nothing(): undefined {}
