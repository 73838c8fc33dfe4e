import type { AlexaMessage } from "./alexa-messages.js";
import type { AlexaOperation, GatewayCounts } from "./counts.js";
import { type HttpCall, httpCall } from "./http-call.js";
import { member, parse, text } from "./json.js";
import type { CallAnswer } from "./service.js";

/** North America; `api.eu.amazonalexa.com` and `api.fe.amazonalexa.com` are the others'. */
export const EVENTS_URL = "https://api.amazonalexa.com/v3/events";

/** Waiting longer than this for an answer counts as none, in milliseconds. */
const TIMEOUT_MS = 10_000;
const MESSAGE_LENGTH = 300;
const ACCEPTED = 202;

/** `disabled`: the customer has disabled the skill. */
export type EventResult =
  | { readonly kind: "accepted" }
  | { readonly kind: "disabled"; readonly message: string };

export interface AlexaClientOptions {
  /** Where events go; default {@link EVENTS_URL}. */
  readonly events?: string;
  /** Its `alexa` is counted up. */
  readonly counts: Pick<GatewayCounts, "alexa">;
  /** Longest wait for an answer, in milliseconds; default 10 s. */
  readonly timeout?: number;
  /** Makes the requests; default: over the network. */
  readonly http?: HttpCall;
}

/** Sends events to the Alexa event gateway. Never throws: an answer says what came of the call. */
export class AlexaClient {
  readonly #options: AlexaClientOptions;

  constructor(options: AlexaClientOptions) {
    this.#options = options;
  }

  /** @param token of the customer, as the message has it too */
  async send(
    operation: AlexaOperation,
    token: string,
    message: AlexaMessage,
  ): Promise<CallAnswer<EventResult>> {
    const { counts, events = EVENTS_URL, http = httpCall, timeout = TIMEOUT_MS } = this.#options;
    counts.alexa[operation]++;
    const request = {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(message),
    };
    const answer = await http(events, request, timeout);
    if (!answer.answered)
      return { kind: "unanswered", inDoubt: answer.sent, reachable: false, message: answer.message };
    const { status } = answer;
    if (status === ACCEPTED) return { kind: "done", value: { kind: "accepted" } };
    const payload = member(parse(answer.text), "payload");
    const code = text(payload, "code");
    const why = `status ${status}: ${code ?? ""} ${text(payload, "description") ?? ""}`.trim();
    const explained = why.slice(0, MESSAGE_LENGTH);
    if (code === "SKILL_DISABLED_EXCEPTION")
      return { kind: "done", value: { kind: "disabled", message: explained } };
    // Other reasons of a 403 are for the maker to put right (region, permission): nothing is lost until then.
    if (status === 401 || status === 403 || code === "INVALID_ACCESS_TOKEN_EXCEPTION")
      return { kind: "unauthorized", message: explained };
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      return { kind: "refused", status, message: explained };
    return { kind: "unanswered", inDoubt: true, reachable: true, message: explained };
  }
}
