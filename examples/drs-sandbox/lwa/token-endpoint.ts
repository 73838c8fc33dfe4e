import { createHash } from "node:crypto";
import { equal } from "../../web/secrets.js";
import type { HttpCall, HttpReply } from "../http.js";
import type { Agenda } from "../state/agenda.js";
import type { Device } from "../state/devices.js";
import type { TokenCounts } from "../types.js";
import type { AuthorizationRequest, Challenge } from "./authorization.js";
import { type Client, type Clients, isSecret } from "./clients.js";

/** The reference spells the last but one part both ways. */
const PATH = /^\/auth\/o2\/token$/i;

const ERROR_TYPE = "OA2InvalidRequestException:http://internal.amazon.com/coral/com.amazon.panda/";

const MOST_FORMER = 1000;

type LwaError = "invalid_request" | "invalid_client" | "invalid_grant" | "unsupported_grant_type";

export interface LwaServiceOptions {
  agenda: Agenda;
  clients: Clients;
  /** The device that was registered with a refresh token. */
  withRefreshToken: (token: string) => Device | undefined;
  /** Goes into every code and token, see SandboxOptions.run. */
  run: string;
}

interface Code {
  readonly device: Device;
  readonly request: AuthorizationRequest;
  readonly expiresAt: number;
}

/** Codes and tokens of Login with Amazon, and the endpoint that gives the latter for the former. */
export class LwaService {
  readonly #options: LwaServiceOptions;
  readonly #tokens = new Map<string, { readonly device: Device; readonly expiresAt: number }>();
  readonly #codes = new Map<string, Code>();
  /** Tokens of devices that were deregistered. */
  readonly #former = new Map<string, Device>();
  readonly #logins = new Map<Device, AuthorizationRequest>();
  #issued = 0;
  #refused = 0;
  #authorized = 0;

  constructor(options: LwaServiceOptions) {
    this.#options = options;
  }

