import type { UpdateBoard } from "../board.js";
import { CALL } from "./protocol.js";
import { type Host, join, partition, view } from "./request.js";
import { concat, fromText } from "./text.js";

/** Takers of what was fetched, by the numbers of their requests. */
export type Fetches = Map<number, (bytes: Uint8Array | undefined) => void>;

/** Two places for an image, a bootloader, a server and hashes that the host plays. @throws {Error} the host plays none */
export function desktopUpdate(host: Host, fetches: Fetches): UpdateBoard {
  const ask = (call: number, ...fields: number[]) =>
    host.request(view(call, 4 * fields.length, ...fields).buffer);
  const { size, blockLength, ledger } = JSON.parse(fromText(ask(CALL.updateStatus).slice()));
  let requests = 0;
  let digests = 0;
  return {
    flash: partition(host, ledger, CALL.updateRead, CALL.updateWrite, CALL.updateErase),
    port: {
      size,
      blockLength,
      running: (length) => ask(CALL.imageRunning, length).slice(),
      erase: (block) => void ask(CALL.imageErase, block),
      write: (block, bytes) => void host.request(join(CALL.imageWrite, block, bytes)),
      read: (block, length) => ask(CALL.imageRead, block, length).slice(),
      complete: (first) => void host.request(concat(Uint8Array.of(CALL.imageComplete), first).buffer),
      next: () => ask(CALL.imageNext)[0]!,
      arm: () => void ask(CALL.imageArm),
      settle: (slot, stays) => void host.request(Uint8Array.of(CALL.imageSettle, slot, stays ? 1 : 0).buffer),
    },
    fetch: ({ digest, offset, length, onDone }) => {
      const request = ++requests;
      fetches.set(request, (bytes) => {
        fetches.delete(request);
        onDone(bytes);
      });
      const head = new Uint8Array(view(CALL.imageFetch, 12, request, offset, length).buffer);
      host.request(concat(head, digest).buffer);
      return { cancel: () => void fetches.delete(request) };
    },
    digest: (algorithm) => {
      const number = ++digests;
      const kind = Uint8Array.of(algorithm === "SHA256" ? 0 : 1);
      return {
        write: (bytes) => void host.request(join(CALL.digestWrite, number, concat(kind, bytes))),
        close: () => ask(CALL.digestClose, number).slice(),
      };
    },
    restart: () => {
      ask(CALL.restart);
      throw new Error("board: it starts anew");
    },
  };
}
