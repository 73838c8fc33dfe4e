export * from "./uplink/index.js";
