import { onPostgres } from "./databases.js";

await onPostgres(() => import("./sandbox.test.js"));
