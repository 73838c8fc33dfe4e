import Listener from "embedded:io/socket/listener";
import TCP from "embedded:io/socket/tcp";
import type { Scheduled } from "../../../sdk/index.js";
import { SetupHttp } from "../setup/http.js";
import type { Setup } from "../setup/setup.js";
import { schedule } from "./time.js";

/** Browsers open some more than they use. */
const MOST_CONNECTIONS = 4;
/** Of a connection, in milliseconds. */
const PATIENCE = 15_000;

/** What the SDK does; its typings lack `close` and what `read` is for. */
interface Socket {
  read(): ArrayBuffer | undefined;
  write(data: Uint8Array): number;
  close(): void;
}

const Tcp = TCP as unknown as new (options: {
  readonly from: unknown;
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(): void;
}) => Socket;
const Listening = Listener as unknown as new (options: {
  readonly port: number;
  onReadable(count: number): void;
}) => { read(): { close(): void } | undefined; close(): void };

/** The page at a port, one request to a connection. */
export class SetupServer {
  readonly #listener: InstanceType<typeof Listening>;
  readonly #open = new Set<SetupConnection>();

  /** @throws what the platform throws */
  constructor(setup: Setup, port: number) {
    this.#listener = new Listening({
      port,
      onReadable: (count) => {
        for (let i = 0; i < count; i++) {
          const from = this.#listener.read();
          if (!from) return;
          if (this.#open.size >= MOST_CONNECTIONS) from.close();
          else {
            const connection = new SetupConnection(setup, from, () => this.#open.delete(connection));
            this.#open.add(connection);
          }
        }
      },
    });
  }

  close(): void {
    this.#listener.close();
    for (const connection of this.#open) connection.close();
  }
}

class SetupConnection {
  readonly #socket: Socket;
  readonly #timer: Scheduled;
  readonly #onClosed: () => void;
  #answer: Uint8Array | undefined;
  #writable = 0;

  constructor(setup: Setup, from: unknown, onClosed: () => void) {
    this.#onClosed = onClosed;
    const http = new SetupHttp(setup);
    this.#socket = new Tcp({
      from,
      onReadable: () => {
        const bytes = this.#socket.read();
        if (!bytes) return;
        const answer = http.receive(new Uint8Array(bytes));
        if (!answer) return;
        this.#answer = answer;
        this.#write();
      },
      onWritable: (count) => {
        this.#writable = count;
        // Everything was written, and has gone out.
        if (this.#answer?.length === 0) this.close();
        else this.#write();
      },
      onError: () => this.close(),
    });
    this.#timer = schedule(PATIENCE, () => this.close());
  }

  close(): void {
    this.#timer.cancel();
    this.#socket.close();
    this.#onClosed();
  }

  #write(): void {
    if (!this.#answer || this.#answer.length === 0 || this.#writable <= 0) return;
    const part = this.#answer.slice(0, this.#writable);
    this.#answer = this.#answer.subarray(part.length);
    this.#writable = this.#socket.write(part);
  }
}
