import { onPostgres } from "./databases.js";

await onPostgres(() => import("./alexa.test.js"));
