import { onPostgres } from "./databases.js";

await onPostgres(() => import("./database.test.js"));
