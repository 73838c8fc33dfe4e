import { onPostgres } from "./databases.js";

await onPostgres(() => import("./retries.test.js"));
