import { onPostgres } from "./databases.js";

if (onPostgres()) await import("./operation.test.js");
