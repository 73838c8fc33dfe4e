import { parseArgs } from "node:util";
import type { Terminal } from "./terminal.js";

export interface OptionUse {
  /** Without its dashes. */
  readonly name: string;
  /** What to write for its value; absent: it takes none. */
  readonly value?: string;
  /** What it is for, what is accepted and the default. */
  readonly about: string;
}

export interface Command {
  readonly name: string;
  /** One line. */
  readonly about: string;
  readonly options: readonly OptionUse[];
  /**
   * @param values of the options that were given, in `options`; "" for one that takes none
   * @returns the exit code: 0 done, 1 it failed
   * @throws {UsageError}
   */
  run(values: ReadonlyMap<string, string>, terminal: Terminal): Promise<number>;
}

/** Bad usage: exit code 2. The message names what was given and what is accepted. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly code = "usage";
}

const HELP: OptionUse = { name: "help", about: "print this and do nothing else (also -h)" };

/**
 * @returns the options that were given, the last of those given twice; "help" to print the usage instead
 * @throws {UsageError} an option that the command does not have, without its value or with one too many
 */
export function readArguments(
  command: Pick<Command, "options">,
  args: readonly string[],
): Map<string, string> | "help" {
  const accepted = [...command.options, HELP];
  // Not strict: its messages do not name what is accepted.
  const { tokens } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(
        command.options.map(({ name, value }) => [
          name,
          { type: value === undefined ? ("boolean" as const) : ("string" as const) },
        ]),
      ),
      help: { type: "boolean", short: "h" },
    },
    strict: false,
    tokens: true,
  });
  if (tokens.some((token) => token.kind === "option" && token.name === HELP.name)) return "help";
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "positional")
      throw new UsageError(`argument "${token.value}": only options are accepted: ${names(accepted)}`);
    if (token.kind !== "option") continue;
    const option = accepted.find(({ name }) => name === token.name);
    if (option === undefined)
      throw new UsageError(`unknown option ${token.rawName}: accepted are ${names(accepted)}`);
    if (option.value === undefined) {
      if (token.value !== undefined)
        throw new UsageError(`--${option.name} takes no value (got "${token.value}")`);
      values.set(option.name, "");
    } else {
      // What looks like the next option is taken for a value by the parser.
      if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--")))
        throw new UsageError(`--${option.name} needs a value: --${option.name} ${option.value}`);
      values.set(option.name, token.value);
    }
  }
  return values;
}

/** Usage of the whole command line. */
export function overview(commands: readonly Command[]): string {
  return [
    "Usage: everfull COMMAND [OPTIONS]",
    "",
    "Commands:",
    ...pairs(commands.map((command) => [command.name, command.about])),
    "",
    "Options:",
    ...pairs([
      [
        "--help, -h",
        "print this; everfull COMMAND --help or everfull help COMMAND: the options of a command",
      ],
      ["--version", "print the version"],
    ]),
    "",
    EXIT_CODES,
    "",
  ].join("\n");
}

/** Usage of one command. */
export function usageOf(command: Command): string {
  return [
    `Usage: everfull ${command.name} [OPTIONS]`,
    "",
    command.about,
    "",
    "Options:",
    ...pairs([...command.options, HELP].map((option) => [written(option), option.about])),
    "",
    EXIT_CODES,
    "",
  ].join("\n");
}

const EXIT_CODES = "Exit codes: 0 done, 1 the run failed or one of its checks did, 2 bad usage";

function names(options: readonly OptionUse[]): string {
  return options.map((option) => `--${option.name}`).join(", ");
}

function written(option: OptionUse): string {
  return option.value === undefined ? `--${option.name}` : `--${option.name} ${option.value}`;
}

function pairs(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(
    ([left, right]) => `  ${left.padEnd(width)}  ${right.replaceAll("\n", `\n${" ".repeat(width + 4)}`)}`,
  );
}
