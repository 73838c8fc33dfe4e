import { onPostgres } from "./databases.js";

await onPostgres(() => import("./operation.test.js"));
