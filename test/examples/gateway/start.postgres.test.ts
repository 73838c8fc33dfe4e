import { onPostgres } from "./databases.js";

if (onPostgres()) await import("./start.test.js");
