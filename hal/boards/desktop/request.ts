import type { FlashPartition } from "../../../sdk/index.js";
import { concat } from "./text.js";

/** Takes a request of the device to its end. */
export interface Host {
  /** @throws {Error} what the host refused, with its reason */
  request(request: ArrayBuffer): Uint8Array;
}

/** A request with `room` bytes of fields, filled with 32-bit numbers. */
export function view(call: number, room: number, ...fields: number[]): DataView<ArrayBuffer> {
  const request = new DataView(new ArrayBuffer(1 + room));
  request.setUint8(0, call);
  fields.forEach((field, index) => {
    request.setUint32(1 + 4 * index, field);
  });
  return request;
}

export function join(call: number, field: number, bytes: Uint8Array): ArrayBuffer {
  return concat(new Uint8Array(view(call, 4, field).buffer), bytes).buffer;
}

/** A partition that the host plays, by the calls that are its own. */
export function partition(
  host: Host,
  status: ReturnType<FlashPartition["status"]>,
  read: number,
  write: number,
  erase: number,
): FlashPartition {
  return {
    status: () => status,
    read: (byteLength, offset) =>
      host.request(view(read, 8, byteLength, offset).buffer).slice().buffer as ArrayBuffer,
    write: (buffer, offset) => {
      host.request(join(write, offset, buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer)));
    },
    eraseBlock: (start, end = start + 1) => {
      host.request(view(erase, 8, start, end).buffer);
    },
    close: () => {},
  };
}
