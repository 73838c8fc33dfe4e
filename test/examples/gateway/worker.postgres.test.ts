import { onPostgres } from "./databases.js";

await onPostgres(() => import("./worker.test.js"));
