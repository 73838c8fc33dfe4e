import test from "ava";
import { type CycleState, nextState } from "everfull";
import fc from "fast-check";
import { Database } from "../../../examples/gateway/database.js";
import { Account, type Fault, SLOTS, type SlotId } from "./account.js";
import { emptyDatabase } from "./databases.js";
import { intent, key, post, registered, startWorld, TestDevice, type World } from "./harness.js";

const SECOND = 1000;
const HOUR = 3_600_000;
const RUNS = 60;
/** Each run has a device of its own, and so has each that a failure is made smaller with. */
const SERIALS = Array.from({ length: 1500 }, (_, i) => `ACCOUNT${i}`);
const KEYS = [{ number: 1, secret: new Uint8Array(32).fill(5) }];

type Step =
  | {
      readonly do: "log in";
      readonly customer: "anna" | "ben";
      readonly subscribed: readonly SlotId[];
      readonly version: 1 | 2;
      readonly way: "gateway" | "device" | "app" | "later" | "never";
    }
  | { readonly do: "bring" }
  | { readonly do: "subscribe"; readonly subscribed: readonly SlotId[]; readonly version: 1 | 2 }
  | { readonly do: "leave"; readonly by: "device" | "app" | "amazon" }
  | { readonly do: "want"; readonly slot: SlotId; readonly troubled: boolean }
  | {
      readonly do: "order";
      readonly slot: SlotId;
      readonly to: "placed" | "shipped" | "delivered" | "cancelled";
      readonly version: 1 | 2;
    }
  | { readonly do: "wait"; readonly hours: number }
  | { readonly do: "fault"; readonly fault: Fault }
  | { readonly do: "visit" | "restart" }
  /** One of the notifications that were sent arrives, out of turn, or one that has been here. */
  | { readonly do: "deliver" | "repeat" | "lose"; readonly which: number };

const slotId = fc.constantFrom(...SLOTS);
const slots = fc.subarray([...SLOTS]);
const version = fc.constantFrom<1 | 2>(1, 2);
const which = fc.nat(30);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("log in" as const),
      customer: fc.constantFrom("anna" as const, "ben" as const),
      subscribed: slots,
      version,
      way: fc.constantFrom(
        "gateway" as const,
        "device" as const,
        "app" as const,
        "later" as const,
        "never" as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bring" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("subscribe" as const), subscribed: slots, version }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("leave" as const),
      by: fc.constantFrom("device" as const, "app" as const, "amazon" as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("want" as const), slot: slotId, troubled: fc.boolean() }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("order" as const),
      slot: slotId,
      to: fc.constantFrom("placed" as const, "shipped" as const, "delivered" as const, "cancelled" as const),
      version,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), hours: fc.constantFrom(0.1, 1, 7, 26) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("fault" as const),
      fault: fc.constantFrom("lost" as const, "failing" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("visit" as const, "restart" as const) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom("deliver" as const, "repeat" as const, "lose" as const),
      which,
    }),
  },
);

/** Mostly of a customer who is there, and has subscribed. */
const history = fc
  .tuple(fc.boolean(), fc.array(step, { minLength: 4, maxLength: 24, size: "max" }))
  .map(([isNew, steps]): Step[] => {
    const first = { do: "log in", customer: "anna", subscribed: SLOTS, version: 2, way: "gateway" } as const;
    return isNew ? steps : [first, { do: "visit" }, ...steps];
  });

let world: World;
let accounts: Account[] = [];
let used = 0;
let database: Database;

test.before(async () => {
  // Outlasts the gateways that are restarted.
  database = await Database.open(await emptyDatabase());
  const devices = SERIALS.map((serial) => {
    const { accessToken: _, ...device } = registered(serial, { key: key(1) });
    return device;
  });
  const lwa = { clientId: "own-client", clientSecret: "own-secret" };
  world = await startWorld(devices, {
    database,
    tokenKeys: KEYS,
    // The longest pauses: what fails for days is not tried every second of them.
    random: () => 1 - 2 ** -53,
    app: { token: "an-app-token-of-a-maker" },
    get lwa() {
      return { ...lwa, tokenUrl: `${world?.drs.url ?? "http://127.0.0.1:9"}/auth/o2/token` };
    },
  });
  await world.restart();
  world.drs.answer("", ({ path, body }) => {
    if (path !== "/auth/o2/token") return undefined;
    const form = new URLSearchParams(body);
    for (const account of accounts) {
      const answer = account.token(form);
      if (answer) return answer;
    }
    throw new Error(`a form about nobody: ${form}`);
  });
});
test.after.always(async () => {
  await world.close();
  await database.close();
});

