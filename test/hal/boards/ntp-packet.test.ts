import test from "ava";
import fc from "fast-check";
import { NTP_BYTES, ntpAnswer, ntpQuestion } from "../../../hal/boards/ntp-packet.js";

const TOKEN = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** An answer of a server of stratum 2, as RFC 4330 lays it out. */
function answer({ seconds = 0, fraction = 0, first = 0x24, stratum = 2, token = TOKEN } = {}): ArrayBuffer {
  const packet = new Uint8Array(NTP_BYTES);
  packet[0] = first;
  packet[1] = stratum;
  packet.set(token, 24);
  const view = new DataView(packet.buffer);
  view.setUint32(40, seconds);
  view.setUint32(44, fraction);
  return packet.buffer;
}

test("a question is one of a client of version 4, with its token where the server takes it from", (t) => {
  const question = ntpQuestion(TOKEN);
  t.is(question.length, NTP_BYTES);
  t.is(question[0], 0x23);
  t.deepEqual(question.slice(40), TOKEN);
});

test("the time is read in milliseconds, over the end of the era in 2036 too", (t) => {
  const at = (date: string) => Date.parse(date) / 1000 + 2_208_988_800;
  t.is(
    ntpAnswer(answer({ seconds: at("2026-02-03T04:05:06Z"), fraction: 2 ** 31 }), TOKEN),
    Date.UTC(2026, 1, 3, 4, 5, 6, 500),
  );
  t.is(ntpAnswer(answer({ seconds: at("2036-02-07T06:28:15Z") }), TOKEN), Date.UTC(2036, 1, 7, 6, 28, 15));
  t.is(ntpAnswer(answer({ seconds: at("2037-01-01T00:00:00Z") - 2 ** 32 }), TOKEN), Date.UTC(2037, 0, 1));
});

test("what is no answer, not ours, or of a server without the time is not believed", (t) => {
  const seconds = 3_979_000_000;
  t.not(ntpAnswer(answer({ seconds }), TOKEN), undefined);
  t.is(ntpAnswer(answer({ seconds, token: TOKEN.slice().reverse() }), TOKEN), undefined);
  t.is(ntpAnswer(answer({ seconds, first: 0x23 }), TOKEN), undefined, "a question");
  t.is(ntpAnswer(answer({ seconds, first: 0xe4 }), TOKEN), undefined, "a clock that is not set");
  t.is(ntpAnswer(answer({ seconds, stratum: 0 }), TOKEN), undefined, "a refusal");
  t.is(ntpAnswer(answer({ seconds, stratum: 16 }), TOKEN), undefined);
  t.is(ntpAnswer(answer({ seconds: 0 }), TOKEN), undefined);
  t.is(ntpAnswer(answer({ seconds }).slice(0, NTP_BYTES - 1), TOKEN), undefined);
});

test("no packet is a failure, and none without the token an answer", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      t.is(ntpAnswer(bytes.slice().buffer, TOKEN), undefined);
    }),
  );
});
