import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import { UsageError } from "../../../examples/cli/usage.js";
import { readSeries, SeriesError } from "../../../examples/household/series.js";
import { BAND_DAYS, bandOf, bandPicture } from "./band.js";
import { helpText, type Options, readOptions } from "./options.js";
import { picture } from "./picture.js";
import { POLICIES } from "./policies/index.js";
import { barsText, caseText, headText, json } from "./report.js";
import { homesOf, measure } from "./results.js";
import { halves, type Subject, subjectsOf } from "./subjects.js";
import { LEAST_HOMES, tuning } from "./tuning/report.js";

/**
 * The whole command. What it prints and writes is the same for the same input.
 *
 * @param args after the name of the program
 * @param print takes whole texts, without the newline at their end
 * @returns the exit code: 0 measured, 2 the options or the data are wrong
 */
export function benchForecast(
  args: readonly string[],
  print: (text: string) => void,
  complain: (text: string) => void,
): number {
  try {
    const options = readOptions(args);
    if (options === "help") print(helpText());
    else run(options, print);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof SeriesError)) throw error;
    complain(error.message);
    return 2;
  }
}

/** Mean uses that packs and expected uses stay exact with. */
const LEAST_MEAN = 1e-6;
const MOST_MEAN = 1e12;

function run(options: Options, print: (text: string) => void): void {
  const all = subjectsOf(readSeries(options.data));
  if (all.length === 0)
    throw new UsageError(`--data: at least one series with any use is accepted (got ${options.data})`);
  const odd = all.find(({ mean }) => mean < LEAST_MEAN || mean > MOST_MEAN);
  if (odd !== undefined)
    throw new UsageError(
      `--data: a mean of ${LEAST_MEAN} to ${MOST_MEAN} a day is accepted (got ${odd.mean} in series "${odd.id}"); choose another unit`,
    );
  if (options.band !== undefined) {
    print(draw(all, options.band, options.svg!));
    return;
  }
  const split = halves(all);
  if (options.isTuning) {
    if (homesOf(split, "tune").length < LEAST_HOMES)
      throw new UsageError(
        `--tune: at least ${LEAST_HOMES} homes for tuning are accepted (got ${homesOf(split, "tune").length})`,
      );
    let isFirst = true;
    for (const text of tuning(all, split)) {
      print(isFirst ? text : `\n${text}`);
      isFirst = false;
    }
    return;
  }
  const isAsked = (home: string) => options.homes === "all" || split.get(home) === options.homes;
  if (!all.some(({ home }) => isAsked(home)))
    throw new UsageError(`--homes: ${options.homes} has no home where there is only one; all is accepted`);
  const results = measure(all, split, options.homes, options.cases, POLICIES);
  print(headText(results, relative(process.cwd(), options.data)));
  for (const each of results.cases) print(`\n${caseText(each)}`);
  const bars = results.cases.map(barsText).find((text) => text !== undefined);
  if (bars !== undefined) print(`\n${bars}`);
  if (options.json !== undefined) writeFileSync(options.json, json(results));
  if (options.svg !== undefined) writeFileSync(options.svg, picture(results));
}

/** @returns what was drawn */
function draw(all: readonly Subject[], id: string, file: string): string {
  const subject = all.find((each) => each.id === id);
  const packs = subject === undefined ? [] : bandOf(subject);
  if (packs.length === 0)
    throw new UsageError(
      `--band: the id of a series with a pack for ${BAND_DAYS} days that ends is accepted (got "${id}")`,
    );
  writeFileSync(file, bandPicture(subject!, packs));
  const held = packs.map(({ filled, end, said }) => {
    const inside = said.filter(({ interval }, i) => {
      const truth = end - filled - i;
      return interval !== undefined && interval[0] <= truth && truth <= interval[1];
    });
    return `${inside.length} of ${said.length}`;
  });
  return `${id}: ${packs.length} packs; evenings whose 80 % interval held the truth: ${held.join(", ")}`;
}
