import { equal } from "../../web/secrets.js";
import { SandboxError } from "../errors.js";
import { clientId } from "../state/identifiers.js";
import type { SandboxLwa } from "../types.js";

/** Seconds. */
const LIFETIME = 3600;
const CODE_LIFETIME = 300;
const MOST_SECONDS = 31_536_000;
const LONGEST_ID = 100;

/** A maker's app at Login with Amazon. */
export interface Client {
  readonly id: string;
  readonly secret: string;
  /** What pages call it. */
  readonly name: string;
  readonly returnUrls: readonly string[];
  /** Seconds. */
  readonly lifetime: number;
  readonly codeLifetime: number;
  readonly rotate: boolean;
}

/** All makers. */
export class Clients {
  readonly #byId: ReadonlyMap<string, Client>;

  /** @throws SandboxError BAD_OPTION */
  constructor(lwa: SandboxLwa | readonly SandboxLwa[] | undefined) {
    const given = lwa === undefined ? [] : [lwa].flat();
    this.#byId = new Map(given.map((each) => [each.clientId, checked(each)]));
    if (this.#byId.size < given.length) throw bad("lwa: clientId must be unique");
  }

  get all(): Iterable<Client> {
    return this.#byId.values();
  }

  withId(id: string): Client | undefined {
    return this.#byId.get(id);
  }

  /** @param id undefined: the first */
  idOr(id: string | undefined): string {
    return id ?? this.#byId.keys().next().value ?? clientId("drs-sandbox");
  }
}

export function isSecret(client: Client, secret: string): boolean {
  return equal(client.secret, secret);
}

/** Schemes that a browser acts on by itself. */
const NEVER = /^(?:javascript|data|vbscript|blob|file|about|filesystem|view-source|ws|wss|ftp):$/;

/** Whether a page may lead there: https, http on this machine, or an app's own scheme. */
export function isExitUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  if (protocol === "http:") return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  return !NEVER.test(protocol);
}

function checked(lwa: SandboxLwa): Client {
  const { clientId: id, clientSecret: secret, name = "the maker's app", returnUrls = [] } = lwa;
  const { lifetime = LIFETIME, codeLifetime = CODE_LIFETIME, rotate = false } = lwa;
  if (typeof id !== "string" || id === "" || Buffer.byteLength(id) > LONGEST_ID)
    throw bad(`lwa.clientId must be 1 to ${LONGEST_ID} bytes (got "${id}")`);
  for (const [field, value] of Object.entries({ lifetime, codeLifetime }))
    if (!(Number.isInteger(value) && value >= 1 && value <= MOST_SECONDS))
      throw bad(`lwa.${field} must be a whole number from 1 to ${MOST_SECONDS} (got ${value})`);
  for (const url of returnUrls)
    if (!isExitUrl(url))
      throw bad(
        `lwa.returnUrls must be https, http on this machine or of an app's own scheme (got "${url}")`,
      );
  return { id, secret, name, returnUrls: [...returnUrls], lifetime, codeLifetime, rotate };
}

function bad(message: string): SandboxError {
  return new SandboxError("BAD_OPTION", message);
}
