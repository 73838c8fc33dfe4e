import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { UsageError } from "../../../examples/cli/usage.js";
import { readSeries, SeriesError } from "../../../examples/household/series.js";
import { helpText, type Options, readOptions } from "./options.js";
import { picture } from "./picture.js";
import { POLICIES } from "./policies/index.js";
import { barsText, caseText, headText, json } from "./report.js";
import { measure } from "./results.js";
import { halves, subjectsOf } from "./subjects.js";

function run(options: Options): void {
  const all = subjectsOf(readSeries(options.data));
  if (all.length === 0)
    throw new UsageError(`--data: at least one series with any use is accepted (got ${options.data})`);
  const results = measure(all, halves(all), options.homes, options.cases, POLICIES);
  if (results.subjects.length === 0)
    throw new UsageError(`--homes: ${options.homes} has no home where there is only one; all is accepted`);
  // As it was called from: the same text on every machine.
  console.log(headText(results, relative(process.cwd(), options.data) || options.data));
  for (const each of results.cases) console.log(`\n${caseText(each)}`);
  const bars = results.cases.map(barsText).find((text) => text !== undefined);
  if (bars !== undefined) console.log(`\n${bars}`);
  if (options.json !== undefined) writeFileSync(options.json, json(results));
  if (options.svg !== undefined) writeFileSync(options.svg, picture(results));
}

function main(args: readonly string[]): number {
  try {
    const options = readOptions(args);
    if (options === "help") process.stdout.write(helpText());
    else {
      const begun = performance.now();
      run(options);
      // Not with the figures: those are the same in every run.
      console.error(`\nMeasured in ${((performance.now() - begun) / 1000).toFixed(0)} s.`);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof SeriesError)) throw error;
    console.error(error.message);
    return 2;
  }
}

// A reader that has seen enough, as head(1), is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
process.exitCode = main(process.argv.slice(2));
