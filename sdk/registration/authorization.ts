import { EverfullError } from "../errors.js";
import { MOST_CLIENT_ID, MOST_CODE, MOST_REDIRECT_URI, MOST_TOKEN } from "../uplink/messages.js";

/** What the customer's log-in has given to the app. */
export interface Authorization {
  /** Authorization code: 1 to 128 printable characters without spaces. */
  readonly code: string;
  /** The app's client id at Login with Amazon: 1 to 100. */
  readonly clientId: string;
  /** As it was in the log-in, to the letter: 1 to 200. */
  readonly redirectUri: string;
}

/** @throws {EverfullError} `argument`, naming the field and what is accepted; not its value, which is a secret */
export function checkAuthorization({ code, clientId, redirectUri }: Authorization): void {
  for (const [field, value, most] of [
    ["code", code, MOST_CODE],
    ["clientId", clientId, MOST_CLIENT_ID],
    ["redirectUri", redirectUri, MOST_REDIRECT_URI],
  ] as const)
    if (!isText(value, most))
      throw new EverfullError(
        "argument",
        `${field}: 1 to ${most} printable characters are accepted (got ${String(value).length})`,
      );
}

/** The form with which a code is redeemed, without a secret (RFC 7636, section 4.5). */
export function redemption({ code, clientId, redirectUri }: Authorization, verifier: string): string {
  return (
    `grant_type=authorization_code&code=${encodeURIComponent(code)}&client_id=${encodeURIComponent(clientId)}` +
    `&redirect_uri=${encodeURIComponent(redirectUri)}&code_verifier=${verifier}`
  );
}

/** The refresh token in an answer of the token endpoint; undefined: it gave none that can be passed on. */
export function refreshTokenOf(status: number, body: string): string | undefined {
  if (status !== 200) return undefined;
  try {
    const token = JSON.parse(body)?.refresh_token;
    return isText(token, MOST_TOKEN) ? token : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most && /^[\x21-\x7e]+$/.test(value);
}
