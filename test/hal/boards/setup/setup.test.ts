import test from "ava";
import fc from "fast-check";
import { FIELDS } from "../../../../hal/boards/setup/fields.js";
import { KEY, newSetup, WHOLE } from "./support.js";

test("what is set is kept as a whole, told without its secrets, and taken up after the answer", (t) => {
  const { setup, store, time, starts } = newSetup();
  t.deepEqual(setup.missing(), ["serial", "keySecret", "brokerHost", "wifiSSID"]);
  t.deepEqual(setup.request({ start: true }), {
    error: "missing",
    missing: ["serial", "keySecret", "brokerHost", "wifiSSID"],
  });
  t.deepEqual(setup.request({ set: WHOLE }), { ok: true, missing: [] });
  t.is(store.writes, 1);
  t.deepEqual(setup.request({ get: true }), {
    ok: true,
    settings: { ...WHOLE, keySecret: true, brokerPassword: true, wifiPassword: true, setupPassword: true },
    missing: [],
  });
  t.deepEqual(setup.request({ start: true }), { ok: true });
  t.deepEqual(setup.request({ start: true }), { ok: true });
  t.deepEqual(starts, []);
  time.advance(5_000);
  t.deepEqual(starts, [1_000], "once, whoever asks again");
  const { setup: next } = newSetup({ store });
  t.like(next.settings, WHOLE);
});

test("nothing of a request is taken when a part of it is not accepted", (t) => {
  const { setup, store } = newSetup();
  setup.request({ set: WHOLE });
  const { text } = store;
  const refused: [Record<string, unknown>, string][] = [
    [{ serial: "a b" }, "serial"],
    [{ keySecret: KEY.slice(1) }, "keySecret"],
    [{ keySecret: `${KEY.slice(1)}g` }, "keySecret"],
    [{ keyNumber: 256 }, "keyNumber"],
    [{ keyNumber: "7" }, "keyNumber"],
    [{ brokerHost: "a/b" }, "brokerHost"],
    [{ brokerPort: 0 }, "brokerPort"],
    [{ brokerPort: 1.5 }, "brokerPort"],
    [{ wifiSSID: "" }, "wifiSSID"],
    [{ wifiSSID: "☕".repeat(11) }, "wifiSSID"],
    [{ wifiSSID: "a\0b" }, "wifiSSID"],
    [{ wifiSSID: "\ud800" }, "wifiSSID"],
    [{ wifiPassword: "short" }, "wifiPassword"],
    [{ wifiPassword: "g".repeat(64) }, "wifiPassword"],
    [{ setupPassword: "f".repeat(64) }, "setupPassword"],
    [{ serial: ["a"] }, "serial"],
  ];
  for (const [values, field] of refused) {
    const reply = setup.request({ set: { brokerHost: "other.example", ...values } });
    t.deepEqual(reply, { error: "value", field, accepted: FIELDS[field]!.accepted }, JSON.stringify(values));
    t.is(store.text, text);
  }
  for (const name of ["slots", "toString", "__proto__", "constructor"])
    t.is(setup.request({ set: JSON.parse(`{"serial":"x","${name}":"y"}`) }).error, "field");
  t.is(store.text, text);
  t.like(setup.settings, WHOLE);
});

test("what is no request is answered as such", (t) => {
  const { setup } = newSetup();
  for (const request of [
    null,
    undefined,
    1,
    "get",
    [],
    {},
    { get: false },
    { start: 1 },
    { set: null },
    { set: [] },
    { set: "serial" },
    { get: true, start: true },
  ])
    t.deepEqual(setup.request(request), { error: "request" }, JSON.stringify(request));
  t.is(setup.requests, 0);
});

test("a group that is set up takes the whole place of the configuration's", (t) => {
  const config = {
    serial: "image",
    keySecret: "f".repeat(64),
    keyNumber: 3,
    wifiSSID: "a",
    wifiPassword: "12345678",
    slots: [1],
  };
  const { setup } = newSetup({ config });
  t.deepEqual(setup.missing(), ["brokerHost"]);
  setup.request({ set: { wifiSSID: "open" } });
  t.like(setup.settings, { wifiSSID: "open", wifiPassword: undefined, serial: "image", slots: [1] });
  setup.request({ set: { serial: "own", keySecret: KEY } });
  t.is(setup.settings.keyNumber, undefined, "the number belongs to the other key");
  setup.request({ set: { wifiSSID: null } });
  t.like(setup.settings, { wifiSSID: "a", wifiPassword: "12345678" });
});

test("another network does not get the password of the one before", (t) => {
  const { setup } = newSetup();
  setup.request({ set: { wifiSSID: "a", wifiPassword: "12345678" } });
  setup.request({ set: { brokerHost: "b" } });
  t.is(setup.settings.wifiPassword, "12345678");
  setup.request({ set: { wifiSSID: "b" } });
  t.is(setup.settings.wifiPassword, undefined);
});

test("the same again is not written again, in whatever order", (t) => {
  const { setup, store } = newSetup();
  setup.request({ set: WHOLE });
  setup.request({ set: WHOLE });
  setup.request({ set: Object.fromEntries(Object.entries(WHOLE).reverse()) });
  t.is(store.writes, 1);
});

test("a store that refuses is told of, and what was there before holds", (t) => {
  const { setup, store } = newSetup();
  setup.request({ set: WHOLE });
  store.isBroken = true;
  t.deepEqual(setup.request({ set: { serial: "other" } }), { error: "store" });
  t.is(setup.settings.serial, "kitchen-1");
  const { setup: next, log } = newSetup({ store, config: { serial: "image" } });
  t.is(next.settings.serial, "image");
  t.is(log.length, 1);
});

test("what was kept is taken as far as it is accepted, whatever it is", (t) => {
  for (const text of ["", "{", "null", "[1]", "7", '"a"', '{"serial":"a b","wifiSSID":5}']) {
    const { setup, store } = newSetup();
    store.text = text;
    const { setup: next } = newSetup({ store });
    t.deepEqual(next.settings, setup.settings, text);
  }
  const { store } = newSetup();
  store.text = JSON.stringify({ ...WHOLE, keyNumber: -1, slots: [] });
  const { setup } = newSetup({ store });
  t.is(setup.settings.serial, "kitchen-1");
  t.is(setup.settings.keyNumber, undefined);
  t.is(setup.settings.slots, undefined);
});

test("whatever is asked, only accepted values are kept, and the store agrees with what holds", (t) => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(...Object.values(WHOLE), null, true, "", 0, 255, 65536, {}, []),
    fc.string(),
  );
  const names = [...Object.keys(FIELDS), "slots", "toString"];
  const values = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 });
  const request = fc.oneof({ arbitrary: fc.record({ set: values }), weight: 5 }, fc.jsonValue());
  fc.assert(
    fc.property(fc.array(request, { maxLength: 12 }), (requests) => {
      const { setup, store } = newSetup();
      for (const one of requests) {
        const before = store.text;
        const reply = setup.request(one);
        if (reply.error) t.is(store.text, before);
        const kept = JSON.parse(store.text ?? "{}");
        for (const name of Object.keys(kept)) t.true(FIELDS[name]!.accepts(kept[name]), name);
        t.deepEqual(newSetup({ store }).setup.settings, setup.settings);
      }
    }),
  );
});
