import type { AuthorizationMessage, RegistrationFailure } from "everfull";
import type { Database, Queries } from "./database.js";
import { GatewayError, reason } from "./errors.js";
import type { Log } from "./log.js";
import type { LwaAnswer, LwaClient } from "./lwa-client.js";
import type { GatewayDevice, GatewayOptions } from "./options.js";
import { beginRegistration } from "./registration.js";
import type { Vault } from "./vault.js";

/** A code is tried for this long after it came, in milliseconds: then Login with Amazon has let it expire. */
const CODE_LIFE_MS = 5 * 60_000;

/** Why nothing came of a code, as the device and the app hear it. `granted`: without a refresh token. */
const FAILURES = Object.freeze({
  granted: "refused",
  ended: "refused",
  rejected: "refused",
  failed: "unreachable",
  unavailable: "unavailable",
} satisfies Record<string, RegistrationFailure>);

/** What a log-in in a browser has given, which the gateway redeems with its client's secret. */
export interface WebAuthorization {
  readonly code: string;
  readonly redirectUri: string;
  /** Where the log-in had a challenge. */
  readonly codeVerifier?: string;
}

export interface RedeemerOptions {
  readonly database: Database;
  readonly vault: Vault;
  /** Absent: nothing can be redeemed. */
  readonly lwa: LwaClient | undefined;
  readonly clock: Pick<NonNullable<GatewayOptions["clock"]>, "now">;
  readonly log: Log;
}

/** Turns what a customer has agreed to into tokens, which are stored. */
export class Redeemer {
  readonly #options: RedeemerOptions;

  constructor(options: RedeemerOptions) {
    this.#options = options;
  }

  #now(): number {
    return Math.floor(this.#options.clock.now());
  }

