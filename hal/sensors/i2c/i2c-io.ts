import { SensorError } from "../errors.js";
import { type ClosableIO, SensorIO, type SensorIOOptions } from "../sensor-io.js";

/**
 * An ECMA-419 I2C: one part at one address. Each method throws when the part does not acknowledge or the bus fails;
 * Moddable's does not say which of the two it was.
 */
export interface I2CIO extends ClosableIO {
  read(byteLength: number): ArrayBuffer;
  write(bytes: Uint8Array): void;
  /**
   * Both without letting go of the bus (repeated start). Moddable has it on every chip with I2C, its typings have not;
   * the `stop` argument that the typings have instead is ignored on the ESP32.
   */
  writeRead(bytes: Uint8Array, byteLength: number): ArrayBuffer;
}

/** What `sensor.io` takes. Moddable's I2C is one, but for its typings: `I2C as unknown as I2CClass`. */
export type I2CClass = SensorIOOptions<I2CIO>["io"];

export interface I2CSensorOptions<Owner> {
  /** `io` and its options, for Moddable's I2C `{ io, data, clock }`; `address` and `hz` need not be given */
  sensor: SensorIOOptions<I2CIO>;
  /** the IO failed for good; `this` is the sensor; only `close` is possible afterwards */
  onError?: (this: Owner, error?: unknown) => void;
  /** opaque to the sensor */
  target?: unknown;
}

/** The half of a sensor on I2C that is the same for every part: address, whole transactions, typed errors. */
export class I2CPort {
  #name: string;
  #port: SensorIO<I2CIO>;

  /**
   * @param name the sensor's class, for messages
   * @param address 7-bit address of the part, where the options give none
   * @param hz highest clock that every part of the kind takes, where the options give none
   * @param accepts which addresses the part can be set to
   * @throws SensorError `options`, `failed`; what the IO throws
   */
  constructor(
    name: string,
    owner: object,
    options: I2CSensorOptions<never>,
    address: number,
    hz: number,
    accepts: (address: number) => boolean,
  ) {
    this.#name = name;
    let checked = options;
    // Anything else is refused by SensorIO.
    if (options?.sensor instanceof Object) {
      const sensor = { address, hz, ...options.sensor };
      const at: unknown = sensor.address;
      if (!Number.isInteger(at) || !accepts(at as number))
        throw new SensorError(
          "options",
          `${name}: sensor.address must be one of the part's (got ${String(at)})`,
        );
      checked = { ...options, sensor };
    }
    this.#port = new SensorIO(name, owner, checked);
  }

  /** @throws SensorError `closed`, `failed` */
  use(): I2CIO {
    return this.#port.use();
  }

  close(): void {
    this.#port.close();
  }

  /** @throws SensorError `bus`, `closed`, `failed` */
  write(bytes: Uint8Array): void {
    const io = this.use();
    try {
      io.write(bytes);
    } catch (error) {
      throw this.#bus("write", error);
    }
  }

  /**
   * A fresh array of so many bytes, after `command` without letting go of the bus where one is given.
   * @throws SensorError `bus`, `closed`, `failed`
   */
  read(byteLength: number, command?: Uint8Array): Uint8Array {
    const io = this.use();
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(command ? io.writeRead(command, byteLength) : io.read(byteLength));
    } catch (error) {
      throw this.#bus("read", error);
    }
    if (bytes.length !== byteLength) throw this.#bus("read", `${bytes.length} of ${byteLength} bytes`);
    return bytes;
  }

  #bus(what: string, error: unknown): SensorError {
    const why = error instanceof Error ? error.message : String(error);
    return new SensorError("bus", `${this.#name}: ${what} failed (${why})`);
  }
}
