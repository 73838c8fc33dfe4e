import { onPostgres } from "./databases.js";

await onPostgres(() => import("./leases.test.js"));
