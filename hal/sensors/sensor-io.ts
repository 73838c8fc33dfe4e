import { SensorError } from "./errors.js";

/** What every IO instance offers, whatever it reads. */
export interface ClosableIO {
  close(): void;
}

/** The `sensor` member of a sensor's options: the IO class and, beside it, that class's own options. */
export interface SensorIOOptions<IO extends ClosableIO> {
  /** ECMA-419 IO class; constructed with the other members of this object and an `onError` */
  io: new (
    options: never,
  ) => IO;
  [option: string]: unknown;
}

/** What a sensor says about itself (ECMA-419 Provenance Sensor Class Pattern). */
export interface SensorIdentification {
  model: string;
  classification: string;
}

interface PatternOptions<IO extends ClosableIO> {
  sensor: SensorIOOptions<IO>;
  onError?: (error?: unknown) => void;
}

function show(value: unknown): string {
  return value === null || typeof value !== "object" ? String(value) : "an object";
}

/** The constructor's options, before anything is allocated: throws SensorError `options`. */
export function checkOptions<IO extends ClosableIO>(name: string, options: PatternOptions<IO>): void {
  if (typeof options !== "object" || options === null)
    throw new SensorError("options", `${name}: options must be an object (got ${show(options)})`);
  const { sensor, onError } = options;
  if (typeof sensor !== "object" || sensor === null)
    throw new SensorError(
      "options",
      `${name}: sensor must be an object with an io class (got ${show(sensor)})`,
    );
  if (typeof sensor.io !== "function")
    throw new SensorError("options", `${name}: sensor.io must be an IO class (got ${show(sensor.io)})`);
  if (onError !== undefined && typeof onError !== "function")
    throw new SensorError("options", `${name}: onError must be a function (got ${show(onError)})`);
}

/** A configuration value that must be a number: `accepted` says which numbers are. */
export function checkNumber(
  name: string,
  field: string,
  value: unknown,
  accepted: string,
  accepts: (value: number) => boolean,
): number {
  if (typeof value !== "number" || !accepts(value))
    throw new SensorError("configuration", `${name}: ${field} must be ${accepted} (got ${show(value)})`);
  return value;
}

/** `configure` takes an object and nothing else. */
export function checkConfiguration(name: string, options: unknown): void {
  if (typeof options !== "object" || options === null)
    throw new SensorError("configuration", `${name}: configuration must be an object (got ${show(options)})`);
}

/**
 * The half of the Sensor Class Pattern that is the same for every sensor: checks the options, opens the injected
 * IO, passes its one fatal error on, refuses use after `close` or failure, closes once.
 */
export class SensorIO<IO extends ClosableIO> {
  #name: string;
  #io: IO | undefined;
  #failed = false;

  /**
   * @param name the sensor's class, for messages (classes have no `name` on the device)
   * @param owner the sensor, which is `this` in `onError`
   * @throws SensorError `options` before anything is allocated; `failed` when the IO fails while it opens;
   *   whatever the IO's constructor throws
   */
  constructor(name: string, owner: object, options: PatternOptions<IO>) {
    checkOptions(name, options);
    this.#name = name;
    const onError = options.onError;
    const { io: IOClass, ...ioOptions } = options.sensor;
    const io = new IOClass({
      ...ioOptions,
      onError: (error?: unknown) => {
        if (this.#failed) return;
        this.#failed = true;
        // Not open: either still in the constructor, which throws instead, or closed, after which nothing is called.
        if (this.#io !== undefined) onError?.call(owner, error);
      },
    } as never);
    if (this.#failed) {
      io.close();
      throw new SensorError("failed", `${name}: the IO failed while it was opened`);
    }
    this.#io = io;
  }

  /**
   * The open IO.
   * @throws SensorError `closed`, `failed`
   */
  use(): IO {
    if (this.#io === undefined) throw new SensorError("closed", `${this.#name}: used after close`);
    if (this.#failed)
      throw new SensorError("failed", `${this.#name}: the IO has failed, only close is possible`);
    return this.#io;
  }

  close(): void {
    const io = this.#io;
    this.#io = undefined;
    io?.close();
  }
}