/** A device at its customer's, as far as the gateway has to do with it: what it asks for, and what it believes. */
class Home {
  readonly account: Account;
  readonly serial: string;
  readonly #device: TestDevice;
  isRegistered = false;
  subscribed = 0;
  #number = 0;
  #applied = 0;
  #newest = 0;
  readonly cycles = SLOTS.map(() => ({ number: 0, state: "idle" as CycleState }));
  /** The code of a log-in that has not been brought yet. */
  code: string | undefined;

  constructor(serial: string) {
    this.serial = serial;
    this.#device = new TestDevice(world, registered(serial, { key: key(1) }));
    const cycleOf = (slot: SlotId) => this.cycles[SLOTS.indexOf(slot)]!.number;
    this.account = new Account(serial, world.clock, cycleOf, (token) =>
      world.drs.answer(token, (call) => this.account.answer(token, call)),
    );
  }

  async send(message: Parameters<TestDevice["send"]>[0]): Promise<void> {
    const answer = await this.#device.send({ ...message, applied: this.#applied } as typeof message);
    for (const { number, slot, cycle, state } of answer.events) {
      if (number !== this.#applied + 1) continue;
      this.#applied = number;
      const own = this.cycles[slot]!;
      if (cycle === own.number) own.state = nextState(own.state, state) ?? own.state;
    }
    this.#newest = answer.newest;
    const news = this.#device.registration;
    if (!news) return;
    if (news.number > this.#number) {
      // Another customer's cycles are not this one's.
      if (news.registered && !this.isRegistered)
        for (const cycle of this.cycles) Object.assign(cycle, { number: cycle.number + 1, state: "idle" });
      this.#number = news.number;
      this.isRegistered = news.registered;
      this.subscribed = news.subscribed;
    }
    await this.send({ kind: "informed", number: this.#number, applied: 0 });
  }

  /** Visits until it has heard everything. */
  async visit(): Promise<void> {
    do await this.send({ kind: "poll", applied: 0 });
    while (this.#applied < this.#newest);
  }

  async bring(code: string, way: "gateway" | "device" | "app"): Promise<void> {
    const form = { code, clientId: "app-client", redirectUri: "https://app.example/back" };
    if (way === "gateway") {
      await this.send({ kind: "authorization", ...form, verifier: "v".repeat(43), applied: 0 });
      return;
    }
    const answer = this.account.token(new URLSearchParams({ code }))!;
    if (answer.status !== 200) return;
    const { refresh_token: refreshToken } = answer.body as { refresh_token: string };
    if (way === "app") await world.gateway.authorize(this.serial, { refreshToken });
    else await this.send({ kind: "grant", clientId: form.clientId, refreshToken, applied: 0 });
  }

  async want(slot: SlotId, troubled: boolean): Promise<void> {
    await this.visit();
    const index = SLOTS.indexOf(slot);
    const cycle = this.cycles[index]!;
    const delivered = this.account.orders.findLast((each) => each.slot === slot)?.state === "delivered";
    if (delivered) cycle.state = nextState(cycle.state, "refilled") ?? cycle.state;
    const next = nextState(cycle.state, "intend");
    const isSubscribed = (this.subscribed >> index) % 2 === 1;
    if (!next || !this.isRegistered || !isSubscribed) return;
    this.account.isTroubled = troubled;
    Object.assign(cycle, { number: cycle.number + 1, state: next });
    await this.send(intent({ slot: index, cycle: cycle.number }));
  }

  async leave(by: "device" | "app" | "amazon"): Promise<void> {
    if (by === "amazon") this.account.deregister();
    else if (by === "app") await world.gateway.deregister(this.serial);
    else {
      await this.send({ kind: "deregistration", reason: "deleted", applied: 0 });
      this.isRegistered = false;
      this.subscribed = 0;
    }
  }
}

async function settle(ms: number): Promise<void> {
  await world.clock.advance(ms);
  await world.gateway.idle();
}

/** What came of a history, for the log: that all of it was seen. */
const seen: Record<string, number> = {};
const count = (what: string) => {
  seen[what] = (seen[what] ?? 0) + 1;
};

async function deliver(envelope: string): Promise<void> {
  const status = await post(world.gateway.notificationUrl, envelope);
  if (status !== 200) throw new Error(`a notification was answered with ${status}`);
}

/** @returns whether all that DRS has sent has arrived */
async function live(home: Home, steps: readonly Step[]): Promise<boolean> {
  const { account } = home;
  const waiting: string[] = [];
  const arrived: string[] = [];
  let sent = 0;
  let isLost = false;
  for (const each of steps) {
    switch (each.do) {
      case "log in": {
        const code = account.logIn(each.customer, each.subscribed, each.version);
        // The customer chooses products meanwhile.
        await settle(SECOND);
        if (each.way === "later") home.code = code;
        else if (each.way !== "never") await home.bring(code, each.way);
        break;
      }
      case "bring":
        if (home.code !== undefined) await home.bring(home.code, "gateway");
        home.code = undefined;
        break;
      case "subscribe":
        account.subscribe(each.subscribed, each.version);
        break;
      case "leave":
        await home.leave(each.by);
        break;
      case "want":
        await home.want(each.slot, each.troubled);
        break;
      case "order":
        account.order(each.slot, each.to, each.version);
        break;
      case "wait":
        await settle(each.hours * HOUR);
        break;
      case "fault":
        account.fault = each.fault;
        break;
      case "visit":
        await home.visit();
        break;
      case "restart":
        await world.restart();
        break;
      case "repeat":
        if (arrived.length > 0) await deliver(arrived[each.which % arrived.length]!);
        break;
      case "deliver":
      case "lose": {
        const [envelope] = waiting.splice(each.which % Math.max(1, waiting.length), 1);
        if (envelope === undefined) break;
        if (each.do === "lose") isLost = true;
        else {
          await deliver(envelope);
          arrived.push(envelope);
        }
      }
    }
    await settle(SECOND);
    for (; sent < account.sent.length; sent++) waiting.push(account.sent[sent]!.envelope);
  }
  return !isLost && waiting.length === 0;
}

/** What the gateway, and the device, have that Amazon has not; undefined: nothing. */
async function difference(home: Home): Promise<string | undefined> {
  const { account, serial } = home;
  // Whoever has logged in without a code that was redeemed is not known here.
  const { registration } = account;
  const isRegistered = registration?.refreshToken !== undefined;
  if (home.isRegistered !== isRegistered) return `registered: ${home.isRegistered}, not ${isRegistered}`;
  const bits = SLOTS.reduce(
    (sum, id, slot) => sum + (isRegistered && registration.subscribed.has(id) ? 2 ** slot : 0),
    0,
  );
  if (home.subscribed !== bits) return `subscribed: ${home.subscribed}, not ${bits}`;
  const rows = await world.gateway.orders(serial);
  for (const row of rows) {
    const name = `cycle ${row.cycle} of slot ${row.slot}`;
    const own = account.orders.filter(({ slot, cycle }) => slot === SLOTS[row.slot] && cycle === row.cycle);
    if (own.filter(({ state }) => state !== "cancelled").length > 1) return `${name}: ordered twice`;
    const cycle = home.cycles[row.slot]!;
    const isRefilled = cycle.state === "idle";
    if (cycle.number === row.cycle && cycle.state !== row.state && !isRefilled)
      return `${name}: ${cycle.state} on the device, and ${row.state}`;
    const order = account.orders.find(({ instance }) => instance === row.instanceId);
    count(`order ${row.state}`);
    if (row.state === "rejected") {
      if (own.length > 0) return `${name}: rejected, and ${own.map(({ state }) => state)}`;
      continue;
    }
    if (!order) {
      if (row.state === "unknown") continue;
      return `${name}: ${row.state}, and no order`;
    }
    const isBought = order.state !== "cancelled" && order.state !== "resolution";
    // Nothing that has not happened.
    if (row.state === "cancelled" && order.state !== "cancelled") return `${name}: not cancelled`;
    if (row.state === "placed" && order.placedAt === undefined) return `${name}: never placed`;
    if (row.state === "shipped" && !["shipped", "delivered"].includes(order.state))
      return `${name}: never shipped`;
    // Of orders of a registration that has ended, Amazon cannot be asked.
    if (order.registration !== registration) continue;
    if (order.state === "cancelled" && row.state !== "cancelled")
      return `${name}: ${row.state}, was cancelled`;
    if (isBought && row.state !== "placed" && row.state !== "shipped")
      return `${name}: ${row.state}, was bought`;
  }
  return undefined;
}

test.serial(
  "whatever is doubled, out of turn or lost of the notifications, a poll later gateway and device have what Amazon has",
  async (t) => {
    // Where it fails, for making the history smaller.
    t.timeout(600_000);
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const home = new Home(SERIALS[used++]!);
        accounts = [home.account];
        const { account } = home;
        const isTold = await live(home, steps);
        if (isTold && account.unsubscribed > 0) throw new Error("an order of a slot that is not subscribed");
        account.fault = "none";
        // A day's poll, and what an order is asked about until it cannot change any more.
        await settle(74 * HOUR);
        await home.visit();
        const found = await difference(home);
        if (found !== undefined) throw new Error(found);
        for (const { type } of account.sent) count(type);
        count(home.isRegistered ? "registered" : "not registered");
        await world.gateway.deregister(home.serial);
        const { calls } = account;
        await settle(25 * HOUR);
        if (account.calls !== calls) throw new Error("a call after the end");
        if (account.registration?.refreshToken !== undefined)
          throw new Error("Amazon was not told of the end");
      }),
      { numRuns: RUNS, includeErrorInReport: true },
    );
    t.log(JSON.stringify(seen));
    t.pass();
  },
);
