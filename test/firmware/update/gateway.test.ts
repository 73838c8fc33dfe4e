import { startSandbox } from "../../../examples/drs-sandbox/index.js";
import { type Gateway, startGateway } from "../../../examples/gateway/index.js";
import { testOnEngines } from "../../hal/simulator/support.js";
import { DAY, HOUR, imageOf, KEY, MINUTE, OtaWorld, SERIAL, START } from "./ota-world.js";

testOnEngines(
  "the gateway offers an image to a running device, which tries it, stays with it, and refuses it afterwards",
  async (t, engine) => {
    t.timeout(300_000);
    let gateway!: Gateway;
    const world = await OtaWorld.start(t, engine, await imageOf(1), async (reached, broker) => {
      const { clock } = reached;
      const slot = { id: "soap", unit: "count", stepsPerUnit: 1, capacity: 1000, refill: 1000 };
      const device = { serial: SERIAL, model: "m", accessToken: "Atza|s" };
      const sandbox = await startSandbox({
        clock,
        run: "ota",
        devices: [
          { ...device, slots: [{ id: "soap", asin: "A", unit: "count", quantity: 1, subscribed: true }] },
        ],
        plan: () => ({ placedAfter: MINUTE, shippedAfter: DAY, deliveredAfter: 4 * DAY }),
      });
      gateway = await startGateway({
        broker,
        clock,
        drs: sandbox.url,
        sns: { topicArns: [sandbox.topicArn], origin: sandbox.url },
        devices: [{ ...device, utcOffsetMinutes: 0, key: KEY, slots: [slot] }],
        hooks: {
          handled: (topic, payload) => reached.handled(topic, payload),
          publishing: (topic, payload) => reached.publishing(topic, payload),
        },
      });
      sandbox.setNotificationUrl(SERIAL, gateway.notificationUrl);
      return async () => {
        await gateway.close();
        await sandbox.close();
      };
    });
    t.teardown(() => gateway.close());
    await world.to(1, HOUR);
    const description = world.release(await imageOf(2), 2);
    t.is(await gateway.offerImage(SERIAL, description), 1);
    await world.to(2, HOUR);
    const [row] = await gateway.images();
    t.like(row, { number: 1, version: 2, state: "taken", enteredAt: START + DAY + HOUR });
    t.true(row!.sentAt! > row!.enteredAt && row!.sentAt! <= row!.answeredAt!);
    t.is(world.phases.at(-1), "2: trial");
    await world.to(4);
    t.is(world.phases.at(-1), "2: confirmed");
    t.is((await gateway.health(SERIAL))[0]!.version, "1.2.0");
    const { images } = gateway.counts;
    await world.to(5);
    t.is(gateway.counts.images, images, "it is not offered any more");
    await gateway.offerImage(SERIAL, world.release(await imageOf(1), 1));
    await world.to(6);
    t.like((await gateway.images()).at(-1), { number: 2, state: "refused", outcome: "downgrade" });
    t.deepEqual(world.started, [1, 2]);
    t.is(gateway.counts.failed, 0);
  },
);
