import { onPostgres } from "./databases.js";

await onPostgres(() => import("./orders.test.js"));
