import test from "ava";
import fc from "fast-check";
import { MOST_LINE, SetupLines } from "../../../../hal/boards/setup/lines.js";
import { bytesOf, cut, KEY, lengths, newSetup, secret, textOf, WHOLE } from "./support.js";

function talk(
  ...texts: readonly string[]
): { answers: Record<string, unknown>[]; text: string } & ReturnType<typeof newSetup> {
  const made = newSetup();
  const lines = new SetupLines(made.setup);
  const text = texts.flatMap((part) => lines.receive(bytesOf(part)).map(textOf)).join("");
  const answers = text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  return { ...made, answers, text };
}

test("a device is set up line by line", (t) => {
  const { answers, store, time, starts } = talk(
    '{"get":true}\n',
    `{"set":${JSON.stringify({ serial: "kitchen-1", keySecret: KEY, brokerHost: "b" })}}\r\n`,
    '{"set":{"wifiSSID":"Zuhause ☕","wifiPassword":"correct horse"}}\n{"start":true}\n',
  );
  t.deepEqual(answers, [
    {
      ok: true,
      settings: { keySecret: false, brokerPassword: false, wifiPassword: false, setupPassword: false },
      missing: ["serial", "keySecret", "brokerHost", "wifiSSID"],
    },
    { ok: true, missing: ["wifiSSID"] },
    { ok: true, missing: [] },
    { ok: true },
  ]);
  t.is(JSON.parse(store.text!).wifiSSID, "Zuhause ☕");
  time.advance(1_000);
  t.is(starts.length, 1);
});

test("a line that has not ended is not answered", (t) => {
  t.is(talk('{"get":true}').text, "");
  t.is(talk('{"get":', "true}", "\n").answers.length, 1);
});

test("empty lines are nothing", (t) => {
  t.is(talk("\n\r\n\n").text, "");
});

test("a line that is too long is refused as a whole, and the next is read", (t) => {
  const long = JSON.stringify({ set: { serial: "a" }, pad: "x".repeat(2 * MOST_LINE) });
  const { answers, store } = talk(`${long}\n`, '{"set":{"serial":"b"}}\n');
  t.deepEqual(answers[0], { error: "size" });
  t.true(answers[1]!.ok);
  t.is(store.text, '{"serial":"b"}');
  const padded = (length: number) => `{"get":true}`.padEnd(length, " ");
  t.true(talk(`${padded(MOST_LINE)}\n`).answers[0]!.ok);
  t.deepEqual(talk(`${padded(MOST_LINE + 1)}\n`).answers, [{ error: "size" }]);
});

test("what lies deeper than a request can is not parsed", (t) => {
  t.deepEqual(talk(`${"[".repeat(MOST_LINE)}\n`).answers, [{ error: "request" }]);
  t.deepEqual(talk('{"set":{"serial":{}}}\n').answers, [{ error: "request" }]);
  t.true(talk('{"set":{"wifiSSID":"{{[[\\"[[","wifiPassword":"}}}}}}]]"}}\n').answers[0]!.ok);
});

test("what is no text and no JSON is said to be so", (t) => {
  const { setup } = newSetup();
  const lines = new SetupLines(setup);
  const answers = lines.receive(Uint8Array.of(0xff, 0x0a, 0xe2, 0x98, 0x0a)).map(textOf);
  t.deepEqual(answers, ['{"error":"line"}\n', '{"error":"line"}\n']);
  t.deepEqual(talk("get\n", "{\n", "\0\n").answers, [
    { error: "json" },
    { error: "json" },
    { error: "json" },
  ]);
});

/** Lines of every kind: requests, beginnings of some, noise. */
const line = fc.oneof(
  fc.constantFrom('{"get":true}', '{"start":true}', '{"set":{}}', "", "\r"),
  fc.constant(`{"set":${JSON.stringify(WHOLE)}}`),
  fc.constant(`{"set":${JSON.stringify(WHOLE)}}`.slice(0, 60)),
  fc.constant("x".repeat(MOST_LINE + 5)),
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.split("\n").join("")),
);

test("each line has one answer, whatever came before and in whatever pieces it comes", (t) => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), lengths, (texts, pieces) => {
      const bytes = bytesOf(texts.map((text) => `${text}\n`).join(""));
      const answer = (parts: readonly Uint8Array[]) => {
        const lines = new SetupLines(newSetup().setup);
        return parts.flatMap((part) => lines.receive(part).map(textOf));
      };
      const whole = answer([bytes]);
      t.is(whole.length, texts.filter((text) => text !== "" && text !== "\r").length);
      for (const one of whole) t.regex(one, /^\{[^\n]*\}\n$/);
      t.deepEqual(answer(cut(bytes, pieces)), whole);
    }),
  );
});

test("no answer has a secret, nor anything else that was refused", (t) => {
  const spoiled = (key: string) =>
    fc.constantFrom(
      `{"set":{"keySecret":"${key}"}}`,
      `{"set":{"keySecret":"${key}0"}}`,
      `{"set":{"setupPassword":"${key}"}}`,
      `{"set":{"wifiPassword":"${key}","wifiSSID":5}}`,
      `{"set":{"wifiPassword":"${key}"}}`,
      `{"set":{"${key}":1}}`,
      `{"${key}":true}`,
      `{"set":{"keySecret":"${key}"`,
      `{"set":{"keySecret":${key}}}`,
      `"${key}"`,
      key,
      '{"get":true}',
      '{"start":true}',
    );
  fc.assert(
    fc.property(
      secret.chain((key) =>
        fc.tuple(fc.constant(key), fc.array(spoiled(key), { minLength: 1, maxLength: 8 })),
      ),
      ([key, texts]) => {
        const { text } = talk(...texts.map((one) => `${one}\n`));
        t.true(text.length > 0);
        for (let at = 0; at + 16 <= key.length; at++) t.false(text.includes(key.slice(at, at + 16)), text);
      },
    ),
  );
});
