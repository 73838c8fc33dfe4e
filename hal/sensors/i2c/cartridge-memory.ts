import { SensorError } from "../errors.js";
import { checkConfiguration, checkNumber, type SensorIdentification } from "../sensor-io.js";
import { I2CPort, type I2CSensorOptions } from "./i2c-io.js";
import { decodeIdentity, type Identity, RECORD_MAX, type RecordFault } from "./identity-record.js";

export interface CartridgeMemoryOptions extends I2CSensorOptions<CartridgeMemory> {
  /**
   * bytes of a word address: 1 for 24C01 to 24C16, 2 for 24C32 to 24C512; default 1. The record lies in what the
   * smallest of them has: the first 128 bytes, or the first 4096
   */
  addressBytes?: 1 | 2;
}

export interface CartridgeMemoryConfiguration {
  /** where the identity record begins, bytes from the start of the memory, default 0 */
  offset?: number;
}

export interface CartridgeMemorySample {
  /** absent with `faults` */
  identity?: Identity;
  /** the memory answered and holds no identity */
  faults?: { record: RecordFault };
}

/**
 * Knows a cartridge by the identity record in its I2C EEPROM (24Cxx), so that a refill is known instead of guessed: a
 * new serial is a new cartridge with `quantity` in it. It only reads.
 *
 * A 24Cxx has no identification of its own: the record's mark and checksum are what shows that the right memory is
 * there.
 */
export class CartridgeMemory {
  #port: I2CPort;
  #addressBytes: number;
  #offset = 0;
  readonly target: unknown;

  /**
   * Nothing is read yet: the cartridge may be put in later.
   * @throws SensorError `options`, `failed`; what the IO throws
   */
  constructor(options: CartridgeMemoryOptions) {
    // Device type 1010, then A2 A1 A0 (data sheet of any 24Cxx, "Device addressing"); not every one takes 400 kHz at 3.3 V.
    const accepts = (address: number) => address >> 3 === 0x50 >> 3;
    const addressBytes = options?.addressBytes ?? 1;
    if (addressBytes !== 1 && addressBytes !== 2)
      throw new SensorError("options", `CartridgeMemory: addressBytes must be 1 or 2 (got ${addressBytes})`);
    this.#port = new I2CPort("CartridgeMemory", this, options, 0x50, 100_000, accepts);
    this.#addressBytes = addressBytes;
    this.target = options.target;
  }

  /** @throws SensorError `configuration`, `closed`, `failed` */
  configure(options: CartridgeMemoryConfiguration): void {
    this.#port.use();
    checkConfiguration("CartridgeMemory", options);
    if (options.offset === undefined) return;
    // The longest record from there must not run over the end, where reading goes on from the start.
    const last = (this.#addressBytes === 1 ? 0x80 : 0x1000) - RECORD_MAX;
    const accepts = (value: number) => Number.isInteger(value) && value >= 0 && value <= last;
    this.#offset = checkNumber("CartridgeMemory", "offset", options.offset, `0 to ${last}, whole`, accepts);
  }

  /**
   * A fresh object; one transaction.
   * @throws SensorError `closed`, `failed`; `bus` when nothing answers, which is how a cartridge looks that is not
   *   there: the IO cannot tell it from a bus that fails
   */
  sample(): CartridgeMemorySample {
    const at = this.#offset;
    // "Random read": with a stop before the read, a memory with 1-byte addresses would take the second byte of a
    // 2-byte address for data and write it.
    const address = this.#addressBytes === 1 ? Uint8Array.of(at) : Uint8Array.of(at >> 8, at & 0xff);
    const record = decodeIdentity(this.#port.read(RECORD_MAX, address));
    return typeof record === "string" ? { faults: { record } } : { identity: record };
  }

  close(): void {
    this.#port.close();
  }

  get configuration(): Required<CartridgeMemoryConfiguration> {
    this.#port.use();
    return { offset: this.#offset };
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "24Cxx", classification: "Cartridge" };
  }
}
