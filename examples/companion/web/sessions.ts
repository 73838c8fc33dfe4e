import type { IncomingHttpHeaders } from "node:http";
import { BrowserSession } from "../../web/browser-session.js";
import { equal } from "../../web/secrets.js";

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
export class Session extends BrowserSession {
  login: Login | undefined;

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