  /**
   * Keeps what a device has brought, for {@link redeem}. Within a transaction that holds the device's row.
   *
   * @param isWanted whether the device's service goes by what is redeemed
   * @returns false: it cannot be redeemed here, which the device is told
   */
  async keep(
    queries: Queries,
    serial: string,
    message: AuthorizationMessage,
    isWanted: boolean,
  ): Promise<boolean> {
    const { lwa, vault } = this.#options;
    if (!lwa || vault.current === 0 || !isWanted) {
      await this.#fail(queries, serial, "unavailable");
      return false;
    }
    const { code, clientId, redirectUri, verifier } = message;
    const sealed = vault.seal(serial, JSON.stringify({ code, clientId, redirectUri, verifier }));
    await queries.registrations.pend(serial, sealed, this.#now());
    return true;
  }

  /** Stores what a device has redeemed itself. Within a transaction that holds the device's row. */
  async take(queries: Queries, serial: string, refreshToken: string, clientId: string): Promise<void> {
    const { vault } = this.#options;
    if (vault.current === 0) {
      await this.#fail(queries, serial, "unavailable");
      return;
    }
    const sealed = vault.seal(serial, refreshToken);
    const grant = { refreshToken: sealed, accessToken: null, expiresAt: null, clientId };
    await beginRegistration(queries, serial, grant, this.#now());
  }

  /**
   * Redeems what {@link keep} has kept, without a secret. Of a device that was deregistered meanwhile the tokens are only stored, for its last call.
   *
   * @returns false: Login with Amazon gave no answer, and the code may still be good
   */
  async redeem({ serial }: GatewayDevice): Promise<boolean> {
    const { database, log } = this.#options;
    const kept = await database.direct.registrations.of(serial);
    if (!kept || kept.code === null || kept.askedAt === null) return true;
    const { clientId, ...answer } = await this.#redeemed(serial, kept.code);
    const now = this.#now();
    if (answer.kind === "failed" && now < kept.askedAt + CODE_LIFE_MS) return false;
    await database.transaction(async (queries) => {
      await queries.lockDevice(serial);
      const row = await queries.registrations.of(serial);
      // Another has taken its place, or Amazon has ended the registration.
      if (row?.code !== kept.code) return;
      const grant =
        answer.kind === "granted" && answer.refreshToken !== undefined
          ? { ...this.#sealed(serial, answer.refreshToken, answer.accessToken, answer.expiresIn), clientId }
          : undefined;
      if (row.state === "pending") {
        if (grant) await beginRegistration(queries, serial, grant, now);
        else await this.#fail(queries, serial, FAILURES[answer.kind]);
      } else {
        if (grant) await queries.grants.store(serial, grant);
        await queries.registrations.put(serial, "unregistered", 0, row.failure);
      }
    });
    const message = answer.kind === "granted" ? undefined : answer.message;
    log({
      level: message ? "warn" : "info",
      event: "authorization-redeemed",
      serial,
      outcome: answer.kind,
      message,
    });
    return true;
  }

  /** Asks for the tokens of a code that was kept. */
  async #redeemed(
    serial: string,
    sealed: string,
  ): Promise<
    (LwaAnswer | { readonly kind: "unavailable"; readonly message: string }) & { clientId: string }
  > {
    const { lwa, vault } = this.#options;
    if (!lwa)
      return { kind: "unavailable", message: "lwa: needed to redeem a code, and not there", clientId: "" };
    let opened: string;
    try {
      opened = vault.open(serial, sealed);
    } catch (error) {
      // A key that is put back comes too late for it.
      return { kind: "unavailable", message: reason(error), clientId: "" };
    }
    const { code, clientId, redirectUri, verifier } = JSON.parse(opened);
    const form = { code, client_id: clientId, redirect_uri: redirectUri, code_verifier: verifier };
    return { ...(await lwa.redeem(form)), clientId };
  }

  /**
   * Redeems what the maker's own web application has brought, with the client's secret, and registers the device.
   *
   * @throws {GatewayError} `refused`: the code; `unavailable`: no answer, or the client itself is not accepted
   */
  async redeemWeb({ serial }: GatewayDevice, authorization: WebAuthorization): Promise<void> {
    const { database, log, lwa, vault } = this.#options;
    if (!lwa) throw new GatewayError("unavailable", "lwa: needed to redeem a code, and not there");
    if (vault.current === 0)
      throw new GatewayError("unavailable", "tokenKeys: a key is needed to store tokens");
    const { code, redirectUri, codeVerifier } = authorization;
    const answer = await lwa.redeem({
      code,
      redirect_uri: redirectUri,
      ...(codeVerifier !== undefined && { code_verifier: codeVerifier }),
    });
    log({ level: "info", event: "authorization-redeemed", serial, outcome: answer.kind });
    if (answer.kind === "failed" || answer.kind === "rejected")
      throw new GatewayError("unavailable", answer.message);
    if (answer.kind === "ended") throw new GatewayError("refused", answer.message);
    const { refreshToken } = answer;
    if (refreshToken === undefined)
      throw new GatewayError("refused", "Login with Amazon: refresh_token is missing or no token");
    const grant = this.#sealed(serial, refreshToken, answer.accessToken, answer.expiresIn);
    await database.transaction(async (queries) => {
      await queries.lockDevice(serial);
      await beginRegistration(queries, serial, { ...grant, clientId: null }, this.#now());
    });
  }

  #sealed(serial: string, refreshToken: string, accessToken: string, expiresIn: number) {
    const { vault } = this.#options;
    return {
      refreshToken: vault.seal(serial, refreshToken),
      accessToken: vault.seal(serial, accessToken),
      // A little early, as with those that are refreshed.
      expiresAt: Math.floor(this.#now() + expiresIn * 900),
    };
  }

  /** What was before the attempt stays. */
  async #fail(queries: Queries, serial: string, failure: RegistrationFailure): Promise<void> {
    const { ended, refreshToken } = await queries.grants.of(serial);
    const row = await queries.registrations.of(serial);
    const isRegistered = ended === null && refreshToken !== null;
    const state = isRegistered ? "registered" : "unregistered";
    await queries.registrations.put(serial, state, isRegistered ? (row?.subscribed ?? 0) : 0, failure);
  }
}
