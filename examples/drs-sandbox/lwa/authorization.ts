import { isName, type Model, type Models } from "../state/models.js";
import type { Client, Clients } from "./clients.js";

export const SCOPE = "dash:replenish";

/** What an app asks its customer for, checked. */
export interface AuthorizationRequest {
  readonly client: Client;
  readonly redirectUri: string;
  /** As given; undefined: none was. */
  readonly state: string | undefined;
  /** Undefined: the code is exchanged with the client's secret. */
  readonly challenge: Challenge | undefined;
  readonly model: Model;
  readonly serial: string;
  readonly isTest: boolean;
}

export interface Challenge {
  readonly method: "plain" | "S256";
  readonly value: string;
}

export type ReadRequest =
  | { readonly kind: "request"; readonly request: AuthorizationRequest }
  /** The app is told. */
  | { readonly kind: "redirect"; readonly location: string }
  /** Nobody can be told but who is looking at the page: where the app is, is not known. */
  | { readonly kind: "page"; readonly message: string };

/** Names that OAuth has for what is wrong with a request. */
export type AuthorizationError =
  | "invalid_request"
  | "unauthorized_client"
  | "access_denied"
  | "unsupported_response_type"
  | "invalid_scope";

/** Reads the query of `/ap/oa`. */
export function readAuthorization(query: URLSearchParams, clients: Clients, models: Models): ReadRequest {
  for (const name of new Set(query.keys()))
    if (query.getAll(name).length > 1) return page(`${name} is given more than once`);
  const client = clients.withId(query.get("client_id") ?? "");
  if (client === undefined) return page("client_id is none of a known app");
  const redirectUri = query.get("redirect_uri") ?? "";
  if (!client.returnUrls.includes(redirectUri))
    return page("redirect_uri is none of the app's Allowed Return URLs");

  const state = query.get("state") ?? undefined;
  const wrong = (error: AuthorizationError, description: string): ReadRequest => ({
    kind: "redirect",
    location: failed({ redirectUri, state }, error, description),
  });
  if (!query.get("response_type")) return wrong("invalid_request", "response_type is missing");
  if (query.get("response_type") !== "code")
    return wrong("unsupported_response_type", "response_type must be code");
  if (!query.get("scope")) return wrong("invalid_request", "scope is missing");
  if (query.get("scope") !== SCOPE) return wrong("invalid_scope", `scope must be ${SCOPE}`);
  const challenge = readChallenge(query);
  if (typeof challenge === "string") return wrong("invalid_request", challenge);
  const data = readScopeData(query.get("scope_data"));
  if (typeof data === "string") return wrong("invalid_request", data);
  const model = models.withId(data.model);
  if (model === undefined)
    return wrong("invalid_request", "scope_data: device_model is none of a known model");
  if (clients.idOr(model.clientId) !== client.id)
    return wrong("unauthorized_client", "scope_data: device_model is another maker's");
  if (!model.isLive && !data.includesNonLive)
    return wrong(
      "invalid_scope",
      "scope_data: device_model is not live, and should_include_non_live is not set",
    );
  const { serial, isTest } = data;
  return { kind: "request", request: { client, redirectUri, state, challenge, model, serial, isTest } };
}

type Exit = Pick<AuthorizationRequest, "redirectUri" | "state">;

/** Where a browser goes with a code. */
export function succeeded(exit: Exit, code: string): string {
  // the colon as the documentation prints it
  return withQuery(exit, `code=${encodeURIComponent(code)}&scope=${SCOPE}`);
}

/** Where a browser goes without one. */
export function failed(exit: Exit, error: AuthorizationError, description: string): string {
  return withQuery(exit, `error=${error}&error_description=${encodeURIComponent(description)}`);
}

function withQuery({ redirectUri, state }: Exit, query: string): string {
  const [url = "", fragment] = redirectUri.split("#", 2);
  const more = state === undefined ? "" : `&state=${encodeURIComponent(state)}`;
  const end = fragment === undefined ? "" : `#${fragment}`;
  return `${url}${url.includes("?") ? "&" : "?"}${query}${more}${end}`;
}

function page(message: string): ReadRequest {
  return { kind: "page", message };
}

/** @returns what is wrong, as a text */
function readChallenge(query: URLSearchParams): Challenge | undefined | string {
  const value = query.get("code_challenge");
  const method = query.get("code_challenge_method") ?? "plain";
  if (method !== "plain" && method !== "S256") return "code_challenge_method must be S256 or plain";
  if (value === null) return query.has("code_challenge_method") ? "code_challenge is missing" : undefined;
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(value))
    return "code_challenge must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~";
  return { method, value };
}

interface ScopeData {
  readonly model: string;
  readonly serial: string;
  readonly isTest: boolean;
  readonly includesNonLive: boolean;
}

/** @returns what is wrong, as a text */
function readScopeData(text: string | null): ScopeData | string {
  if (text === null) return "scope_data is missing";
  let data: unknown;
  try {
    data = (JSON.parse(text) as Record<string, unknown> | null)?.[SCOPE];
  } catch {
    return "scope_data is not JSON";
  }
  if (typeof data !== "object" || data === null) return `scope_data has no member ${SCOPE}`;
  const {
    device_model: model,
    serial,
    is_test_device,
    should_include_non_live,
  } = data as Record<string, unknown>;
  for (const [name, value] of Object.entries({ device_model: model, serial }))
    if (!isName(value)) return `scope_data: ${name} must be 1 to 64 characters of A-Z a-z 0-9 - + _`;
  const isTest = flag(is_test_device);
  if (isTest === undefined) return "scope_data: is_test_device must be true or false";
  const includesNonLive = flag(should_include_non_live);
  if (includesNonLive === undefined) return "scope_data: should_include_non_live must be true or false";
  return { model: model as string, serial: serial as string, isTest, includesNonLive };
}

/** Web and mobile samples differ: a boolean, or a text that says one. */
function flag(value: unknown): boolean | undefined {
  if (value === undefined || value === false || value === "false") return false;
  return value === true || value === "true" ? true : undefined;
}
