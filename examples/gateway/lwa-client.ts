import type { GatewayCounts } from "./counts.js";
import { httpCall } from "./http-call.js";
import { member, parse, text } from "./json.js";

/** Login with Amazon, as the maker's security profile names it. */
export interface LwaOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Token endpoint; default {@link LWA_TOKEN_URL}. */
  readonly tokenUrl?: string;
}

export const LWA_TOKEN_URL = "https://api.amazon.com/auth/o2/token";

/** Waiting longer than this for an answer counts as none, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** Lifetime of an access token that does not tell its own, in seconds. */
const LIFETIME_S = 3600;
const MESSAGE_LENGTH = 300;

export type LwaAnswer =
  | {
      readonly kind: "granted";
      readonly accessToken: string;
      /** The one to use from now on; absent: the same as before. */
      readonly refreshToken: string | undefined;
      /** Seconds. */
      readonly expiresIn: number;
    }
  /** The refresh token or the code is dead, or the code is not given to whoever asked: the customer has removed the product, it was deregistered, or too much time has passed. */
  | { readonly kind: "ended"; readonly message: string }
  /** It is the client that is not accepted, or what it asks for: nothing is known against the refresh token, and asking again helps when somebody has put that right. */
  | { readonly kind: "rejected"; readonly message: string }
  /** No token, but nothing is known against the refresh token: to be tried again. */
  | { readonly kind: "failed"; readonly message: string };

/** Asks Login with Amazon for access tokens. Never throws. */
export class LwaClient {
  readonly #options: LwaOptions;
  readonly #counts: Pick<GatewayCounts, "lwa">;
  readonly #timeout: number;

  /** @param timeout longest wait for an answer, in milliseconds */
  constructor(options: LwaOptions, counts: Pick<GatewayCounts, "lwa">, timeout = TIMEOUT_MS) {
    this.#options = options;
    this.#counts = counts;
    this.#timeout = timeout;
  }

  /** @param clientId whom it was given to without a secret; null: this client */
  refresh(refreshToken: string, clientId: string | null): Promise<LwaAnswer> {
    const client = clientId === null ? {} : { client_id: clientId };
    return this.#ask({ grant_type: "refresh_token", refresh_token: refreshToken, ...client });
  }

  /**
   * Redeems an authorization code: as this client, with its secret, unless the form names another.
   *
   * @param form `code`, `redirect_uri` and what belongs to them
   */
  redeem(form: Readonly<Record<string, string>>): Promise<LwaAnswer> {
    return this.#ask({ grant_type: "authorization_code", ...form });
  }

  async #ask(form: Readonly<Record<string, string>>): Promise<LwaAnswer> {
    const answer = await this.#answer(form);
    this.#counts.lwa[answer.kind]++;
    return answer;
  }

  async #answer(form: Readonly<Record<string, string>>): Promise<LwaAnswer> {
    const { clientId, clientSecret, tokenUrl = LWA_TOKEN_URL } = this.#options;
    const own = form.client_id === undefined ? { client_id: clientId, client_secret: clientSecret } : {};
    const body = new URLSearchParams({ ...form, ...own });
    const answer = await httpCall(tokenUrl, { method: "POST", body }, this.#timeout);
    if (!answer.answered) return { kind: "failed", message: `Login with Amazon: ${answer.message}` };
    const json = parse(answer.text);
    if (answer.status !== 200) {
      const error = text(json, "error");
      const message = `Login with Amazon: status ${answer.status}: ${error ?? ""} ${text(json, "error_description") ?? ""}`;
      return {
        kind: failureOf(answer.status, error, form),
        message: message.trim().slice(0, MESSAGE_LENGTH),
      };
    }
    const accessToken = token(json, "access_token");
    if (accessToken === undefined)
      return { kind: "failed", message: "Login with Amazon: access_token is missing or no token" };
    const lifetime = member(json, "expires_in");
    return {
      kind: "granted",
      accessToken,
      refreshToken: token(json, "refresh_token"),
      expiresIn: typeof lifetime === "number" && lifetime > 0 ? lifetime : LIFETIME_S,
    };
  }
}

function failureOf(
  status: number,
  error: string | null,
  form: Readonly<Record<string, string>>,
): "ended" | "rejected" | "failed" {
  if (status < 400 || status > 499 || status === 408 || status === 429) return "failed";
  if (form.grant_type !== "authorization_code")
    return status === 400 && error === "invalid_grant" ? "ended" : "rejected";
  const isOwnFault = error === "invalid_client" || error === "unauthorized_client";
  // A code is good for a single client, address and verifier: what is wrong with a request for it stays wrong.
  return isOwnFault && form.client_id === undefined ? "rejected" : "ended";
}

function token(json: unknown, name: string): string | undefined {
  const found = text(json, name);
  return found !== null && isToken(found) ? found : undefined;
}

/** Whether a text can travel in a header: a line break would end it. */
export function isToken(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}
