import test, { type ExecutionContext } from "ava";
import { Codec, open, type UplinkMessage } from "everfull";
import { VirtualClock } from "everfull/simulator";
import { startSandbox } from "../../../examples/drs-sandbox/index.js";
import { startBroker, startGateway } from "../../../examples/gateway/index.js";
import { DAY, MINUTE } from "../../../examples/household/dates.js";
import { HouseholdDevice, publicKey, secretKey } from "../../../examples/household/household-device.js";
import { tabletDispenser } from "../../../examples/household/plan.js";
import { testOnXs } from "../../hal/simulator/support.js";

const SEED = "settings";
const START = Date.UTC(2026, 5, 1);
const FIRST = START / DAY;
const HOUR = 60 * MINUTE;
/** With 2 tablets a day a pack lasts 40 days: with the default reserve, nothing is ordered in this week. */
const DAYS = 6;
const series = { id: "even", start: "2026-06-01", quantities: new Array<number>(DAYS).fill(2) };
const codec = new Codec();

interface Told {
  readonly hex: string;
  readonly message: UplinkMessage;
}

/** When the power goes: never; when the settings are on their way; when they are applied and the answer is on its way. */
type Cut = "never" | "before" | "after";

/** A tablet dispenser through a week, with settings that are entered on its second evening. @returns what it sent, and what the gateway has */
async function week(t: ExecutionContext, engine: "node" | "xs", cut: Cut) {
  const closers: (() => Promise<void>)[] = [];
  try {
    const clock = new VirtualClock(START);
    const broker = await startBroker();
    closers.push(() => broker.close());
    const plan = tabletDispenser(series, 80);
    const gatewaySecret = secretKey(SEED, "gateway");
    const flights = new Map<string, (() => void)[]>();
    const begin = (topic: string, payload: Uint8Array) => {
      const key = `${topic} ${Buffer.from(payload).toString("hex")}`;
      flights.set(key, [...(flights.get(key) ?? []), clock.activity.begin(key)]);
    };
    const end = (topic: string, payload: Uint8Array) =>
      flights.get(`${topic} ${Buffer.from(payload).toString("hex")}`)?.shift()?.();
    const sent: Told[] = [];
    let cuts = cut === "never" ? 0 : 1;
    const powerFails = () => {
      cuts--;
      clock.at(clock.now(), () => device.device.cutPower());
      clock.at(clock.now() + MINUTE, () => device.start());
    };
    const device = new HouseholdDevice(plan, SEED, {
      engine,
      clock,
      broker: { host: broker.host, port: broker.port },
      gatewayPublicKey: publicKey(gatewaySecret),
      published: (topic, payload) => {
        const { body } = open(device.enrolment.key, "up", payload);
        const message = codec.decodeUplink(body);
        sent.push({ hex: Buffer.from(payload).toString("hex"), message });
        begin(topic, payload);
        if (message.kind === "settled" && cut === "after" && cuts > 0) powerFails();
      },
      delivered: end,
      left: () => {
        for (const [key, ends] of flights)
          if (key.startsWith(`everfull/${plan.serial}/down`)) for (const each of ends.splice(0)) each();
      },
      log: (text) => t.log(text),
    });
    closers.push(() => device.device.cutPower());
    const { enrolment } = device;
    const sandbox = await startSandbox({
      clock,
      run: SEED,
      devices: [
        {
          serial: plan.serial,
          model: "m",
          accessToken: "Atza|s",
          slots: [{ id: enrolment.slotId, asin: "A", unit: enrolment.unit, quantity: 1, subscribed: true }],
        },
      ],
      plan: () => ({ placedAfter: MINUTE, shippedAfter: DAY, deliveredAfter: 4 * DAY }),
    });
    closers.push(() => sandbox.close());
    const gateway = await startGateway({
      broker: broker.gatewayUrl,
      clock,
      drs: sandbox.url,
      sns: { topicArns: [sandbox.topicArn], origin: sandbox.url },
      devices: [
        {
          serial: plan.serial,
          model: "m",
          accessToken: "Atza|s",
          utcOffsetMinutes: 0,
          key: enrolment.key,
          slots: [{ ...enrolment, id: enrolment.slotId }],
        },
      ],
      hooks: {
        handled: end,
        publishing: (topic, payload) => {
          if (!device.device.listensTo(topic)) return;
          const { body } = open(enrolment.key, "down", payload);
          begin(topic, payload);
          if (codec.decodeDownlink(body).kind === "settings" && cut === "before" && cuts > 0) powerFails();
        },
      },
    });
    closers.push(() => gateway.close());
    sandbox.setNotificationUrl(plan.serial, gateway.notificationUrl);
    await device.start();
    for (let day = 0; day < DAYS; day++) {
      const midnight = START + day * DAY;
      device.scheduleDay(midnight, series.quantities[day]!);
      if (day === 1)
        clock.at(midnight + HOUR, async () => {
          // Five hours ahead, and two months of reserve: it is time to order.
          const slots = { [enrolment.slotId]: { reserveDays: 60 } };
          await gateway.setSettings(plan.serial, { utcOffsetMinutes: 300, slots });
        });
      await clock.runUntil(midnight + DAY - 1);
      if (device.device.crash) throw device.device.crash;
    }
    await gateway.idle();
    return {
      sent,
      starts: device.device.starts,
      settings: await gateway.settings(),
      health: await gateway.healthDays(plan.serial),
      orders: await gateway.orders(),
      refused: gateway.counts.refused,
      failed: gateway.counts.failed,
      inspection: await device.device.inspect(),
    };
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

for (const cut of ["never", "before", "after"] as const)
  test.serial(
    `settings that are entered at the gateway are applied once and followed, power cut: ${cut}`,
    async (t) => {
      t.timeout(300_000);
      const { sent, starts, settings, health, orders, failed } = await week(t, "node", cut);
      t.is(failed, 0);
      t.is(starts, cut === "never" ? 1 : 2);
      t.is(settings.length, 1);
      t.like(settings[0]!, { number: 1, state: "applied", utcOffsetMinutes: 300 });
      const { enteredAt, sentAt, answeredAt } = settings[0]!;
      t.true(enteredAt < sentAt! && sentAt! <= answeredAt! && answeredAt! < START + 2.5 * DAY);
      const answers = sent.filter(({ message }) => message.kind === "settled");
      t.is(new Set(answers.map(({ hex }) => hex)).size, 1, "one answer, however often it is sent");
      t.like(answers[0]!.message, { number: 1, outcome: "applied" });
      // The visit of the second day brings them in the evening, and with five hours more the third begins.
      t.deepEqual(
        health.map(({ day, settings: number, utcOffsetMinutes }) => [day - FIRST, number, utcOffsetMinutes]),
        [[1, 0, 0], ...Array.from({ length: DAYS - 2 }, (_, i) => [i + 2, 1, 300])],
      );
      // The order that the reserve asks for, on the first day that begins with it.
      t.is(orders.length, 1);
      t.like(orders[0]!, { cycle: 1, day: FIRST + 2 });
      t.true(orders[0]!.receivedAt < START + 2 * DAY, "before the day begins where it was");
      t.is(
        Object.values(health.at(-1)!.resets).reduce((sum, count) => sum + count),
        starts,
      );
    },
  );

testOnXs("XS and Node send the same bytes when settings come down and power is cut", async (t) => {
  t.timeout(300_000);
  for (const cut of ["never", "after"] as const) {
    const [node, xs] = [await week(t, "node", cut), await week(t, "xs", cut)];
    t.deepEqual(
      xs.sent.map(({ hex }) => hex),
      node.sent.map(({ hex }) => hex),
    );
    t.deepEqual(xs.settings, node.settings);
    t.deepEqual(xs.inspection, node.inspection);
  }
});
