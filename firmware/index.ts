export { type App, startApp } from "./app.js";
export { ConfigError, checkedDevice } from "./check.js";
export type * from "./config.js";
export type { Settings } from "./settings.js";
export { deviceOf } from "./settings.js";
export * from "./wiring/kind.js";
