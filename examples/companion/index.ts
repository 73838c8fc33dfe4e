/** A device maker's app for replenishment; see README.md. */
export { AMAZON, type AmazonPages } from "./amazon.js";
export type { CompanionModel, Flow } from "./app.js";
export { type CompanionOptions, callbackUrl, serveCompanion } from "./companion.js";
export { type Demo, type DemoHome, type DemoOptions, type HomeOptions, startDemo } from "./demo/demo.js";
export type { DeviceLink, LinkLevel, LinkOffer, LinkStatus } from "./device-link.js";
export { CompanionError, type CompanionErrorCode } from "./errors.js";
export { openServer, type WebServer, type WebServerOptions } from "./web/server.js";
