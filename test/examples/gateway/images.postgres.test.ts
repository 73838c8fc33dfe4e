import { onPostgres } from "./databases.js";

await onPostgres(() => import("./images.test.js"));
