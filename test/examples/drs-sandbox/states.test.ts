import test from "ava";
import fc from "fast-check";
import { startSandbox } from "../../../examples/drs-sandbox/index.js";
import { ReferenceClient } from "./reference-client.js";
import { DAY, ManualClock, MINUTE, SIGNING_KEY } from "./support.js";

const HOUR = 60 * MINUTE;
const PLACED_AFTER = MINUTE;
const SHIPPED_AFTER = 2 * DAY;
const DELIVERED_AFTER = 6 * DAY;

/** A slot by the documentation's table of states, on a clock of its own. */
class SlotModel {
  state: "IDLE" | "RESOLUTION" | "ACCEPTED" | "PLACED" | "SHIPPED" = "IDLE";
  subscribed = true;
  readonly isTest: boolean;
  news: string[] = [];
  #now = 0;
  #since = 0;

  constructor(isTest: boolean) {
    this.isTest = isTest;
  }

  #enter(state: SlotModel["state"], at: number): void {
    this.state = state;
    this.#since = at;
  }

  replenish(hasProblem: boolean): string {
    if (this.state !== "IDLE") return "ORDER_INPROGRESS";
    if (!this.subscribed) return "unsubscribed";
    this.#enter(hasProblem && !this.isTest ? "RESOLUTION" : "ACCEPTED", this.#now);
    return this.isTest ? "TEST_ORDER_PLACED" : "STANDARD_ORDER_PLACED";
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const wait = {
        IDLE: Number.POSITIVE_INFINITY,
        RESOLUTION: 72 * HOUR,
        ACCEPTED: PLACED_AFTER,
        PLACED: SHIPPED_AFTER - PLACED_AFTER,
        SHIPPED: DELIVERED_AFTER - SHIPPED_AFTER,
      }[this.state];
      const due = this.#since + wait;
      if (due > end) break;
      if (this.state === "RESOLUTION") {
        this.news.push("OrderCancelledNotification");
        this.#enter("IDLE", due);
      } else if (this.state === "ACCEPTED") {
        this.news.push("OrderPlacedNotification");
        this.#enter("PLACED", due);
      } else if (this.state === "PLACED") {
        this.news.push("ItemShippedNotification");
        this.#enter("SHIPPED", due);
      } else this.#enter("IDLE", due);
    }
    this.#now = end;
  }

  resolve(): boolean {
    if (this.state !== "RESOLUTION") return false;
    this.news.push("OrderPlacedNotification");
    this.#enter("PLACED", this.#now);
    return true;
  }

  cancel(): boolean {
    const isOpen = ["ACCEPTED", "RESOLUTION"].includes(this.state);
    if (!isOpen && !(this.state === "PLACED" && this.#now < this.#since + 24 * HOUR)) return false;
    if (!this.isTest) this.news.push("OrderCancelledNotification");
    this.#enter("IDLE", this.#now);
    return true;
  }

  cancelTest(): number {
    if (!this.isTest) return 400;
    this.#enter("IDLE", this.#now);
    return 200;
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("replenish" as const), hasProblem: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("advance" as const),
      // around every moment at which something is due
      ms: fc
        .constantFrom(0, MINUTE, HOUR, 24 * HOUR, 48 * HOUR, 72 * HOUR)
        .chain((ms) => fc.integer({ min: -1, max: 1 }).map((off) => Math.max(0, ms + off))),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("resolve" as const, "cancel" as const, "cancelTest" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("subscribe" as const), on: fc.boolean() }) },
);

test("a slot goes through the documented states, whatever happens in which order", async (t) => {
  const reached = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 25 }), async (isTest, steps) => {
      const clock = new ManualClock();
      const model = new SlotModel(isTest);
      const news: string[] = [];
      let hasProblem = false;
      const sandbox = await startSandbox({
        clock,
        devices: [
          {
            serial: "D-1",
            model: "dispenser",
            accessToken: "Atza|fixed",
            isTest,
            slots: [{ id: "soap", asin: "B000SOAP01", unit: "count", quantity: 1, subscribed: true }],
          },
        ],
        plan: () => ({
          placedAfter: PLACED_AFTER,
          shippedAfter: SHIPPED_AFTER,
          deliveredAfter: DELIVERED_AFTER,
          ...(hasProblem ? { problem: "stock" as const } : {}),
        }),
        signingKey: SIGNING_KEY,
        // nobody is there to take it: what is announced is in the log all the same
        log: (entry) => {
          if (entry.kind === "notification" && entry.type !== "SubscriptionChangedNotification")
            news.push(entry.type);
        },
      });
      try {
        const client = new ReferenceClient(sandbox.url, "Atza|fixed");
        const last = () => sandbox.orders.at(-1)?.instanceId ?? "none";
        for (const each of steps) {
          switch (each.do) {
            case "replenish": {
              hasProblem = each.hasProblem;
              const { status, json } = await client.replenish("soap");
              const { detailCode = "unsubscribed" } = json as { detailCode?: string };
              t.is(detailCode, model.replenish(each.hasProblem));
              t.is(status, detailCode === "unsubscribed" ? 400 : 200);
              break;
            }
            case "advance":
              model.advance(each.ms);
              await clock.advance(each.ms);
              break;
            case "resolve":
              t.is(await sandbox.resolve(last()), model.resolve());
              break;
            case "cancel":
              t.is(await sandbox.cancel(last()), model.cancel());
              break;
            case "cancelTest":
              t.is((await client.cancelTestOrders("soap")).status, model.cancelTest());
              break;
            case "subscribe":
              sandbox.setSubscribed("D-1", "soap", each.on);
              model.subscribed = each.on;
              break;
          }
          reached.add(model.state);
          t.deepEqual(news, model.news);
        }
      } finally {
        await sandbox.close();
      }
    }),
    { numRuns: 150 },
  );
  t.deepEqual(
    [...reached].sort(),
    ["ACCEPTED", "IDLE", "PLACED", "RESOLUTION", "SHIPPED"],
    "nothing was left out",
  );
});
