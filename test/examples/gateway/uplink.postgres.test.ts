import { onPostgres } from "./databases.js";

await onPostgres(() => import("./uplink.test.js"));
