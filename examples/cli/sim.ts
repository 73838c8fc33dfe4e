import { closeSync, openSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type DevicePlan, demonstration, tabletDispenser } from "../household/plan.js";
import { printReport } from "../household/print.js";
import type { RunReport } from "../household/report.js";
import type { HouseholdOptions } from "../household/run.js";
import { readSeries, type Series, SeriesError } from "../household/series.js";
import { startProgress } from "./progress.js";
import type { Terminal } from "./terminal.js";
import { type Command, type OptionUse, UsageError } from "./usage.js";

/** What a simulation is run with. */
export interface Household {
  run(options: HouseholdOptions): Promise<RunReport>;
  /** Path of the XS engine; undefined where it is not built. */
  findXsWorker(): string | undefined;
  /** The commands that bring the XS worker. */
  xsFix(): string;
}

const DEFAULT_DAYS = 180;
const MOST_DAYS = 3650;
const DEFAULT_SEED = "everfull";
/** Quantities travel in 16 bits. */
const MOST_PACK = 65_535;
/** It stays with the sources: the compiler does not copy it. */
const DATA = fileURLToPath(new URL("../../../examples/household/data/appliance_cycles.csv", import.meta.url));

const OPTIONS: readonly OptionUse[] = [
  {
    name: "days",
    value: "N",
    about: `days to simulate, 1 to ${MOST_DAYS} and no more than the data has\n(default ${DEFAULT_DAYS}, or all of shorter data)`,
  },
  {
    name: "engine",
    value: "xs|node",
    about: "what runs the devices' program (default xs; node where XS is not built)",
  },
  { name: "seed", value: "TEXT", about: `the same seed gives the same run (default ${DEFAULT_SEED})` },
  {
    name: "broker",
    value: "mqtt://HOST:PORT",
    about: "MQTT broker to run over, one run at a time (default: one in this process)",
  },
  { name: "json", value: "FILE", about: "write the whole report there" },
  {
    name: "data",
    value: "FILE",
    about: "run one dispenser on a series of this CSV file\n(series_id,date,quantity; one line a day)",
  },
  { name: "series", value: "ID", about: "with --data: the series (default: the only one of the file)" },
  {
    name: "pack",
    value: "N",
    about: `with --data, required: units in a pack, 1 to ${MOST_PACK}; the dispenser holds one`,
  },
  { name: "quiet", about: "show no progress" },
];

/** The `sim` command. The parts are loaded only when a simulation is run; tests bring their own. */
export function simCommand(load: () => Promise<Household> = loadHousehold): Command {
  return {
    name: "sim",
    about: "Simulate a household whose devices reorder what they use up, and check what happened",
    options: OPTIONS,
    async run(values, terminal) {
      const settings = readSettings(values);
      if (settings.json !== undefined) checkWritable(settings.json);
      const devices = planDevices(settings);
      const days = daysToRun(settings.days, devices);
      return simulate(settings, days, devices, await load(), terminal);
    },
  };
}

async function loadHousehold(): Promise<Household> {
  const [{ runHousehold }, { findXsWorker, xsFix }] = await Promise.all([
    import("../household/run.js"),
    import("everfull/simulator"),
  ]);
  return { run: runHousehold, findXsWorker, xsFix };
}

interface Settings {
  readonly days: number | undefined;
  readonly engine: "xs" | "node";
  readonly seed: string;
  readonly broker: string | undefined;
  readonly json: string | undefined;
  readonly data:
    | { readonly file: string; readonly series: string | undefined; readonly pack: number }
    | undefined;
  readonly quiet: boolean;
}

/** @throws {UsageError} the option, what is accepted and what was given */
function readSettings(values: ReadonlyMap<string, string>): Settings {
  const engine = values.get("engine") ?? "xs";
  if (engine !== "xs" && engine !== "node")
    throw new UsageError(`--engine: xs or node is accepted (got "${engine}")`);
  const seed = values.get("seed") ?? DEFAULT_SEED;
  if (seed === "") throw new UsageError("--seed: a text that is not empty is accepted");
  const broker = values.get("broker");
  if (broker !== undefined && !isBroker(broker))
    throw new UsageError(`--broker: mqtt://HOST:PORT is accepted (got "${broker}")`);
  const days = values.get("days");
  return {
    days: days === undefined ? undefined : whole("--days", days, MOST_DAYS),
    engine,
    seed,
    broker,
    json: values.get("json"),
    data: readDataSettings(values),
    quiet: values.has("quiet"),
  };
}

