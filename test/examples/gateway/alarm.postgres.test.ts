import { onPostgres } from "./databases.js";

await onPostgres(() => import("./alarm.test.js"));
