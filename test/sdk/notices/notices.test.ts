import test from "ava";
import {
  CATALOGUE,
  NOTICES,
  type Notice,
  noticeOf,
  noticeOfDecision,
  noticeOfFinding,
  noticeText,
  supportFor,
} from "everfull/notices";
import { settingsLink } from "everfull/settings-link";
import type { Finding } from "../../../firmware/wiring/kind.js";
import { type DeviceEvent, EverfullError } from "../../../sdk/index.js";
import { REGISTRATION_STATES } from "../../../sdk/registration/registration.js";
import type { Decision } from "../../../sdk/reorder/policy.js";
import { ORDER_STATES, REGISTRATION_FAILURES, SETTINGS_OUTCOMES } from "../../../sdk/uplink/messages.js";

const after = (cancellations: number) =>
  ({ slot: () => ({ cancellations }) }) as unknown as Parameters<typeof noticeOf>[1];

/** Every event of every kind, by the kinds that the compiler knows: one more makes this not compile. */
const EVENTS: { readonly [kind in DeviceEvent["kind"]]: readonly Extract<DeviceEvent, { kind: kind }>[] } = {
  dayClosed: [{ kind: "dayClosed", day: 1 }],
  intended: [true, false].map((late) => ({ kind: "intended", slot: "soap", cycle: 1, day: 1, late })),
  delivered: [true, false].map((seen) => ({ kind: "delivered", slot: "soap", cycle: 1, day: 1, seen })),
  order: [...ORDER_STATES, "lapsed" as const].map((state) => ({
    kind: "order",
    slot: "soap",
    cycle: 1,
    day: 1,
    state,
  })),
  storage: (["ok", "failing"] as const).map((state) => ({ kind: "storage", state, reason: "" })),
  settings: SETTINGS_OUTCOMES.map((outcome) => ({ kind: "settings", number: 1, outcome })),
  registration: REGISTRATION_STATES.flatMap((state) =>
    REGISTRATION_FAILURES.map((failure) => ({
      kind: "registration" as const,
      state,
      failure,
      subscribed: [],
    })),
  ),
  deregistration: (["delivered", "undelivered"] as const).map((outcome) => ({
    kind: "deregistration",
    reason: "reset",
    outcome,
  })),
};

test("the list is closed: of orders nothing but cancellations, of subscriptions nothing, of the device what it cannot do", (t) => {
  const told = Object.values(EVENTS)
    .flat()
    .flatMap((event) => {
      const notice = noticeOf(event, after(1));
      return notice ? [[event, notice] as const] : [];
    });
  const summary = told.map(([event, notice]) => {
    if (event.kind === "order") return `order ${event.state}: ${notice}`;
    if (event.kind === "registration") return `registration ${event.failure}: ${notice}`;
    return `${event.kind}: ${notice}`;
  });
  t.deepEqual([...new Set(summary)].sort(), [
    "deregistration: not-delivered",
    "order cancelled: cancelled-once",
    "registration refused: set-up-again",
    "registration unavailable: set-up-again",
    "registration unreachable: set-up-again",
    "storage: storage",
  ]);
  // Who is registered, whatever an attempt since came to, has nothing to set up.
  t.true(told.every(([event]) => event.kind !== "registration" || event.state !== "registered"));
});

test("a second cancellation in a row has a notice of its own", (t) => {
  const cancelled = EVENTS.order.find(({ state }) => state === "cancelled")!;
  t.is(noticeOf(cancelled, after(1)), "cancelled-once");
  t.is(noticeOf(cancelled, after(2)), "cancelled-twice");
  const given = { ...cancelled, unplaced: true } as const;
  t.deepEqual([noticeOf(given, after(1)), noticeOf(given, after(2))], [undefined, undefined]);
});

test("of decisions only the clock is a matter for the customer", (t) => {
  const decisions: Record<Decision, Notice | undefined> = {
    due: undefined,
    late: undefined,
    covered: undefined,
    "cycle-open": undefined,
    "cancelled-wait": undefined,
    "rejected-wait": undefined,
    "until-full": undefined,
    "not-registered": undefined,
    "not-subscribed": undefined,
    "clock-unknown": "clock",
  };
  for (const [decision, notice] of Object.entries(decisions))
    t.is(noticeOfDecision(decision as Decision), notice, decision);
});