function readDataSettings(values: ReadonlyMap<string, string>): Settings["data"] {
  const file = values.get("data");
  const pack = values.get("pack");
  if (file === undefined) {
    for (const name of ["series", "pack"])
      if (values.has(name)) throw new UsageError(`--${name} is accepted only with --data FILE`);
    return undefined;
  }
  if (pack === undefined) throw new UsageError("--data needs --pack N, the units in a pack");
  return { file, series: values.get("series"), pack: whole("--pack", pack, MOST_PACK) };
}

function whole(option: string, text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= most))
    throw new UsageError(`${option}: a whole number from 1 to ${most} is accepted (got "${text}")`);
  return value;
}

function isBroker(text: string): boolean {
  if (!/^mqtt:\/\/[^/?#@\s]+:\d+\/?$/.test(text) || !URL.canParse(text)) return false;
  const { hostname, port } = new URL(text);
  return hostname !== "" && port !== "" && port !== "0";
}

/** Refuses what could not be written before hours of simulation are spent. */
function checkWritable(file: string): void {
  const folder = dirname(file);
  if (file === "" || isFolder(file))
    throw new UsageError(`--json: the path of a file is accepted (got "${file}")`);
  if (!isFolder(folder))
    throw new UsageError(
      `--json: a file in a folder that exists is accepted (got "${file}", no folder "${folder}")`,
    );
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw new UsageError(`--json: a file that can be written is accepted (got "${file}")`, { cause: error });
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Nothing there, or a file where a folder is to be.
    return false;
  }
}

function planDevices({ data }: Settings): DevicePlan[] {
  try {
    if (data === undefined) return demonstration(readSeries(DATA));
    return [tabletDispenser(pickSeries(readSeries(data.file), data.file, data.series), data.pack)];
  } catch (error) {
    if (error instanceof SeriesError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function pickSeries(all: readonly Series[], file: string, id: string | undefined): Series {
  const picked = id === undefined && all.length === 1 ? all[0] : all.find((series) => series.id === id);
  if (picked !== undefined) return picked;
  const ids = all.map((series) => series.id).join(", ");
  throw new UsageError(
    id === undefined
      ? `--series is needed, as ${file} holds ${all.length}: ${ids}`
      : `--series: accepted are those of ${file}: ${ids} (got "${id}")`,
  );
}

function daysToRun(asked: number | undefined, devices: readonly DevicePlan[]): number {
  let days = asked ?? DEFAULT_DAYS;
  for (const { series } of devices) {
    const most = series.quantities.length;
    if (asked !== undefined && asked > most)
      throw new UsageError(
        `--days: at most ${most} are accepted, the length of series "${series.id}" (got ${asked})`,
      );
    days = Math.min(days, most);
  }
  return days;
}

async function simulate(
  settings: Settings,
  days: number,
  devices: DevicePlan[],
  household: Household,
  terminal: Terminal,
): Promise<number> {
  let engine = settings.engine;
  if (engine === "xs" && household.findXsWorker() === undefined) {
    terminal.err(
      `everfull sim: the XS engine is not built, going on in Node; to build it: ${household.xsFix()}\n`,
    );
    engine = "node";
  }
  const progress = settings.quiet ? undefined : startProgress(terminal);
  let report: RunReport;
  try {
    report = await household.run({
      days,
      engine,
      seed: settings.seed,
      ...(settings.broker === undefined ? {} : { broker: settings.broker }),
      devices,
      ...(progress === undefined ? {} : { onProgress: progress.show }),
    });
  } finally {
    progress?.end();
  }
  terminal.out(printReport(report, terminal));
  if (settings.json !== undefined) writeFileSync(settings.json, `${JSON.stringify(report, null, 2)}\n`);
  return report.checks.every((check) => check.passed) ? 0 : 1;
}
