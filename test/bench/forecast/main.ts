import { benchForecast } from "./command.js";

// A reader that has seen enough, as head(1), is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
const begun = performance.now();
process.exitCode = benchForecast(process.argv.slice(2), console.log, console.error);
// Not with the figures, which are the same in every run.
if (process.exitCode === 0) console.error(`\nDone in ${((performance.now() - begun) / 1000).toFixed(0)} s.`);
