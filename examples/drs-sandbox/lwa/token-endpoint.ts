import { createHash } from "node:crypto";
import type { HttpCall, HttpReply } from "../http.js";
import type { Agenda } from "../state/agenda.js";
import type { Device } from "../state/devices.js";
import type { SandboxLwa, TokenCounts } from "../types.js";

/** The reference spells the last but one part both ways. */
const PATH = /^\/auth\/o2\/token$/i;
/** Seconds. */
const LIFETIME = 3600;

const ERROR_TYPE = "OA2InvalidRequestException:http://internal.amazon.com/coral/com.amazon.panda/";

type LwaError = "invalid_request" | "invalid_client" | "invalid_grant" | "unsupported_grant_type";

export interface LwaServiceOptions {
  agenda: Agenda;
  /** Absent: every client is unknown. */
  client: SandboxLwa | undefined;
  /** The device that was registered with a refresh token. */
  withRefreshToken: (token: string) => Device | undefined;
  /** Goes into every token, see SandboxOptions.run. */
  run: string;
}

/** The token endpoint of Login with Amazon, as far as a refresh goes. */
export class LwaService {
  readonly #options: LwaServiceOptions;
  readonly #tokens = new Map<string, { readonly device: Device; readonly expiresAt: number }>();
  #issued = 0;
  #refused = 0;

  constructor(options: LwaServiceOptions) {
    this.#options = options;
  }

  get counts(): TokenCounts {
    return { issued: this.#issued, refused: this.#refused };
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

  /** Undefined: the request is not for this endpoint. */
  async answer(call: HttpCall): Promise<HttpReply | undefined> {
    if (!PATH.test(call.path)) return undefined;
    const body = await call.body();
    const isForm = /^application\/x-www-form-urlencoded\b/i.test(call.headers["content-type"] ?? "");
    if (call.method !== "POST" || body === undefined || !isForm)
      return this.#refuse("invalid_request", "The request must be a POST of a form");
    const form = new URLSearchParams(body);
    const given = (name: string) => form.get(name) ?? "";
    if (given("grant_type") === "") return this.#refuse("invalid_request", missing("grant_type"));
    if (given("grant_type") !== "refresh_token")
      return this.#refuse("unsupported_grant_type", "grant_type must be refresh_token");
    for (const name of ["refresh_token", "client_id", "client_secret"])
      if (given(name) === "") return this.#refuse("invalid_request", missing(name));
    const { client, withRefreshToken } = this.#options;
    if (client?.clientId !== given("client_id") || client.clientSecret !== given("client_secret"))
      return this.#refuse("invalid_client", "Client authentication failed");
    const device = withRefreshToken(given("refresh_token"));
    if (device === undefined)
      return this.#refuse("invalid_grant", "The request has an invalid grant parameter : refresh_token");
    return this.#issue(device, client);
  }

  #issue(device: Device, { lifetime = LIFETIME, rotate = false }: SandboxLwa): HttpReply {
    const now = this.#options.agenda.now();
    for (const [token, { expiresAt }] of this.#tokens) if (expiresAt <= now) this.#tokens.delete(token);
    this.#issued += 1;
    const token = this.#token("Atza", device);
    if (rotate) device.refreshToken = this.#token("Atzr", device);
    this.#tokens.set(token, { device, expiresAt: now + lifetime * 1000 });
    return {
      status: 200,
      headers: { "Cache-Control": "no-store" },
      json: {
        access_token: token,
        refresh_token: device.refreshToken,
        token_type: "bearer",
        expires_in: lifetime,
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
      headers: { "X-Amzn-Errortype": ERROR_TYPE },
      json: { error, error_description: description },
    };
  }
}

function missing(name: string): string {
  return `The request is missing a required parameter : ${name}`;
}
