import UDP from "embedded:io/socket/udp";
import type { Scheduled } from "../../../sdk/index.js";
import { ntpAnswer, ntpQuestion } from "../ntp-packet.js";
import { lookUp } from "./dns.js";
import { schedule } from "./time.js";

const PORT = 123;
/** An answer that takes longer says little. In milliseconds. */
const PATIENCE = 3_000;
const AGAIN_AFTER = 24 * 3_600_000;
/** After a failure, doubled with each in a row, up to the longest. */
const FIRST_WAIT = 60_000;
const LONGEST_WAIT = 3_600_000;
const TOKEN_BYTES = 8;

/** What the SDK does: its typing has another order of arguments in some versions. */
interface Datagrams {
  read(): ArrayBuffer | undefined;
  write(data: Uint8Array, address: string, port: number): void;
  close(): void;
}

const Udp = UDP as unknown as new (options: { onReadable(count: number): void }) => Datagrams;

export interface SntpOptions {
  /** Host names or addresses of time servers, asked in turn. */
  readonly hosts: readonly string[];
  /** Default 123. */
  readonly port?: number;
  /** Addresses of DNS servers. */
  readonly servers: readonly string[];
  /** Milliseconds since the start. */
  ticks(): number;
  /** Whether there is a network; default: there is. */
  isOnline?(): boolean;
  onTime(utc: number): void;
  log(text: string): void;
}

/**
 * Asks time servers for the time once a day, and sooner as long as none has answered. Not Moddable's client of SNTP: that takes any packet
 * for an answer, and a short one ends the program.
 */
export class Sntp {
  readonly #options: SntpOptions;
  #turn = 0;
  #wait = FIRST_WAIT;
  #socket: Datagrams | undefined;
  #timer: Scheduled | undefined;
  #isClosed = false;

  constructor(options: SntpOptions) {
    this.#options = options;
    this.#plan(0);
  }

  /** The network has come: asks now, if no server has answered for a day or ever. */
  poke(): void {
    if (this.#socket === undefined && this.#wait !== AGAIN_AFTER) this.#plan(0);
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
    this.#timer?.cancel();
  }

  #plan(delay: number): void {
    this.#timer?.cancel();
    this.#timer = schedule(delay, () => this.#ask());
  }

  #ask(): void {
    // What was asked is not answered any more.
    const wasAsked = this.#end();
    const { hosts, port = PORT, servers, isOnline } = this.#options;
    if (wasAsked || isOnline?.() === false) {
      this.#failed(wasAsked);
      return;
    }
    const turn = ++this.#turn;
    const host = hosts[turn % hosts.length]!;
    // The look-up has an end of its own; this is for what it does not tell of.
    this.#plan(LONGEST_WAIT);
    lookUp(servers, host, (address) => {
      if (this.#isClosed || turn !== this.#turn) return;
      if (address === undefined) {
        this.#failed(true);
        return;
      }
      const token = Uint8Array.from({ length: TOKEN_BYTES }, () => Math.floor(Math.random() * 256));
      const begun = this.#options.ticks();
      try {
        this.#socket = new Udp({ onReadable: (count) => this.#receive(count, token, begun) });
        this.#socket.write(ntpQuestion(token), address, port);
      } catch {
        this.#end();
        this.#failed(true);
        return;
      }
      this.#plan(PATIENCE);
    });
  }

  #receive(count: number, token: Uint8Array, begun: number): void {
    for (let i = 0; i < count; i++) {
      const packet = this.#socket?.read();
      const utc = packet && ntpAnswer(packet, token);
      if (utc === undefined) continue;
      this.#end();
      this.#wait = AGAIN_AFTER;
      this.#plan(AGAIN_AFTER);
      // Half of the way there and back.
      this.#options.onTime(utc + Math.round((this.#options.ticks() - begun) / 2));
      return;
    }
  }

  #failed(wasAsked: boolean): void {
    if (this.#wait === AGAIN_AFTER) this.#wait = FIRST_WAIT;
    if (wasAsked && this.#wait === FIRST_WAIT)
      this.#options.log("time: no server answers; trying again until one does");
    this.#plan(this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }

  /** @returns whether a question was open */
  #end(): boolean {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    return socket !== undefined;
  }
}
