import type { Alarm } from "./alarm.js";
import type { Database } from "./database.js";
import { GatewayError } from "./errors.js";
import { isToken } from "./lwa-client.js";
import type { GatewayDevice, GatewayOptions } from "./options.js";
import { beginRegistration, leaveRegistration } from "./registration.js";
import type { Service } from "./service.js";
import type { Vault } from "./vault.js";

/** What Login with Amazon has given for one device. */
export interface TokenGrant {
  readonly refreshToken: string;
  /** Absent: one is fetched when it is needed. */
  readonly accessToken?: string;
  /** Life of the access token, seconds. */
  readonly expiresIn?: number;
}

export interface RegistrationsOptions {
  readonly devices: ReadonlyMap<string, GatewayDevice>;
  readonly database: Database;
  /** What a device is with. */
  readonly serviceOf: (device: GatewayDevice) => Pick<Service, "name">;
  readonly vault: Vault;
  readonly clock: Pick<NonNullable<GatewayOptions["clock"]>, "now">;
  /** Makes the calls that are due for a device, in its line of work. Never rejects. */
  readonly drain: (serial: string) => Promise<void>;
  readonly alarm: Alarm;
}

/** Registers and deregisters devices, as the product or the companion app wants it. */
export class Registrations {
  readonly #options: RegistrationsOptions;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
  }

  /** @throws {GatewayError} `options` */
  async authorize(serial: string, grant: TokenGrant): Promise<void> {
    const { alarm, clock, database, serviceOf, vault } = this.#options;
    const device = this.#check(serial);
    const { refreshToken, accessToken, expiresIn = 0 } = grant;
    for (const [field, token] of Object.entries({ refreshToken, accessToken }))
      if (token !== undefined && !isToken(token))
        throw new GatewayError("options", `${field} must be printable ASCII without spaces`);
    if (vault.current === 0) throw new GatewayError("options", "tokenKeys: a key is needed to store tokens");
    const now = Math.floor(clock.now());
    const row = {
      refreshToken: vault.seal(serial, refreshToken),
      accessToken: accessToken === undefined ? null : vault.seal(serial, accessToken),
      expiresAt: Math.floor(now + expiresIn * 1000),
      clientId: null,
    };
    await database.transaction(async (queries) => {
      await queries.lockDevice(serial);
      const { ended, known } = await queries.grants.of(serial);
      if (serviceOf(device).name === "alexa" && (ended !== null || !known))
        await queries.inventory.begin(serial);
      await beginRegistration(queries, serial, row, now);
    });
    await alarm.set();
  }

  /** @throws {GatewayError} `options` */
  async deregister(serial: string): Promise<void> {
    const { alarm, clock, database, drain } = this.#options;
    this.#check(serial);
    await database.transaction(async (queries) => {
      const { ended } = await queries.lockDevice(serial);
      const row = await queries.registrations.of(serial);
      if (ended !== null && row?.state !== "pending") return;
      await leaveRegistration(queries, serial, "the device was deregistered", Math.floor(clock.now()));
    });
    await drain(serial);
    await alarm.set();
  }

  #check(serial: string): GatewayDevice {
    const device = this.#options.devices.get(serial);
    if (!device)
      throw new GatewayError("options", `device "${serial}": no device is registered under this serial`);
    return device;
  }
}
