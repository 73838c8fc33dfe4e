import { onPostgres } from "./databases.js";

if (onPostgres()) await import("./database.test.js");