test("of what is found of a slot, what was taken out is to be put back, and a sensor that measures nothing is looked after", (t) => {
  const findings: Record<Finding["what"], Notice | undefined> = {
    away: "reinsert",
    absent: "sensor",
    blind: "sensor",
    failing: "sensor",
    frozen: "sensor",
    idle: undefined,
    overfull: undefined,
    doubtful: undefined,
    restarted: undefined,
    exchanged: undefined,
    leak: undefined,
    spill: undefined,
  };
  for (const [what, notice] of Object.entries(findings)) t.is(noticeOfFinding(what), notice, what);
});

test("every notice has a text in every language, with the guidelines' name and numbers", (t) => {
  t.deepEqual(Object.keys(CATALOGUE).sort(), ["de", "en", "es"]);
  for (const [language, texts] of Object.entries(CATALOGUE)) {
    t.deepEqual(Object.keys(texts).sort(), [...NOTICES].sort(), language);
    for (const text of Object.values(texts)) t.false(/\bDRS\b|\bDash\b(?! Replenishment)/.test(text), text);
    t.regex(texts["cancelled-once"], /Amazon Dash Replenishment.* 5 /s);
    t.regex(texts["cancelled-twice"], /Amazon Dash Replenishment.*100 %/s);
    for (const notice of ["cancelled-once", "cancelled-twice", "reinsert", "sensor", "clock"] as const)
      t.true(texts[notice].startsWith("{slot}: "), `${language} ${notice}`);
  }
});

test("a text is in the customer's language or English, with the slot's name, or as the product says it", (t) => {
  t.is(
    noticeText("reinsert", { slot: "Soap" }),
    "Soap: please reinsert it. Until then its level is not known.",
  );
  t.true(noticeText("reinsert", { locale: "de-AT", slot: "Seife" }).startsWith("Seife: Bitte setzen"));
  t.true(noticeText("reinsert", { locale: "ES", slot: "$&" }).startsWith("$&: vuelve"));
  t.true(noticeText("reinsert", { locale: "fr", slot: "x" }).startsWith("x: please"));
  const texts = { fr: { reinsert: "{slot} : à remettre" }, en: { sensor: "Check {slot}!" } };
  t.is(noticeText("reinsert", { locale: "fr", slot: "Savon", texts }), "Savon : à remettre");
  t.is(noticeText("sensor", { locale: "fr", slot: "Savon", texts }), "Check Savon!");
  t.true(noticeText("clock", { locale: "de", slot: "s", texts }).startsWith("s: Das Gerät kennt"));
});

test("questions about orders go to Amazon, all others to the maker", (t) => {
  t.deepEqual(supportFor("order", "https://maker.example/help"), {
    by: "amazon",
    url: "https://www.amazon.com/gp/help/contact-us",
  });
  t.is(
    supportFor("order", "https://m.example", "https://www.amazon.de/contact-us").url,
    "https://www.amazon.de/contact-us",
  );
  t.deepEqual(supportFor("device", "https://maker.example/help"), {
    by: "maker",
    url: "https://maker.example/help",
  });
});

test("a settings link carries what it is given, as a form parser reads it, and refuses where one cannot return to", (t) => {
  const accessToken = "Atza|a+b/c=&d";
  const base = "https://drs-web.amazon.com/settings";
  const exitUri = "maker-app://back?a=1&b=2";
  const url = new URL(settingsLink({ base, accessToken, exitUri }));
  t.is(url.origin + url.pathname, base);
  t.deepEqual(Object.fromEntries(url.searchParams), { access_token: accessToken, exitUri });
  t.deepEqual([...new URL(settingsLink({ base, accessToken })).searchParams.keys()], ["access_token"]);
  for (const wrong of ["", "back", "//host/back", "1a:b", "https:"])
    t.throws(() => settingsLink({ base, accessToken, exitUri: wrong }), {
      instanceOf: EverfullError,
      code: "argument",
    });
});
