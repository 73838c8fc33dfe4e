export * from "./meters/index.js";
export * from "./sensors/index.js";
