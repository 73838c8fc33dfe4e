import { onPostgres } from "./databases.js";

if (onPostgres()) await import("./uplink.test.js");
