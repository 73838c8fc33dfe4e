import { onPostgres } from "./databases.js";

await onPostgres(() => import("./settings.test.js"));
