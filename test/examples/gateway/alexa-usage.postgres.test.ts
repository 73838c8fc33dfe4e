import { onPostgres } from "./databases.js";

await onPostgres(() => import("./alexa-usage.test.js"));
