import type { AmazonPages } from "./amazon.js";
import type { DeviceLink } from "./device-link.js";
import type { GatewayClient } from "./gateway-client.js";
import type { Home, HomeDevice } from "./home.js";
import type { Look } from "./web/layout.js";
import { seeOther } from "./web/layout.js";
import type { WebReply } from "./web/server.js";

/** One of the maker's models. */
export interface CompanionModel {
  readonly name: string;
  /** Of the teaser page, from Amazon's portal. */
  readonly compositeId: string;
  /** What customers call a slot, by its id. */
  readonly slots: Readonly<Record<string, string>>;
}

/**
 * `device`: the device makes the PKCE verifier, and the code goes to it over the local link. `web`: the gateway redeems the code with its client
 * secret.
 */
export type Flow = "device" | "web";

/** What all pages work with. */
export interface App {
  readonly look: Look;
  /** Of the app itself, without a slash at the end. */
  readonly url: string;
  readonly flow: Flow;
  readonly clientId: string;
  readonly amazon: AmazonPages;
  readonly models: ReadonlyMap<string, CompanionModel>;
  readonly home: Home;
  readonly gateway: GatewayClient;
  /** Where customers ask the maker. */
  readonly supportUrl: string;
  /** Devices near the phone, as the local links find them. */
  find(): readonly DeviceLink[];
}

/** Path of a device's pages. */
export function devicePath(serial: string, more = ""): string {
  return `/devices/${encodeURIComponent(serial)}${more}`;
}

export function setupPath(serial: string, more = ""): string {
  return `/setup/${encodeURIComponent(serial)}${more}`;
}

export function modelOf({ models }: App, { model }: Pick<DeviceLink, "model">): CompanionModel {
  return models.get(model) ?? { name: model, compositeId: "", slots: {} };
}

/** Runs a task with the device that a path names; without one, to the front. */
export function withDevice(
  { home }: App,
  serial: string | undefined,
  task: (device: HomeDevice) => Promise<WebReply> | WebReply,
): Promise<WebReply> | WebReply {
  const device = home.find(serial ?? "");
  return device === undefined ? seeOther("/") : task(device);
}
