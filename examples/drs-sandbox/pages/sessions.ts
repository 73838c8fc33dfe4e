import type { IncomingHttpHeaders } from "node:http";
import { BrowserSession } from "../../web/browser-session.js";
import { secret } from "../../web/secrets.js";
import type { AuthorizationRequest } from "../lwa/authorization.js";
import type { Customer } from "../state/customers.js";
import type { Device } from "../state/devices.js";
import type { Product } from "../state/models.js";

/** Ports of one host share their cookies: the name is to be nobody else's. */
const COOKIE = "drs-sandbox-session";
const MOST_SESSIONS = 1000;
const MOST_VISITS = 100;

/** A login for a device that is under way. */
export interface Flow {
  readonly id: string;
  readonly request: AuthorizationRequest;
  /** Once the customer has agreed: what was registered, and its place among the device's changes. */
  consent: { readonly device: Device; readonly customer: Customer; readonly change: number } | undefined;
  /** Product by slot id; undefined: not asked yet. */
  products: ReadonlyMap<string, Product | undefined> | undefined;
}

/** A look at the settings of a device, from its app. */
export interface Visit {
  readonly id: string;
  readonly device: Device;
  /** Undefined: no way back is shown. */
  readonly exitUri: string | undefined;
}

/** What is kept of a browser. */
export class Session extends BrowserSession {
  customer: Customer | undefined;
  readonly #flows = new Map<string, Flow>();
  readonly #visits = new Map<string, Visit>();

  startFlow(request: AuthorizationRequest): Flow {
    const flow: Flow = { id: secret(), request, consent: undefined, products: undefined };
    keep(this.#flows, flow.id, flow, MOST_VISITS);
    return flow;
  }

  flow(id: string): Flow | undefined {
    return this.#flows.get(id);
  }

  endFlow(flow: Flow): void {
    this.#flows.delete(flow.id);
  }

  startVisit(device: Device, exitUri: string | undefined): Visit {
    const visit: Visit = { id: secret(), device, exitUri };
    keep(this.#visits, visit.id, visit, MOST_VISITS);
    return visit;
  }

  visit(id: string): Visit | undefined {
    return this.#visits.get(id);
  }
}

/** All browsers; those that have not been here for longest are forgotten. */
export class Sessions {
  readonly #byId = new Map<string, Session>();

  /** @returns the browser's session, or a new one */
  of(headers: IncomingHttpHeaders): Session {
    const found = this.find(headers);
    if (found) return found;
    const session = new Session();
    keep(this.#byId, session.id, session, MOST_SESSIONS);
    return session;
  }

  find(headers: IncomingHttpHeaders): Session | undefined {
    const id = new RegExp(`(?:^|; *)${COOKIE}=([\\w-]+)`).exec(headers.cookie ?? "")?.[1];
    const session = id === undefined ? undefined : this.#byId.get(id);
    if (id !== undefined && session) keep(this.#byId, id, session, MOST_SESSIONS);
    return session;
  }

  /** Gives a session another id: one that was known before the customer signed in is good for nothing after. */
  renew(session: Session): void {
    this.#byId.delete(session.id);
    session.id = secret();
    keep(this.#byId, session.id, session, MOST_SESSIONS);
  }
}

export function cookieOf(session: Session): string {
  return `${COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Lax`;
}

/** Puts an entry last, and drops the first if there are too many. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}
