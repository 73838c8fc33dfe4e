import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startGateway } from "../../../examples/gateway/index.js";
import { benchDevices } from "./devices.js";

/* One gateway of the bench. Says a line when it is ready and for each that it is sent; ends with its input. */

const [broker, drs, where, group, count] = process.argv.slice(2) as [string, string, string, string, string];
const folder = where === "directory" ? mkdtempSync(join(tmpdir(), "everfull-bench-")) : undefined;
const gateway = await startGateway({
  broker,
  drs,
  database: folder ?? where,
  ...(group !== "" && { group }),
  clock: { now: Date.now },
  devices: benchDevices(Number(count)),
  log: ({ level, ...entry }) => {
    if (level !== "info") console.error(level, JSON.stringify(entry));
  },
});
console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) {
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ cpuMs: (user + system) / 1000, resident: process.memoryUsage().rss }));
}
await gateway.close();
if (folder !== undefined) rmSync(folder, { recursive: true });