  get counts(): TokenCounts {
    return { issued: this.#issued, refused: this.#refused };
  }

  /** Whether a path is the endpoint's. */
  static isAt(path: string): boolean {
    return PATH.test(path);
  }

  /** The device that an access token stands for, as long as it is good. */
  withToken(token: string): Device | undefined {
    const found = this.#tokens.get(token);
    return found && this.#options.agenda.now() < found.expiresAt ? found.device : undefined;
  }

  /** Voids the access tokens of a device. */
  expire(device: Device): void {
    for (const [token, entry] of this.#tokens) if (entry.device === device) this.#tokens.delete(token);
  }

  /** The last login of a device that was deregistered since, by an access token it had. */
  formerLogin(token: string): AuthorizationRequest | undefined {
    const device = this.#former.get(token);
    return device && this.#logins.get(device);
  }

  /** Voids the access tokens and codes of a device. */
  end(device: Device): void {
    for (const [token, entry] of this.#tokens) {
      if (entry.device !== device) continue;
      this.#former.set(token, device);
      if (this.#former.size > MOST_FORMER) this.#former.delete(this.#former.keys().next().value!);
    }
    this.expire(device);
    for (const [code, entry] of this.#codes) if (entry.device === device) this.#codes.delete(code);
  }

  /** A code for an app whose customer has agreed. */
  authorize(device: Device, request: AuthorizationRequest): string {
    const now = this.#options.agenda.now();
    for (const [code, { expiresAt }] of this.#codes) if (expiresAt <= now) this.#codes.delete(code);
    this.#authorized += 1;
    this.#logins.set(device, request);
    const code = createHash("sha256")
      .update(JSON.stringify(["code", this.#options.run, device.serial, this.#authorized]))
      .digest("hex")
      .slice(0, 20);
    this.#codes.set(code, { device, request, expiresAt: now + request.client.codeLifetime * 1000 });
    return code;
  }

  /** Undefined: the request is not for this endpoint. */
  async answer(call: HttpCall): Promise<HttpReply | undefined> {
    if (!LwaService.isAt(call.path)) return undefined;
    const body = await call.body();
    const isForm = /^application\/x-www-form-urlencoded\b/i.test(call.headers["content-type"] ?? "");
    if (call.method !== "POST" || body === undefined || !isForm)
      return this.#refuse("invalid_request", "The request must be a POST of a form");
    const form = new URLSearchParams(body);
    const login = credentials(call.headers.authorization);
    const given = (name: string) => form.get(name) ?? login.get(name) ?? "";
    switch (given("grant_type")) {
      case "":
        return this.#refuse("invalid_request", missing("grant_type"));
      case "authorization_code":
        return this.#exchange(given);
      case "refresh_token":
        return this.#refresh(given);
      default:
        return this.#refuse(
          "unsupported_grant_type",
          "grant_type must be authorization_code or refresh_token",
        );
    }
  }

  #exchange(given: (name: string) => string): HttpReply {
    for (const name of ["code", "client_id", "redirect_uri"])
      if (given(name) === "") return this.#refuse("invalid_request", missing(name));
    const code = this.#codes.get(given("code"));
    const challenge = code?.request.challenge;
    // who has a verifier needs no secret; one that is given must be right all the same
    if (given("client_secret") === "" && given("code_verifier") === "")
      return this.#refuse("invalid_request", missing(challenge ? "code_verifier" : "client_secret"));
    const client = this.#client(given);
    if (client === undefined) return this.#refuse("invalid_client", "Client authentication failed");
    const isGood =
      code !== undefined &&
      this.#options.agenda.now() < code.expiresAt &&
      code.request.client === client &&
      code.request.redirectUri === given("redirect_uri");
    if (!isGood) return this.#refuse("invalid_grant", invalid("code"));
    if (challenge === undefined && given("client_secret") === "")
      return this.#refuse("invalid_request", missing("client_secret"));
    if (challenge !== undefined && given("code_verifier") === "")
      return this.#refuse("invalid_request", missing("code_verifier"));
    if (challenge !== undefined && !isVerifier(challenge, given("code_verifier")))
      return this.#refuse("invalid_grant", invalid("code_verifier"));
    this.#codes.delete(given("code"));
    const { device } = code;
    device.isPublic = given("client_secret") === "";
    return this.#issue(device, client, true);
  }

  #refresh(given: (name: string) => string): HttpReply {
    for (const name of ["refresh_token", "client_id"])
      if (given(name) === "") return this.#refuse("invalid_request", missing(name));
    const { clients, withRefreshToken } = this.#options;
    const device = withRefreshToken(given("refresh_token"));
    if (given("client_secret") === "" && !device?.isPublic)
      return this.#refuse("invalid_request", missing("client_secret"));
    const client = this.#client(given);
    if (client === undefined) return this.#refuse("invalid_client", "Client authentication failed");
    if (device === undefined || clients.idOr(device.clientId) !== client.id)
      return this.#refuse("invalid_grant", invalid("refresh_token"));
    return this.#issue(device, client, client.rotate);
  }

  /** @returns undefined: there is none of that id, or the secret is wrong */
  #client(given: (name: string) => string): Client | undefined {
    const client = this.#options.clients.withId(given("client_id"));
    const secret = given("client_secret");
    return client && (secret === "" || isSecret(client, secret)) ? client : undefined;
  }

  /** @param rotate whether the refresh token is another from now on */
  #issue(device: Device, client: Client, rotate: boolean): HttpReply {
    const now = this.#options.agenda.now();
    for (const [token, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(token);
    this.#issued += 1;
    const token = this.#token("Atza", device);
    if (rotate) device.refreshToken = this.#token("Atzr", device);
    this.#tokens.set(token, { device, expiresAt: now + client.lifetime * 1000 });
    return {
      status: 200,
      headers: { "Cache-Control": "no-store" },
      json: {
        access_token: token,
        refresh_token: device.refreshToken,
        token_type: "bearer",
        expires_in: client.lifetime,
      },
    };
  }

  /** At least 350 characters, as Amazon's; nobody is kept out by them. */
  #token(prefix: string, device: Device): string {
    let text = "";
    for (let part = 0; text.length < 350; part += 1)
      text += createHash("sha256")
        .update(JSON.stringify([prefix, this.#options.run, device.serial, this.#issued, part]))
        .digest("base64url");
    return `${prefix}|${text}`;
  }

  #refuse(error: LwaError, description: string): HttpReply {
    this.#refused += 1;
    return {
      status: error === "invalid_client" ? 401 : 400,
      headers: { "X-Amzn-Errortype": ERROR_TYPE, "Cache-Control": "no-store" },
      json: { error, error_description: description },
    };
  }
}

/** What the endpoint answers when it is out of order. */
export function tokenOutage(status: number): HttpReply {
  return {
    status,
    headers: { "X-Amzn-Errortype": ERROR_TYPE, "Cache-Control": "no-store" },
    json: { error: "server_error", error_description: "The server has an internal error" },
  };
}

/** A client can say who it is in the header as well as in the form. */
function credentials(authorization = ""): ReadonlyMap<string, string> {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization)?.[1] ?? "";
  const [id = "", ...secret] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  return new Map(
    id === ""
      ? []
      : [
          ["client_id", id],
          ["client_secret", secret.join(":")],
        ],
  );
}

function isVerifier({ method, value }: Challenge, verifier: string): boolean {
  return equal(
    value,
    method === "plain" ? verifier : createHash("sha256").update(verifier).digest("base64url"),
  );
}

function missing(name: string): string {
  return `The request is missing a required parameter : ${name}`;
}

function invalid(name: string): string {
  return `The request has an invalid grant parameter : ${name}`;
}
