#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { chaosCommand } from "./chaos.js";
import { companionCommand } from "./companion.js";
import { gatewayCommand } from "./gateway.js";
import { imageKeyCommand, imageSignCommand } from "./image.js";
import { provisionCommand } from "./provision.js";
import { sandboxCommand } from "./sandbox.js";
import { simCommand } from "./sim.js";
import { type Terminal, terminalOf } from "./terminal.js";
import { type Command, overview, readArguments, UsageError, usageOf } from "./usage.js";

const COMMANDS: readonly Command[] = [
  simCommand(),
  gatewayCommand(),
  sandboxCommand(),
  companionCommand(),
  provisionCommand(),
  chaosCommand(),
  imageKeyCommand(),
  imageSignCommand(),
];

const BAD_USAGE = 2;

/** @returns the exit code: 0 done, 1 the run failed or one of its checks did, 2 bad usage */
async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = args;
  let tried = "everfull";
  try {
    if (first === undefined) {
      terminal.err(overview(COMMANDS));
      return BAD_USAGE;
    }
    if (first === "--help" || first === "-h" || first === "help") {
      const topic = first === "help" ? rest[0] : undefined;
      const command = topic === undefined || topic.startsWith("-") ? undefined : find(topic);
      terminal.out(command === undefined ? overview(COMMANDS) : usageOf(command));
      return 0;
    }
    if (first === "--version") {
      terminal.out(`${version()}\n`);
      return 0;
    }
    if (first.startsWith("-"))
      throw new UsageError(
        `unknown option ${first}: accepted are --help, --version and a command's own, behind its name`,
      );
    const command = find(first);
    tried = `everfull ${command.name}`;
    const values = readArguments(command, rest);
    if (values === "help") {
      terminal.out(usageOf(command));
      return 0;
    }
    return await command.run(values, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${tried}: ${error.message}\nSee ${tried} --help\n`);
      return BAD_USAGE;
    }
    terminal.err(`${tried}: ${failure(error)}\n`);
    return 1;
  }
}

/** @throws {UsageError} there is none of that name */
function find(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined)
    throw new UsageError(
      `unknown command "${name}": accepted are ${[...COMMANDS.map((one) => one.name), "help"].join(", ")}`,
    );
  return command;
}

function version(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version: unknown }).version);
}

/** Errors with a code say what to do about them; of others it matters where they come from. */
function failure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && error.message !== "" ? error.message : (error.stack ?? error.message);
}

// A reader that has seen enough, as head(1), is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
// The exit code only: process.exit() would cut off what is still on its way to a pipe.
process.exitCode = await main(process.argv.slice(2), terminalOf(process.stdout, process.stderr, process.env));
