import type { Part } from "./fake-bus.js";

/** AN4545, section 9: "Mandatory: private registers". */
export const PRIVATE: readonly (readonly [register: number, value: number])[] = [
  [0x207, 0x01],
  [0x208, 0x01],
  [0x096, 0x00],
  [0x097, 0xfd],
  [0x0e3, 0x00],
  [0x0e4, 0x04],
  [0x0e5, 0x02],
  [0x0e6, 0x01],
  [0x0e7, 0x03],
  [0x0f5, 0x02],
  [0x0d9, 0x05],
  [0x0db, 0xce],
  [0x0dc, 0x03],
  [0x0dd, 0xf8],
  [0x09f, 0x00],
  [0x0a3, 0x3c],
  [0x0b7, 0x00],
  [0x0bb, 0x3c],
  [0x0b2, 0x09],
  [0x0ca, 0x09],
  [0x198, 0x01],
  [0x1b0, 0x17],
  [0x1ad, 0x00],
  [0x0ff, 0x05],
  [0x100, 0x05],
  [0x199, 0x05],
  [0x1a6, 0x1b],
  [0x1ac, 0x3e],
  [0x1a7, 0x1f],
  [0x030, 0x00],
];

const WRITABLE = [0x011, 0x014, 0x015, 0x016, 0x018, 0x01c, 0x02e, 0x031, 0x10a];
const READABLE = [0x000, 0x016, 0x04d, 0x04f, 0x062];

/**
 * A VL6180X by its data sheet: 2-byte register index and 1-byte values, results only behind a measurement, which is
 * started only when the device is ready and set up.
 */
export class FakeVL6180X implements Part {
  readonly violations: string[];
  readonly registers = new Map<number, number>([
    [0x000, 0xb4],
    [0x014, 0],
    [0x016, 1],
    [0x01c, 49],
  ]);
  /** What the next measurement finds. */
  millimetres = 50;
  code = 0;
  /** Reads of a status until a measurement is done. */
  duration = 2;
  isReady = true;
  measurements = 0;
  /** Told when GPIO1 falls. */
  onFall: () => void = () => {};
  #written: (readonly [number, number])[] = [];
  #interrupt = 0;
  #left: number | undefined;
  #result: readonly [code: number, millimetres: number] = [0, 0];

  constructor(violations: string[]) {
    this.violations = violations;
  }

  /** Power off and on. */
  reset(): void {
    this.registers.set(0x016, 1).set(0x011, 0x20).set(0x014, 0).set(0x01c, 49);
    this.#written = [];
    this.#interrupt = 0;
    this.#left = undefined;
  }

  write(bytes: readonly number[]): void {
    if (bytes.length !== 3) {
      this.violations.push(`write of ${bytes.length} bytes: index and one value are 3`);
      return;
    }
    const register = bytes[0]! * 256 + bytes[1]!;
    const value = bytes[2]!;
    const isPrivate = PRIVATE.some(([known]) => known === register);
    if (!isPrivate && !WRITABLE.includes(register))
      this.violations.push(`write to 0x${register.toString(16)}`);
    if (this.#left !== undefined && register !== 0x015 && register !== 0x01c)
      this.violations.push(`0x${register.toString(16)} written during a measurement`);
    this.#written.push([register, value]);
    this.registers.set(register, value);
    if (register === 0x015 && value & 1) this.#interrupt = 0;
    if (register === 0x018) this.#start(value);
    if (register === 0x016) this.#settled(value);
  }

  read(): number[] {
    this.violations.push("read without an index");
    return [0xff];
  }

  writeRead(bytes: readonly number[], byteLength: number): number[] {
    const register = bytes[0]! * 256 + bytes[1]!;
    if (bytes.length !== 2 || byteLength !== 1 || !READABLE.includes(register)) {
      this.violations.push(`read of ${byteLength} at [${bytes}]`);
      return Array<number>(byteLength).fill(0xff);
    }
    if (register === 0x04f || register === 0x04d)
      if (this.#left !== undefined && this.#left-- <= 0) this.finish();
    if (register === 0x04f)
      // Bits 5:3 are the light sensor's, 7:6 errors.
      return [(this.registers.get(0x014)! & 7) === 4 ? this.#interrupt | 0x20 : 0x20];
    if (register === 0x04d)
      return [(this.#result[0] << 4) | (this.isReady && this.#left === undefined ? 1 : 0)];
    if (register === 0x062) {
      if (this.#interrupt !== 4) this.violations.push("the range was read before it was there");
      return [this.#result[1]];
    }
    return [this.registers.get(register)!];
  }

  /** The measurement that goes on is done. */
  finish(): void {
    if (this.#left === undefined) return;
    this.#left = undefined;
    this.#interrupt = 4;
    this.#result = [this.code, this.millimetres];
    if (this.registers.get(0x011) === 0x10 && this.registers.get(0x014) === 4) this.onFall();
  }

  #settled(value: number): void {
    const got = this.#written.filter(([register]) => PRIVATE.some(([known]) => known === register));
    const last = got.slice(-PRIVATE.length);
    if (value !== 0 || JSON.stringify(last) !== JSON.stringify(PRIVATE))
      this.violations.push(
        "fresh out of reset was cleared before the private registers were written in order",
      );
    for (const [register, expected] of [
      [0x10a, 0x30],
      [0x031, 0xff],
      [0x02e, 0x01],
      [0x014, 4],
    ] as const)
      if (this.registers.get(register) !== expected)
        this.violations.push(`0x${register.toString(16)} was not set`);
  }

  #start(value: number): void {
    if (value !== 1) this.violations.push(`SYSRANGE__START ${value}: only single shots are used`);
    if (this.registers.get(0x016) !== 0) this.violations.push("measurement before the set-up was done");
    if (!this.isReady || this.#left !== undefined) this.violations.push("measurement while not ready");
    if (this.#interrupt !== 0) this.violations.push("measurement with an interrupt that was not cleared");
    this.#left = this.duration;
    this.measurements++;
  }
}
