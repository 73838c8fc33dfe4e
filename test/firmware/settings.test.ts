import test from "ava";
import { deviceOf, flagOf, jsonOf, numberOf, serversOf, textOf } from "../../firmware/settings.js";

const SECRET = "0123456789abcdef".repeat(4);
const SLOTS = [{ id: "soap" }];
const SETTINGS = { serial: "a-1", keySecret: SECRET, brokerHost: "mqtt.example", slots: SLOTS };

test("what the manifest gives as values and the command line as text is the same device", (t) => {
  const device = deviceOf({ ...SETTINGS, keyNumber: 3, brokerPort: 8883, utcOffsetMinutes: -60 });
  t.deepEqual(
    deviceOf({
      ...SETTINGS,
      keyNumber: "3",
      brokerPort: "8883",
      utcOffsetMinutes: "-60",
      slots: JSON.stringify(SLOTS),
    }),
    device,
  );
  t.deepEqual(device as object, {
    serial: "a-1",
    key: { number: 3, secret: SECRET },
    broker: { host: "mqtt.example", port: 8883 },
    utcOffsetMinutes: -60,
    slots: SLOTS,
  });
});

test("key number, port, offset and DNS server have defaults", (t) => {
  t.like(deviceOf(SETTINGS), { key: { number: 1 }, broker: { port: 1883 }, utcOffsetMinutes: 0 });
  t.like(deviceOf({ ...SETTINGS, model: "dispenser-1" }), { model: "dispenser-1" });
  t.deepEqual(serversOf({}), ["1.1.1.1"]);
  t.deepEqual(serversOf({ dns: "10.0.0.1,10.0.0.2" }), ["10.0.0.1", "10.0.0.2"]);
});

test("what is no number stays what it is, for the check to name it", (t) => {
  t.like(deviceOf({ ...SETTINGS, brokerPort: "", keyNumber: "seven" }), {
    broker: { port: "" },
    key: { number: NaN },
  });
  t.throws(() => deviceOf({ ...SETTINGS, slots: "[" }), { message: /^configuration: slots: JSON/ });
});

test("a refused secret is not repeated", (t) => {
  const error = t.throws(() => textOf({ keySecret: 1234567 }, "keySecret"));
  t.notRegex(error!.message, /1234567/);
});

test("numbers, flags and JSON that are none are refused by name", (t) => {
  for (const value of ["", "1x", "NaN", true, null])
    t.throws(() => numberOf({ keyNumber: value }, "keyNumber"), {
      message: /^configuration: keyNumber: a number/,
    });
  t.is(numberOf({ keyNumber: 0 }, "keyNumber", 5), 0);
  t.true(flagOf({ hasClock: "true" }, "hasClock", false));
  t.false(flagOf({ hasClock: false }, "hasClock", true));
  t.true(flagOf({}, "hasClock", true));
  t.throws(() => flagOf({ hasClock: "no" }, "hasClock", true), {
    message: /hasClock: true or false .*got no/,
  });
  t.is(jsonOf({}, "use"), undefined);
  t.throws(() => jsonOf({ use: "{" }, "use"), { message: /^configuration: use: JSON/ });
});
