import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const MOST_SESSIONS = 1000;

/** A login at Amazon that is under way. */
export interface Login {
  readonly serial: string;
  /** Comes back from Amazon's pages: another site cannot know it. */
  readonly state: string;
  /** Of the device's offer. */
  readonly challenge: string;
  /** What the login gave, until the device has it. */
  code: string | undefined;
}

/** What is kept of a browser. */
export class Session {
  readonly id = secret();
  /** Forms have to bring it. */
  readonly formToken = secret();
  login: Login | undefined;
  #notice = "";

  /** Shown once, on the next page. */
  notify(text: string): void {
    this.#notice = text;
  }

  takeNotice(): string {
    const notice = this.#notice;
    this.#notice = "";
    return notice;
  }

  isForm(form: URLSearchParams): boolean {
    return equal(form.get("form_token") ?? "", this.formToken);
  }

  /** @returns the login that Amazon's page speaks of; undefined: it is none of this browser's */
  loginWith(state: string | null, serial?: string): Login | undefined {
    const { login } = this;
    const isIt = login && equal(state ?? "", login.state) && (serial ?? login.serial) === login.serial;
    return isIt ? login : undefined;
  }
}

export class Sessions {
  /** Ports of one host share their cookies: the name is to be nobody else's. */
  readonly #cookie: string;
  readonly #byId = new Map<string, Session>();

  constructor(cookie: string) {
    this.#cookie = cookie;
  }

  find(headers: IncomingHttpHeaders): Session | undefined {
    const id = new RegExp(`(?:^|; *)${this.#cookie}=([\\w-]+)`).exec(headers.cookie ?? "")?.[1];
    return id === undefined ? undefined : this.#byId.get(id);
  }

  begin(): Session {
    const session = new Session();
    this.#byId.set(session.id, session);
    if (this.#byId.size > MOST_SESSIONS) this.#byId.delete(this.#byId.keys().next().value!);
    return session;
  }

  cookieOf(session: Session, isSecure: boolean): string {
    return `${this.#cookie}=${session.id}; Path=/; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
  }
}

export function secret(): string {
  return randomBytes(18).toString("base64url");
}

/** In a time that says nothing about where they differ. */
function equal(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(left!, right!);
}
