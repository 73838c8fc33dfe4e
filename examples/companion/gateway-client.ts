import type { AppDevice } from "../gateway/index.js";
import { CompanionError } from "./errors.js";

/** Longest wait for an answer, in milliseconds: a customer is waiting, too. */
const PATIENCE = 10_000;

export interface GatewayAccess {
  /** Base URL of the gateway's listener for apps. */
  readonly url: string;
  /** The bearer token that goes with it. */
  readonly token: string;
}

/** What the app's backend asks the gateway. All reject with a `CompanionError` `gateway`. */
export class GatewayClient {
  readonly #access: GatewayAccess;

  constructor(access: GatewayAccess) {
    this.#access = access;
  }

  async device(serial: string): Promise<AppDevice> {
    return (await this.#call("GET", path(serial))) as AppDevice;
  }

  /** Has the gateway redeem a code of the web flow. */
  async authorize(serial: string, code: string, redirectUri: string): Promise<AppDevice> {
    return (await this.#call("POST", path(serial, "/authorization"), { code, redirectUri })) as AppDevice;
  }

  async deregister(serial: string): Promise<void> {
    await this.#call("DELETE", path(serial, "/registration"));
  }

  /** Holds an access token: for the customer's browser, at once. */
  async settingsLink(serial: string, exitUri: string): Promise<string> {
    const query = `/settings-link?exitUri=${encodeURIComponent(exitUri)}`;
    return ((await this.#call("GET", path(serial, query))) as { url: string }).url;
  }

  async #call(method: string, where: string, body?: unknown): Promise<unknown> {
    const { url, token } = this.#access;
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(url + where, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        signal: AbortSignal.timeout(PATIENCE),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      answer = await response.json();
    } catch (error) {
      throw new CompanionError("gateway", `no answer: ${(error as Error).message}`, "unavailable");
    }
    if (response.ok) return answer;
    const { code = "failed", message = "" } =
      (answer as { error?: { code?: string; message?: string } }).error ?? {};
    throw new CompanionError("gateway", `${response.status}: ${message}`, code);
  }
}

function path(serial: string, more = ""): string {
  return `/devices/${encodeURIComponent(serial)}${more}`;
}
