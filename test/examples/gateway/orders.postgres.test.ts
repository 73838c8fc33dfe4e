import { onPostgres } from "./databases.js";

if (onPostgres()) await import("./orders.test.js");
