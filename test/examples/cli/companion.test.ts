import anyTest from "ava";
import { companionCommand } from "../../../examples/cli/companion.js";
import { UsageError } from "../../../examples/cli/usage.js";
import { recorder } from "./recorder.js";

const test = anyTest.serial;

test("app, display and sandbox run until the signal, and it says which is to be opened first", async (t) => {
  const listeners = new Map<string, () => void>();
  const signals = {
    on: (signal: string, listener: () => void) => listeners.set(signal, listener),
    off: (signal: string) => listeners.delete(signal),
  };
  let titles: Promise<(string | undefined)[]> | undefined;
  const terminal = recorder({
    out: (text) => {
      const urls = [...text.matchAll(/http:\S+/g)].map(([url]) => url);
      titles = Promise.all(
        urls.map(async (url) => /<h1>(.*?)<\/h1>/.exec(await (await fetch(url)).text())?.[1]),
      ).finally(() => listeners.get("SIGTERM")?.());
    },
  });
  t.is(await companionCommand(signals).run(new Map([["port", "0"]]), terminal), 0);
  t.deepEqual(await titles, ["Your devices", "Display of Suds", "Replenishment sandbox"]);
  t.is(listeners.size, 0);
});

for (const [option, value, accepted] of [
  ["port", "65534", "0 to 65533"],
  ["port", "x", "0 to 65533"],
  ["flow", "app", "device or web"],
  ["clock", "sand", "real or virtual"],
] as const)
  test(`--${option} ${value} is refused with what is accepted`, async (t) => {
    const error = await t.throwsAsync(
      async () => companionCommand().run(new Map([[option, value]]), recorder()),
      { instanceOf: UsageError },
    );
    t.is(error.message, `--${option}: ${accepted} is accepted (got "${value}")`);
  });
