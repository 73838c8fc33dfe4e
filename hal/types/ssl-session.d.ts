/** Moddable's TLS, as far as `hal/boards/moddable/tls-socket.ts` uses it; the SDK has no typing of it. */
declare module "ssl/session" {
  /** A socket, with what it has to read and takes to write, in bytes. */
  export interface SessionSocket {
    readable: number;
    writable: number;
    read(buffer: Uint8Array): unknown;
    write(packet: ArrayBuffer): number;
  }

  export default class Session {
    constructor(options: {
      serverName: string;
      /** DER. */
      certificate: ArrayBuffer;
      protocolVersion: number;
      cache: boolean;
    });
    readonly alert?: { readonly level: number; readonly description: number };
    readonly handshakeProcess: number;
    initiateHandshake(): void;
    /** One step. @returns whether it is over, one way or the other */
    handshake(socket: SessionSocket): boolean;
    /** The bytes of a record, undefined when there is none yet, null when the other side has closed. */
    read(socket: SessionSocket): Uint8Array | undefined | null;
    write(socket: SessionSocket, data: Uint8Array, options?: { more?: boolean; byteLength?: number }): number;
  }
}
