import { onPostgres } from "./databases.js";

await onPostgres(() => import("./start.test.js"));
