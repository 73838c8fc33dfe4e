import { fileURLToPath } from "node:url";

/** Where the device program lies, as one script; `bundle.ts` makes it. */
export const DEVICE_PROGRAM = fileURLToPath(new URL("../../device/everfull-device.js", import.meta.url));
