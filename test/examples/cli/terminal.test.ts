import test from "ava";
import { startProgress } from "../../../examples/cli/progress.js";
import { terminalOf } from "../../../examples/cli/terminal.js";
import { recorder } from "./recorder.js";

const stream = (fields: { isTTY?: boolean; columns?: number } = {}) => ({ write: () => true, ...fields });
const screen = (columns: number) => stream({ isTTY: true, columns });

test("the width is that of the screen, within 60 to 160, and 100 elsewhere", (t) => {
  t.is(terminalOf(screen(120), stream(), {}).width, 120);
  t.is(terminalOf(screen(20), stream(), {}).width, 60);
  t.is(terminalOf(screen(400), stream(), {}).width, 160);
  t.is(terminalOf(stream(), stream(), {}).width, 100);
  // A screen that does not know its size says 0.
  t.is(terminalOf(screen(0), stream(), {}).width, 100);
});

test("colours are for screens, unless NO_COLOR or a dumb terminal says otherwise", (t) => {
  t.true(terminalOf(screen(80), stream(), {}).colour);
  t.true(terminalOf(screen(80), stream(), { NO_COLOR: "" }).colour);
  t.false(terminalOf(screen(80), stream(), { NO_COLOR: "1" }).colour);
  t.false(terminalOf(screen(80), stream(), { TERM: "dumb" }).colour);
  t.false(terminalOf(stream(), screen(80), {}).colour);
});

test("colours and characters are decided apart", (t) => {
  t.true(terminalOf(stream(), stream(), { LANG: "en_US.UTF-8", NO_COLOR: "1" }).unicode);
  t.true(terminalOf(stream(), stream(), { LANG: "C.utf8" }).unicode);
  t.false(terminalOf(screen(80), stream(), { LANG: "C" }).unicode);
  t.false(terminalOf(screen(80), stream(), {}).unicode);
  t.true(terminalOf(screen(80), stream(), { WT_SESSION: "1" }).unicode);
});

test("the first locale variable that is set decides", (t) => {
  t.false(terminalOf(stream(), stream(), { LC_ALL: "C", LANG: "en_US.UTF-8" }).unicode);
  t.true(terminalOf(stream(), stream(), { LC_ALL: "", LC_CTYPE: "en_US.UTF-8", LANG: "C" }).unicode);
});

test("progress is drawn over where stderr is a screen", (t) => {
  t.true(terminalOf(stream(), screen(80), {}).redraws);
  t.false(terminalOf(screen(80), stream(), {}).redraws);
});

test("on a screen progress is one line with a bar that grows, drawn over and wiped at the end", (t) => {
  const terminal = recorder({ redraws: true, width: 60 });
  const progress = startProgress(terminal);
  for (let day = 1; day <= 10; day++)
    progress.show({ day, days: 10, date: "2014-03-05", note: "n".repeat(100) });
  progress.end();
  const drawn = terminal.errText().split("\r").slice(1);
  t.is(drawn.length, 11);
  t.false(terminal.errText().includes("\n"));
  t.deepEqual(
    drawn.slice(0, 10).map((line) => line.split("#").length - 1),
    [3, 6, 9, 12, 15, 18, 21, 24, 27, 30],
  );
  for (const line of drawn.slice(0, 10)) {
    t.true(line.endsWith("\u001b[K"));
    t.is(line.slice(0, -3).length, 59);
    t.regex(line, /2014-03-05/);
  }
  t.is(drawn[10], "\u001b[K");
});

test("a note is told with its day", (t) => {
  const terminal = recorder();
  startProgress(terminal).show({ day: 30, days: 60, date: "2014-03-05", note: "ordered" });
  t.is(terminal.errText(), "2014-03-05, day 30 of 60: ordered\n");
});
