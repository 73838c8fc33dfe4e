import nacl from "tweetnacl";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";
import { Ledger } from "../../../sdk/ledger/index.js";
import {
  encodeDescription,
  encodeUnsigned,
  type UpdatePort,
  Updater,
  UpdateState,
} from "../../../sdk/update/index.js";

/*
 * An update in an engine that counts. A command is one byte: 1 makes the device and offers it an image, 2 does the next slice of work. The answer is two
 * bytes: the number of the phase, and 1 when the device is to start anew.
 */

const BLOCK = 4096;
const SIZE = 20 * BLOCK + 1000;
const image = Uint8Array.from({ length: SIZE }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
const flash = new Uint8Array(22 * BLOCK).fill(0xff);
const native = globalThis as unknown as { handleCommand(event: ArrayBuffer): ArrayBuffer | undefined };

const port: UpdatePort = {
  size: flash.length,
  blockLength: BLOCK,
  running: (length) => new Uint8Array(length),
  erase: (block) => void flash.fill(0xff, block * BLOCK, (block + 1) * BLOCK),
  write: (block, bytes) => flash.set(bytes, block * BLOCK),
  read: (block, length) => flash.slice(block * BLOCK, block * BLOCK + length),
  complete: (first) => flash.set(first, 0),
  next: () => 1,
  arm: () => undefined,
  settle: () => undefined,
};

/** The platform's hashes are native; here, SHA-512 stands for both, worked out before anything is counted. */
const known: { readonly length: number; readonly hash: Uint8Array }[] = [];
const digest = () => {
  let length = 0;
  return {
    write: (bytes: Uint8Array) => {
      length += bytes.length;
    },
    close: () => known.find((one) => one.length === length)!.hash.slice(),
  };
};

let tasks: (() => void)[] = [];
let state: UpdateState | undefined;
let isRestarting = false;

function begin(): void {
  const pair = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(7));
  const unsigned = encodeUnsigned({
    key: 0,
    product: 1,
    chip: 5,
    version: 2,
    from: 0,
    size: SIZE,
    digest: nacl.hash(image).subarray(0, 32),
  });
  const signature = nacl.sign.detached(unsigned, pair.secretKey);
  const hashed = Uint8Array.of(...signature.subarray(0, 32), ...pair.publicKey, ...unsigned);
  known.push({ length: SIZE, hash: nacl.hash(image).slice(0, 32) });
  known.push({ length: hashed.length, hash: nacl.hash(hashed) });
  state = new UpdateState();
  const ledger = new Ledger({ flash: new NorFlash({ blocks: 4 }), parts: [state], warn: () => {} });
  ledger.open();
  const updater = new Updater({
    device: { product: 1, chip: 5, version: 1 },
    keys: [pair.publicKey],
    state,
    commit: (records) => ledger.commit(records),
    port,
    fetch: ({ offset, length, onDone }) => {
      const task = () => onDone(image.slice(offset, offset + length));
      tasks.push(task);
      return { cancel: () => undefined };
    },
    digest,
    // What is waited for longest is the end of a request, which comes before.
    schedule: (delay, task) => {
      if (delay < 1000) tasks.push(task);
      return {
        cancel: () => {
          tasks = tasks.filter((one) => one !== task);
        },
      };
    },
    random: () => 0,
    restart: () => {
      isRestarting = true;
    },
  });
  updater.start(true);
  updater.offer(encodeDescription(unsigned, signature));
}

const PHASES = [
  "idle",
  "described",
  "downloading",
  "staged",
  "trial",
  "confirmed",
  "rolledBack",
  "abandoned",
];

native.handleCommand = (bytes) => {
  const [command] = new Uint8Array(bytes);
  if (command === 1) begin();
  else if (command === 2) tasks.shift()?.();
  return Uint8Array.of(state ? PHASES.indexOf(state.phase) : 0, isRestarting ? 1 : 0).buffer;
};
