import { onPostgres } from "./databases.js";

if (onPostgres()) await import("./leases.test.js");
