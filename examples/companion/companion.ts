import { AMAZON, type AmazonPages } from "./amazon.js";
import type { App, CompanionModel, Flow } from "./app.js";
import type { DeviceLink } from "./device-link.js";
import { type GatewayAccess, GatewayClient } from "./gateway-client.js";
import { Home } from "./home.js";
import { addFound, showFound, showHome } from "./pages/home.js";
import { openSettings, showProduct, showSupport } from "./pages/product.js";
import { askRemoval, remove, showRemoval } from "./pages/removal.js";
import {
  CALLBACK,
  comeBack,
  continueSetup,
  makeOffer,
  pair,
  remindLater,
  showOffer,
  showPairing,
  showReady,
  skip,
  startLogin,
} from "./pages/setup.js";
import type { WebServer } from "./web/server.js";
import { type Place, siteHandler } from "./web/site.js";

export interface CompanionOptions {
  /** Opened before: `callbackUrl` of its URL has to be one of the Allowed Return URLs at Login with Amazon. */
  readonly server: WebServer;
  /** Where customers reach the server, without a slash at the end: its HTTPS address. Default: the server's own. */
  readonly url?: string;
  readonly gateway: GatewayAccess;
  /** Of the maker's app at Login with Amazon. */
  readonly clientId: string;
  /** Default `device`. */
  readonly flow?: Flow;
  /** By their ids at Amazon. */
  readonly models: Readonly<Record<string, CompanionModel>>;
  /** Devices near the phone, as the local links find them. */
  readonly find: () => readonly DeviceLink[];
  /** The maker, as pages call it. */
  readonly brand: string;
  /** Where customers ask the maker. */
  readonly supportUrl: string;
  /** Default Amazon's own. */
  readonly amazon?: AmazonPages;
}

export function callbackUrl(url: string): string {
  return url + CALLBACK;
}

/** Serves the app of a device maker. For one customer: who can reach the server is that customer. */
export function serveCompanion(options: CompanionOptions): void {
  const { server, brand, flow = "device", amazon = AMAZON, clientId, supportUrl, find } = options;
  const url = options.url ?? server.url;
  const app: App = {
    look: { brand, foot: "An example of a device maker's app. Not made by or endorsed by Amazon." },
    url,
    flow,
    clientId,
    amazon,
    models: new Map(Object.entries(options.models)),
    home: new Home(),
    gateway: new GatewayClient(options.gateway),
    supportUrl,
    find,
  };
  server.serve(
    siteHandler({
      look: app.look,
      cookie: "everfull-companion",
      isSecure: url.startsWith("https:"),
      places: placesOf(app),
    }),
  );
}

function placesOf(app: App): readonly Place[] {
  return [
    { path: /^\/$/, get: showHome(app) },
    { path: /^\/setup$/, get: showFound(app), post: addFound(app) },
    { path: /^\/setup\/([^/]+)$/, get: continueSetup(app) },
    { path: /^\/setup\/([^/]+)\/offer$/, get: showOffer(app), post: makeOffer(app) },
    { path: /^\/setup\/([^/]+)\/login$/, get: startLogin(app) },
    { path: /^\/setup\/([^/]+)\/skip$/, get: skip(app) },
    { path: /^\/setup\/([^/]+)\/later$/, get: remindLater(app) },
    { path: /^\/callback$/, get: comeBack(app) },
    { path: /^\/setup\/([^/]+)\/pair$/, get: showPairing(app), post: pair(app) },
    { path: /^\/setup\/([^/]+)\/ready$/, get: showReady(app) },
    { path: /^\/devices\/([^/]+)$/, get: showProduct(app) },
    { path: /^\/devices\/([^/]+)\/dash$/, get: openSettings(app) },
    { path: /^\/devices\/([^/]+)\/support$/, get: showSupport(app) },
    { path: /^\/devices\/([^/]+)\/unlink$/, get: askRemoval(app, "unlinked"), post: remove(app, "unlinked") },
    { path: /^\/devices\/([^/]+)\/delete$/, get: askRemoval(app, "deleted"), post: remove(app, "deleted") },
    { path: /^\/devices\/([^/]+)\/removal$/, get: showRemoval(app) },
  ];
}
