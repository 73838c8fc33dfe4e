import { fromText, toText } from "../desktop/text.js";
import type { Setup, SetupReply } from "./setup.js";

/** Bytes of a line, without its end. */
export const MOST_LINE = 1024;

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Of a request: itself, and the fields of `set`. */
const DEPTH = 2;

/** Requests and answers as lines of JSON in UTF-8. What is not a request is answered too, and the next line is read as if nothing had been. */
export class SetupLines {
  readonly #setup: Setup;
  readonly #line = new Uint8Array(MOST_LINE);
  #length = 0;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** Takes what came, in pieces of any length. @returns the answers to the lines that ended in it */
  receive(bytes: Uint8Array): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (const byte of bytes) {
      if (byte !== LF) {
        if (this.#length < MOST_LINE) this.#line[this.#length] = byte;
        this.#length++;
        continue;
      }
      const length = this.#length;
      this.#length = 0;
      const answer = this.#answer(length);
      // A secret has nothing to do in RAM longer than it must.
      this.#line.fill(0, 0, Math.min(length, MOST_LINE));
      if (answer) answers.push(toText(`${JSON.stringify(answer)}\n`));
    }
    return answers;
  }

  #answer(length: number): SetupReply | undefined {
    if (length > MOST_LINE) return { error: "size" };
    const end = length > 0 && this.#line[length - 1] === CR ? length - 1 : length;
    if (end === 0) return undefined;
    return answerJson(this.#setup, this.#line.subarray(0, end));
  }
}

/** Answers a request in JSON. */
export function answerJson(setup: Setup, bytes: Uint8Array): SetupReply {
  // A parser goes as deep as it is sent, and the chip's stack does not.
  if (depthOf(bytes) > DEPTH) return { error: "request" };
  let text: string;
  try {
    text = fromText(bytes);
  } catch {
    return { error: "line" };
  }
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    return { error: "json" };
  }
  return setup.request(request);
}

/** How deep objects and arrays lie in each other. */
function depthOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let isQuoted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (isQuoted) {
      if (byte === BACKSLASH) i++;
    } else if (byte === 0x5b || byte === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}
