import { Nack, type Part } from "./fake-bus.js";

export interface FakeTag {
  /** SEL_RES, 0 for a Type 2 tag */
  readonly sak: number;
  readonly id: readonly number[];
  /** From page 0 on, in pages of 4. */
  readonly memory: readonly number[];
  /** READs that it answers before it leaves the field. */
  reads?: number;
}

/** A frame from the PN532, written down apart from the driver's own codec. */
export function frameFrom(data: readonly number[], tfi = 0xd5): number[] {
  const all = [tfi, ...data];
  const sum = all.reduce((a, b) => a + b, 0);
  return [0, 0, 0xff, all.length, (256 - all.length) & 0xff, ...all, (256 - (sum % 256)) % 256, 0];
}

const ACK = [0, 0, 0xff, 0, 0xff, 0];

/**
 * A PN532 on I2C by UM0701-02: sleeps until its address was called, takes whole frames only, says it is busy in the
 * ready byte of each read, acknowledges a command before it answers, hands each frame over once.
 */
export class FakePN532 implements Part {
  readonly violations: string[];
  readonly commands: number[] = [];
  /** Calls of its address that it sleeps through after power on. */
  asleep = 1;
  /** Reads that find it busy, before ACK and before an answer. */
  busy = 2;
  ic = 0x32;
  tag: FakeTag | undefined;
  isFieldOn = false;
  /** Changes what it is about to hand over: `ack` or the frame, after the ready byte. */
  spoil: ((bytes: number[], kind: "ack" | "response", command: number) => number[]) | undefined;
  #pending: { kind: "ack" | "response"; command: number; bytes: number[]; busy: number }[] = [];
  #isSamSet = false;
  #isRetrySet = false;
  #isSelected = false;

  constructor(violations: string[]) {
    this.violations = violations;
  }

  write(bytes: readonly number[]): void {
    if (this.asleep > 0) {
      this.asleep--;
      throw new Nack();
    }
    if (`${bytes}` === `${ACK}`) {
      this.#pending = [];
      return;
    }
    if (this.#pending.length) this.violations.push("command while another is under way");
    this.#pending = [];
    const length = bytes[3]!;
    const data = bytes.slice(6, 5 + length);
    if (`${bytes}` !== `${frameFrom(data, 0xd4)}` || data.length === 0) {
      this.violations.push(`not a frame: [${bytes}]`);
      return;
    }
    const command = data[0]!;
    this.commands.push(command);
    this.#hand("ack", command, ACK);
    const answer = this.#answer(command, data.slice(1));
    this.#hand("response", command, answer ? frameFrom([command + 1, ...answer]) : frameFrom([], 0x7f));
  }

  read(byteLength: number): number[] {
    const next = this.#pending[0];
    const pad = (bytes: number[]) =>
      Array.from({ length: byteLength }, (_, i) => bytes[i] ?? 0x80 + (i % 16));
    if (next === undefined) {
      this.violations.push("read while nothing is to come");
      return pad([0]);
    }
    if (next.busy-- > 0) return pad([0]);
    this.#pending.shift();
    if (byteLength < 1 + next.bytes.length)
      this.violations.push(`${byteLength} bytes read of ${1 + next.bytes.length}: the rest is lost`);
    return pad([1, ...next.bytes]);
  }

  writeRead(_bytes: readonly number[], byteLength: number): number[] {
    this.violations.push("repeated start");
    return Array<number>(byteLength).fill(0);
  }

  /** A PN532 that never answers: busy for ever from now on. */
  hang(): void {
    this.busy = Number.POSITIVE_INFINITY;
  }

  #hand(kind: "ack" | "response", command: number, bytes: number[]): void {
    this.#pending.push({
      kind,
      command,
      bytes: this.spoil ? this.spoil([...bytes], kind, command) : bytes,
      busy: this.busy,
    });
  }

  #answer(command: number, data: number[]): number[] | undefined {
    if (command === 0x14) {
      if (`${data}` !== "1,0,1") this.violations.push(`SAMConfiguration ${data}`);
      this.#isSamSet = true;
      return [];
    }
    if (!this.#isSamSet) this.violations.push(`command 0x${command.toString(16)} before SAMConfiguration`);
    if (command === 0x02) return data.length ? undefined : [this.ic, 1, 6, 7];
    if (command === 0x12) return data.length === 1 && (data[0]! & 0xc1) === 0 ? [] : undefined;
    if (command === 0x32) return this.#configureField(data);
    if (command === 0x4a) return this.#list(data);
    if (command === 0x40) return this.#exchange(data);
    this.violations.push(`command 0x${command.toString(16)}`);
    return undefined;
  }

  #configureField(data: number[]): number[] | undefined {
    if (data[0] === 5 && data.length === 4) {
      if (data[3] === 0xff) this.violations.push("a tag is waited for for ever");
      this.#isRetrySet = true;
      return [];
    }
    if (data[0] === 1 && data.length === 2) {
      this.isFieldOn = (data[1]! & 1) === 1;
      this.#isSelected = false;
      return [];
    }
    return undefined;
  }

  #list(data: number[]): number[] | undefined {
    if (`${data}` !== "1,0") return undefined;
    if (!this.#isRetrySet) this.violations.push("a tag is waited for for ever");
    this.isFieldOn = true;
    const { tag } = this;
    this.#isSelected = tag !== undefined;
    return tag ? [1, 1, 0x00, 0x44, tag.sak, tag.id.length, ...tag.id] : [0];
  }

  #exchange(data: number[]): number[] | undefined {
    const [number, command, page] = data;
    if (number !== 1 || command !== 0x30 || page === undefined || data.length !== 3) return undefined;
    // 0x01: the target has not answered; 0x27: not in this state.
    if (!this.#isSelected) return [0x27];
    const { tag } = this;
    if (!tag || page * 4 >= tag.memory.length) return [0x01];
    if (tag.reads !== undefined && tag.reads-- <= 0) return [0x01];
    // "READ": rolls over to page 0 at the end.
    return [0, ...Array.from({ length: 16 }, (_, i) => tag.memory[(page * 4 + i) % tag.memory.length]!)];
  }
}
