import test from "ava";
import fc from "fast-check";
import { RECORD } from "../../../sdk/index.js";
import { ByteReader, ByteWriter } from "../../../sdk/ledger/bytes.js";
import { REGISTRATION_STATES, Registration } from "../../../sdk/registration/registration.js";
import { fold, loaded, saved } from "../ledger/fold.js";

test("a device is new, and no slot is subscribed, until something is recorded", (t) => {
  const registration = new Registration(2);
  t.deepEqual(
    [registration.state, registration.isSubscribed(0), registration.isSubscribed(1)],
    ["new", false, false],
  );
});

test("what was recorded last holds, in the running state, after a replay and in a checkpoint", (t) => {
  const record = fc.oneof(
    fc.record({ state: fc.constantFrom(...REGISTRATION_STATES) }),
    fc.record({ slot: fc.nat(2), subscribed: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const registration = new Registration(3);
      let state = "new";
      const subscribed = [false, false, false];
      for (const each of records) {
        if ("state" in each) {
          state = each.state;
          fold(registration, [registration.enter(each.state)]);
        } else {
          subscribed[each.slot] = each.subscribed;
          fold(registration, [registration.subscribe(each.slot, each.subscribed)]);
        }
      }
      for (const found of [registration, loaded(new Registration(3), registration)]) {
        if (found.state !== state) return false;
        if (subscribed.some((expected, slot) => found.isSubscribed(slot) !== expected)) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test("what is not known is permitted; a device that is not registered, or a slot that is not subscribed, is not", (t) => {
  const registration = new Registration(2);
  const permissions = () => [registration.permission(0), registration.permission(1)];
  t.deepEqual(permissions(), ["unknown", "unknown"]);
  fold(registration, [registration.subscribe(0, true)]);
  t.deepEqual(permissions(), ["unknown", "unknown"]);
  fold(registration, [registration.enter("registered")]);
  t.deepEqual(permissions(), ["subscribed", "not-subscribed"]);
  for (const state of ["offered", "declined", "abandoned", "deregistered"] as const) {
    fold(registration, [registration.enter(state)]);
    t.deepEqual(permissions(), ["not-registered", "not-registered"], state);
  }
});

test("a firmware with more slots or fewer takes what concerns it", (t) => {
  const two = new Registration(2);
  fold(two, [two.enter("registered"), two.subscribe(0, true), two.subscribe(1, true)]);
  const three = loaded(new Registration(3), two);
  t.deepEqual([three.isSubscribed(1), three.isSubscribed(2)], [true, false]);
  const one = loaded(new Registration(1), two);
  t.true(one.isSubscribed(0));
  fold(one, [two.subscribe(1, false)]);
  t.is(saved(one).length, 4);
});

test("a checkpoint of earlier firmware has no number of the gateway's word, and what is known of it is kept", (t) => {
  const earlier = new ByteWriter();
  for (const byte of [REGISTRATION_STATES.indexOf("registered"), 2, 0, 1]) earlier.byte(byte);
  const registration = new Registration(1);
  registration.load(new ByteReader(earlier.view()));
  t.deepEqual(
    [registration.state, registration.isSubscribed(0), registration.number],
    ["registered", false, 0],
  );
  fold(registration, [registration.inform(7)]);
  t.is(loaded(new Registration(1), registration).number, 7);
});

test("a state of a later version lets nothing be ordered, and other parts' records are left to them", (t) => {
  const registration = new Registration(1);
  fold(registration, [{ kind: RECORD.registered, write: (to) => to.byte(99) }]);
  t.is(registration.state, "abandoned");
  t.false(fold(registration, [{ kind: RECORD.consumed, write: (to) => to.byte(0) }]));
});
