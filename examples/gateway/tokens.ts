import type { Database } from "./database.js";
import type { GrantRow } from "./database-grants.js";
import type { RegistrationRow } from "./database-registrations.js";
import { reason } from "./errors.js";
import type { Log } from "./log.js";
import type { LwaClient } from "./lwa-client.js";
import type { GatewayDevice, GatewayOptions } from "./options.js";
import { endRegistration } from "./registration.js";
import type { CallAnswer } from "./service.js";
import type { Vault } from "./vault.js";

/** A token is refreshed this long before it expires, in milliseconds; a short-lived one at a tenth of its life. */
const MARGIN_MS = 60_000;
const MARGIN_SHARE = 0.1;

/** What came of a call that needed a token. */
export type Authorized<Value> =
  | Exclude<CallAnswer<Value>, { kind: "unauthorized" }>
  /** The device is not registered any more: there will be no token. */
  | { readonly kind: "ended"; readonly message: string }
  /** No good token at the moment; the service has done nothing. */
  | { readonly kind: "tokenless"; readonly message: string };

export interface TokensOptions {
  readonly database: Database;
  readonly vault: Vault;
  /** Absent: no token can be refreshed. */
  readonly lwa: LwaClient | undefined;
  readonly clock: Pick<NonNullable<GatewayOptions["clock"]>, "now">;
  readonly log: Log;
}

type Found = { readonly token: string } | Exclude<Authorized<never>, CallAnswer<never>>;

/** The access tokens of devices: kept encrypted in the database, refreshed before they expire and when refused. */
export class Tokens {
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** Stores the refresh tokens that devices are configured with, unless there have been others before. */
  async begin(devices: readonly GatewayDevice[]): Promise<void> {
    const { database, vault } = this.#options;
    const sealed = devices.flatMap(({ serial, refreshToken }) =>
      refreshToken === undefined ? [] : [{ serial, refreshToken: vault.seal(serial, refreshToken) }],
    );
    if (sealed.length > 0) await database.direct.grants.begin(sealed);
  }

  /**
   * Makes a call with the device's access token, and once more with a fresh one if the service says that it is not good. To be
   * called once at a time per device.
   *
   * @param last the call that ends the registration: made although the gateway counts the device as not registered
   */
  async call<Value>(
    device: GatewayDevice,
    make: (token: string) => Promise<CallAnswer<Value>>,
    last = false,
  ): Promise<Authorized<Value>> {
    let found = await this.#find(device, undefined, last);
    if (!("token" in found)) return found;
    let answer = await make(found.token);
    if (answer.kind !== "unauthorized") return answer;
    found = await this.#find(device, found.token, last);
    if (!("token" in found)) return found;
    answer = await make(found.token);
    return answer.kind === "unauthorized"
      ? { kind: "tokenless", message: `of a token that is new: ${answer.message}` }
      : answer;
  }

  /** @param refused a token that is not good */
  async #find(device: GatewayDevice, refused: string | undefined, last: boolean): Promise<Found> {
    const { clock, database, log } = this.#options;
    const { serial } = device;
    const grant = await database.direct.grants.of(serial);
    if (grant.ended !== null && !last) return { kind: "ended", message: grant.ended };
    if (!grant.known) {
      const { accessToken } = device;
      if (accessToken !== undefined && accessToken !== refused) return { token: accessToken };
      const message = "there is no refresh token, and no good access token";
      return { kind: last ? "ended" : "tokenless", message };
    }
    try {
      if (grant.accessToken !== null && clock.now() < (grant.expiresAt ?? 0)) {
        const token = this.#options.vault.open(serial, grant.accessToken);
        // Another gateway may have refreshed it since it was refused.
        if (token !== refused) return { token };
      }
      return await this.#refresh(serial, grant);
    } catch (error) {
      log({ level: "error", event: "token-unreadable", serial, message: reason(error) });
      await this.#tell(serial, "unavailable");
      return { kind: "tokenless", message: reason(error) };
    }
  }

  async #refresh(serial: string, grant: GrantRow): Promise<Found> {
    const { clock, database, log, lwa, vault } = this.#options;
    if (grant.refreshToken === null) return { kind: "ended", message: "the tokens are void" };
    if (!lwa) {
      await this.#tell(serial, "unavailable");
      return { kind: "tokenless", message: "lwa: needed to refresh an access token, and not there" };
    }
    const before = vault.open(serial, grant.refreshToken);
    const answer = await lwa.refresh(before, grant.clientId);
    if (answer.kind === "granted") {
      const lifetime = answer.expiresIn * 1000;
      await database.direct.grants.refreshed(serial, grant.refreshToken, {
        // Sealed anew in any case: so a new key reaches every row.
        refreshToken: vault.seal(serial, answer.refreshToken ?? before),
        accessToken: vault.seal(serial, answer.accessToken),
        expiresAt: Math.floor(clock.now() + lifetime - Math.min(MARGIN_MS, lifetime * MARGIN_SHARE)),
      });
      log({ level: "info", event: "token-refreshed", serial, expiresIn: answer.expiresIn });
      await this.#tell(serial, "none");
      return { token: answer.accessToken };
    }
    log({ level: "warn", event: `token-${answer.kind}`, serial, message: answer.message });
    if (answer.kind === "rejected") await this.#tell(serial, "unavailable");
    if (answer.kind !== "ended") return { kind: "tokenless", message: answer.message };
    return database.transaction(async (queries): Promise<Found> => {
      await queries.lockDevice(serial);
      if ((await queries.grants.of(serial)).refreshToken !== grant.refreshToken)
        return { kind: "tokenless", message: "the tokens were replaced meanwhile" };
      await endRegistration(queries, serial, answer.message);
      await queries.grants.forget(serial);
      return { kind: "ended", message: answer.message };
    });
  }

  /**
   * Has the device and the app hear that no token is to be had before somebody puts the gateway's set-up right, or that it was. The customer is still registered,
   * and the token is kept: what was lost by mistake comes back.
   */
  async #tell(serial: string, failure: "none" | "unavailable"): Promise<void> {
    const isNews = (row: RegistrationRow | undefined) =>
      row?.state === "registered" && row.failure === (failure === "none" ? "unavailable" : "none");
    const { database } = this.#options;
    if (!isNews(await database.direct.registrations.of(serial))) return;
    await database.transaction(async (queries) => {
      await queries.lockDevice(serial);
      const row = await queries.registrations.of(serial);
      if (row && isNews(row)) await queries.registrations.put(serial, "registered", row.subscribed, failure);
    });
  }
}
