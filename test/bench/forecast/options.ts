import { closeSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type OptionUse, readArguments, UsageError } from "../../../examples/cli/usage.js";
import { CASES, type Case } from "./cases.js";
import type { Homes } from "./results.js";

export interface Options {
  /** CSV with the series. */
  readonly data: string;
  readonly homes: Homes;
  readonly cases: readonly Case[];
  readonly json: string | undefined;
  readonly svg: string | undefined;
  /** Id of the series to draw in place of all figures; undefined for figures. */
  readonly band: string | undefined;
  /** Choose constants in place of all figures. */
  readonly isTuning: boolean;
}

/** The project's own copy, which is not compiled to where the program is. */
export const DATA = fileURLToPath(
  new URL("../../../../test/bench/forecast/data/appliance_cycles.csv", import.meta.url),
);

const HOMES: readonly Homes[] = ["all", "tune", "report"];

export const USES: readonly OptionUse[] = [
  {
    name: "data",
    value: "FILE",
    about: "daily series as CSV: series_id,date,quantity; default: 73 series of 13 real homes",
  },
  {
    name: "homes",
    value: "WHICH",
    about:
      "all (default), tune or report: every second home is for choosing constants, the others for reporting",
  },
  { name: "cases", value: "LIST", about: "only these, separated by commas; default: all" },
  { name: "json", value: "FILE", about: "write all figures there, unrounded" },
  { name: "svg", value: "FILE", about: "draw them there" },
  {
    name: "band",
    value: "SERIES",
    about: "measure nothing: draw to --svg what is said of one series evening by evening, and what was true",
  },
  {
    name: "tune",
    about:
      "choose the forecast's constants on the homes for tuning alone, and say what they are worth; takes a minute",
  },
];

export function helpText(): string {
  const pairs = (rows: readonly (readonly [string, string])[]) => {
    const width = Math.max(...rows.map(([left]) => left.length));
    return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  };
  return [
    "npm run bench:forecast -- [options]",
    "",
    "Runs the forecast and ten other ways to say when a slot is empty through real series, and tells how far off each was",
    "and how late or early it ordered. Rules and definitions: test/bench/forecast/README.md",
    "",
    ...pairs([
      ...USES.map(
        ({ name, value, about }) =>
          [value === undefined ? `--${name}` : `--${name} ${value}`, about] as const,
      ),
      ["--help", "this text"],
    ]),
    "",
    "Cases:",
    ...pairs(CASES.map(({ id, about }) => [id, about])),
    "",
    "Exit code 0: measured, 2: the options or the data are wrong.",
  ].join("\n");
}

/**
 * @returns "help" to print the help instead
 * @throws {UsageError} the option, what is accepted and what was given
 */
export function readOptions(args: readonly string[]): Options | "help" {
  const values = readArguments({ options: USES }, args);
  if (values === "help") return "help";
  const homes = HOMES.find((each) => each === (values.get("homes") ?? "all"));
  if (homes === undefined)
    throw new UsageError(`--homes: one of ${HOMES.join(", ")} is accepted (got "${values.get("homes")}")`);
  const options = {
    data: values.get("data") ?? DATA,
    homes,
    cases: casesOf(values.get("cases")),
    json: values.get("json"),
    svg: values.get("svg"),
    band: values.get("band"),
    isTuning: values.has("tune"),
  };
  const beside = [...values.keys()].find((name) => name !== "tune" && name !== "data");
  if (options.isTuning && beside !== undefined)
    throw new UsageError(`--tune: only --data is accepted beside it (got --${beside})`);
  if (options.band !== undefined && options.svg === undefined)
    throw new UsageError(`--band: only with --svg is a series accepted (got "${options.band}")`);
  for (const name of ["json", "svg"] as const) checkWritable(name, options[name]);
  return options;
}

function casesOf(list: string | undefined): readonly Case[] {
  if (list === undefined) return CASES;
  const ids = list.split(",");
  for (const id of ids)
    if (!CASES.some((each) => each.id === id))
      throw new UsageError(
        `--cases: some of ${CASES.map((each) => each.id).join(",")} are accepted (got "${id}")`,
      );
  return CASES.filter(({ id }) => ids.includes(id));
}

/** Refuses what could not be written before anything is measured. */
function checkWritable(option: string, file: string | undefined): void {
  if (file === undefined) return;
  if (file === "" || isFolder(file))
    throw new UsageError(`--${option}: the path of a file is accepted (got "${file}")`);
  const folder = dirname(file);
  if (!isFolder(folder))
    throw new UsageError(
      `--${option}: a file in a folder that exists is accepted (got "${file}", no folder "${folder}")`,
    );
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw new UsageError(`--${option}: a file that can be written is accepted (got "${file}")`, {
      cause: error,
    });
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
