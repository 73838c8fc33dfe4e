/*
 * Runs the device program in Moddable's simulator on Linux from what a host once told it, and tells what lives in its heap: after each event, and at the most at any
 * call of the board within it. The program is in flash, as on a chip, and garbage is collected before every look.
 *
 * The resource `transcript.bin` is a sequence of: u8 1 for an event or 2 for the board's answer to a call, u32 length, bytes; big endian.
 */

import Resource from "Resource";
import Debug from "debug";
import Instrumentation from "instrumentation";
import "program";

const ANSWER = 2;
const HEAD = 5;
const SLOTS = Instrumentation.map("XS Slot Heap Used");
const CHUNKS = Instrumentation.map("XS Chunk Heap Used");

export default function main() {
  const transcript = new Resource("transcript.bin");
  const view = new DataView(new ArrayBuffer(HEAD));
  const bytes = new Uint8Array(view.buffer);
  let at = 0;
  /** The head of the next record; 0 at the end. */
  const next = () => {
    if (at + HEAD > transcript.byteLength) return 0;
    bytes.set(new Uint8Array(transcript.slice(at, at + HEAD)));
    return view.getUint8(0);
  };
  const take = () => {
    const from = at + HEAD;
    at = from + view.getUint32(1);
    return transcript.slice(from, at);
  };
  const most = { slots: 0, chunks: 0 };
  const look = () => {
    Debug.gc();
    most.slots = Math.max(most.slots, Instrumentation.get(SLOTS));
    most.chunks = Math.max(most.chunks, Instrumentation.get(CHUNKS));
  };
  globalThis.issueCommand = () => {
    look();
    if (next() !== ANSWER) throw new Error("replay: the program does something else than it did");
    return take();
  };
  look();
  trace(`HEAP empty ${most.slots} ${most.chunks}\n`);
  for (let index = 0; next() !== 0; index++) {
    const event = take();
    most.slots = most.chunks = 0;
    globalThis.handleCommand(event);
    const peak = { ...most };
    most.slots = most.chunks = 0;
    look();
    trace(`HEAP ${index} ${peak.slots} ${peak.chunks} ${most.slots} ${most.chunks}\n`);
  }
  trace("HEAP end\n");
}
