import test from "ava";
import fc from "fast-check";
import { MOST_BODY, MOST_HEAD, SetupHttp } from "../../../../hal/boards/setup/http.js";
import { bytesOf, cut, KEY, lengths, newSetup, secret, textOf } from "./support.js";

const FORM = "application/x-www-form-urlencoded";

function request(body: string, type = FORM, head = "POST / HTTP/1.1"): string {
  return `${head}\r\nHost: 192.168.4.1\r\nContent-Type: ${type}\r\nContent-Length: ${bytesOf(body).length}\r\n\r\n${body}`;
}

function ask(text: string) {
  const made = newSetup();
  const answer = new SetupHttp(made.setup).receive(bytesOf(text));
  const [head = "", body = ""] = (answer ? textOf(answer) : "").split("\r\n\r\n");
  return { ...made, status: Number(head.split(" ")[1]), head, body };
}

test("the page is there, and says what is missing", (t) => {
  const { status, head, body } = ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  t.is(status, 200);
  t.regex(head, /\r\nContent-Type: text\/html; charset=utf-8\r\n/);
  t.is(Number(/Content-Length: (\d+)/.exec(head)![1]), bytesOf(body).length);
  t.true(body.includes('<p role="status">serial, keySecret, brokerHost, wifiSSID</p>'));
  for (const name of [
    "wifiSSID",
    "wifiPassword",
    "serial",
    "keySecret",
    "keyNumber",
    "brokerHost",
    "brokerPort",
    "brokerPassword",
  ])
    t.true(body.includes(`name="${name}"`), name);
});

test("its form sets the device up and starts it", (t) => {
  const form = new URLSearchParams({
    wifiSSID: "Zuhause & ☕",
    wifiPassword: "correct horse+%",
    serial: "kitchen-1",
    keySecret: KEY,
    keyNumber: "7",
    brokerHost: "broker.example",
    brokerPort: "",
  });
  const { status, body, store, time, starts } = ask(request(form.toString()));
  t.is(status, 200);
  t.is(body, "Saved. The device starts.");
  t.deepEqual(JSON.parse(store.text!), {
    serial: "kitchen-1",
    keySecret: KEY,
    keyNumber: 7,
    brokerHost: "broker.example",
    wifiSSID: "Zuhause & ☕",
    wifiPassword: "correct horse+%",
  });
  time.advance(1_000);
  t.is(starts.length, 1);
});

test("a form that is not whole is kept, and one that is not accepted is not", (t) => {
  const kept = ask(request("wifiSSID=a"));
  t.is(kept.status, 200);
  t.regex(kept.body, /Saved\. Still needed: serial, keySecret, brokerHost</);
  t.is(kept.starts.length, 0);
  const refused = ask(request("wifiSSID=a&keySecret=12"));
  t.is(refused.status, 400);
  t.regex(refused.body, /Not saved\. keySecret: 64 hexadecimal digits</);
  t.is(refused.store.text, undefined);
  t.is(ask(request("wifiSSID=%")).status, 400);
  t.is(ask(request("wifiSSID=%ff")).status, 400);
  t.is(ask(request("__proto__=a&constructor=b")).status, 400);
});

test("a program asks in JSON, as over a line", (t) => {
  const { status, head, body } = ask(request('{"get":true}', "application/json; charset=utf-8"));
  t.is(status, 200);
  t.regex(head, /Content-Type: application\/json/);
  t.true(JSON.parse(body).ok);
  const refused = ask(request('{"set":{"keyNumber":700}}', "application/json"));
  t.is(refused.status, 400);
  t.is(JSON.parse(refused.body).field, "keyNumber");
});

test("everything else is refused by its number", (t) => {
  const cases: [string, number][] = [
    ["GET /favicon.ico HTTP/1.1\r\n\r\n", 404],
    ["PUT / HTTP/1.1\r\n\r\n", 405],
    ["hello\r\n\r\n", 400],
    ["GET / HTTP/2\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400],
    ["POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n", 400],
    [`POST / HTTP/1.1\r\nContent-Length: ${MOST_BODY + 1}\r\n\r\n`, 413],
    ["x".repeat(MOST_HEAD + 1), 413],
    [request("a", "text/plain"), 415],
    [request("", FORM), 200],
  ];
  for (const [text, status] of cases) t.is(ask(text).status, status, text.slice(0, 40));
  t.is(ask(request(`serial=${"x".repeat(MOST_BODY - 7)}`)).status, 400);
});

const whole = fc.constantFrom(
  "GET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
  request('{"get":true}', "application/json"),
  request(`serial=a&keySecret=${KEY}`),
  request("wifiSSID=a%20b"),
);

test("pieces make no difference, and there is one answer", (t) => {
  fc.assert(
    fc.property(whole, lengths, (text, pieces) => {
      const answer = (parts: readonly Uint8Array[]) => {
        const { setup, store } = newSetup();
        const http = new SetupHttp(setup);
        const answers = parts.map((part) => http.receive(part)).filter((one) => one !== undefined);
        t.is(answers.length, 1);
        return [textOf(answers[0]!), store.text];
      };
      t.deepEqual(answer(cut(bytesOf(text), pieces)), answer([bytesOf(text)]));
    }),
  );
});

test("noise is survived, and never answered with what it had", (t) => {
  const noisy = secret.chain((key) =>
    fc.tuple(
      fc.constant(key),
      fc.constantFrom(
        `GET /${key} HTTP/1.1\r\n\r\n`,
        `${key} / HTTP/1.1\r\n\r\n`,
        request(`keySecret=${key}`),
        request(`keySecret=${key}0`),
        request(`${key}=1`),
        request(`{"set":{"keySecret":"${key}"}}`, "application/json"),
        request(`{"set":{"setupPassword":"${key}"}}`, "application/json"),
        request(key, key),
      ),
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(200),
    ),
  );
  fc.assert(
    fc.property(noisy, ([key, text, noise, at]) => {
      const bytes = bytesOf(text);
      const spoiled = Uint8Array.from([...bytes.slice(0, at), ...noise, ...bytes.slice(at)]);
      for (const given of [bytes, spoiled]) {
        const http = new SetupHttp(newSetup().setup);
        const answer = http.receive(given);
        t.false(answer !== undefined && textOf(answer).includes(key.slice(0, 16)));
      }
    }),
  );
});
