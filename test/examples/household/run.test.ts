import { fileURLToPath } from "node:url";
import test from "ava";
import { demonstration, tabletDispenser } from "../../../examples/household/plan.js";
import type { RunReport } from "../../../examples/household/report.js";
import { type HouseholdOptions, runHousehold } from "../../../examples/household/run.js";
import { readSeries, type Series } from "../../../examples/household/series.js";
import { freePort, startMosquitto, testOnXs, testWithMosquitto } from "../../hal/simulator/support.js";

const DATA = fileURLToPath(
  new URL("../../../../examples/household/data/appliance_cycles.csv", import.meta.url),
);
const DAYS = 180;

function run(options: Partial<HouseholdOptions>): Promise<RunReport> {
  const devices = demonstration(readSeries(DATA));
  return runHousehold({ days: DAYS, engine: "node", seed: "everfull", devices, ...options });
}

let inNode: Promise<RunReport> | undefined;

/** The whole run in Node, made once. */
function whole(): Promise<RunReport> {
  inNode ??= run({});
  return inNode;
}

const failed = ({ checks }: RunReport) => checks.filter(({ passed }) => !passed);
const hex = ({ devices }: RunReport) => devices.map(({ uplinks }) => uplinks.map((uplink) => uplink.hex));

/** What two engines must agree on: everything but themselves and what they cost. */
function comparable(report: RunReport) {
  const { engine: _engine, seconds: _seconds, devices, ...rest } = report;
  return {
    ...rest,
    devices: devices.map(({ steps: _steps, peakHeap: _heap, ...device }) => device),
  };
}

test.serial("a household of more than a year, weighed refills and all, never stops ordering", async (t) => {
  t.timeout(300_000);
  const report = await run({ days: 404 });
  t.deepEqual(failed(report), []);
  for (const { slots } of report.devices) t.true(slots[0]!.orders.length >= 10);
});

test.serial("a household of half a year passes every check", async (t) => {
  t.timeout(300_000);
  const report = await whole();
  t.deepEqual(failed(report), []);
  t.is(report.checks.length, 7);
  t.is(report.days, DAYS);
  for (const device of report.devices) {
    const slot = device.slots[0]!;
    t.is(slot.history.length, DAYS);
    t.true(device.uplinks.length >= DAYS - 1, "at least a status a day");
    t.is(device.messages.up, device.uplinks.length);
    t.is(
      device.messages.upBytes,
      device.uplinks.reduce((sum, uplink) => sum + uplink.hex.length / 2, 0),
    );
    t.true(device.messages.down >= device.messages.up, "every message is answered");
    t.is(new Set(device.uplinks.map((uplink) => uplink.hex)).size, device.uplinks.length, "no message twice");
    t.true(slot.orders.length >= 2, `${slot.orders.length} orders`);
    t.true(slot.refills.length >= slot.orders.length - 1);
    for (const order of slot.orders.slice(0, -1)) {
      t.truthy(order.delivered);
      t.true(order.ordered <= order.accepted! && order.accepted! <= order.placed!);
      t.true(order.placed! < order.shipped! && order.shipped! < order.delivered!);
    }
  }
  t.is(report.drs.Replenish, report.devices.flatMap(({ slots }) => slots[0]!.orders).length);
});

test.serial("what the series say is what was used, on the dates on which it was recorded", async (t) => {
  t.timeout(300_000);
  const report = await whole();
  for (const [index, plan] of demonstration(readSeries(DATA)).entries()) {
    const { series } = plan;
    const slot = report.devices[index]!.slots[0]!;
    const offset = (Date.parse(report.start) - Date.parse(series.start)) / 86_400_000;
    const steps = plan.kind === "soap" ? 35 : 1;
    t.deepEqual(
      slot.history.map(({ used }) => used),
      series.quantities.slice(offset, offset + DAYS).map((quantity) => quantity * steps),
    );
  }
});

test.serial(
  "the maker is advised by the rate that was measured, and late orders are those that the device has told",
  async (t) => {
    t.timeout(300_000);
    const slots = (await whole()).devices.flatMap((device) => device.slots);
    for (const slot of slots) {
      const days = slot.refill / (slot.history.reduce((sum, { used }) => sum + used, 0) / DAYS);
      t.is(slot.advice !== null, Math.round(days) > 31, `${slot.id}: ${days} days`);
      t.is(slot.lateOrders, 0);
    }
  },
);

test.serial("devices lose their power now and then, and take up where they were", async (t) => {
  t.timeout(300_000);
  const { devices } = await whole();
  for (const device of devices) t.true(device.restarts >= 3, `${device.restarts}`);
  for (const { restarts, health } of devices) {
    t.like(health, { version: "0.0.0", clock: "trusted", settings: 0, dropped: 0 });
    const starts = Object.values(health!.resets).reduce((sum, count) => sum + count, 0);
    t.is(starts, restarts + 1, "each is told in the health record");
  }
  // Counted pieces: not one is lost by a restart.
  t.is(devices[0]!.slots[0]!.meterError, 0);
});

testOnXs("XS and Node send the same bytes, message for message", async (t) => {
  t.timeout(300_000);
  const node = await whole();
  const xs = await run({ engine: "xs" });
  t.deepEqual(failed(xs), []);
  t.deepEqual(hex(xs), hex(node));
  t.deepEqual(comparable(xs), comparable(node));
  t.is(node.devices[0]!.steps, null);
  for (const { steps, peakHeap } of xs.devices) {
    t.true(steps!.mean > 1000 && steps!.most >= steps!.mean);
    t.true(peakHeap! > 0);
  }
});

test.serial("a run is its seed: the same again is the same, another is another and passes too", async (t) => {
  t.timeout(300_000);
  const days = 45;
  const [first, again, other] = [
    await run({ days }),
    await run({ days }),
    await run({ days, seed: "another seed" }),
  ];
  t.deepEqual(comparable(again), comparable(first));
  t.deepEqual(failed(other), []);
  const [a, b] = [hex(first), hex(other)];
  for (const device of [0, 1]) t.is(a[device]!.filter((message) => b[device]!.includes(message)).length, 0);
  t.notDeepEqual(
    other.devices.map(({ uplinks }) => uplinks.map(({ at }) => at)),
    first.devices.map(({ uplinks }) => uplinks.map(({ at }) => at)),
  );
});

test.serial("a shorter run is the beginning of a longer one", async (t) => {
  t.timeout(300_000);
  const [long, short] = [await whole(), await run({ days: 10 })];
  t.deepEqual(failed(short), []);
  for (const [index, device] of short.devices.entries())
    t.deepEqual(device.uplinks, long.devices[index]!.uplinks.slice(0, device.uplinks.length));
});

testWithMosquitto("mosquitto carries the same bytes as the broker in the process", async (t) => {
  t.timeout(300_000);
  const broker = await startMosquitto(t);
  const days = 30;
  const report = await run({ days, broker: `mqtt://${broker.host}:${broker.port}` });
  t.deepEqual(failed(report), []);
  const inProcess = await whole();
  for (const [index, device] of report.devices.entries()) {
    t.true(device.uplinks.length >= days - 1);
    t.deepEqual(device.uplinks, inProcess.devices[index]!.uplinks.slice(0, device.uplinks.length));
    t.deepEqual(device.slots[0]!.history, inProcess.devices[index]!.slots[0]!.history.slice(0, days));
  }
});

test.serial("a dispenser runs on any series, fractions of a unit included", async (t) => {
  t.timeout(300_000);
  const days = 60;
  const quantities = Array.from({ length: days }, (_, day) =>
    day % 7 === 6 ? 0 : 0.2 + ((day * 37) % 100) / 64,
  );
  const series: Series = { id: "espresso", start: "2025-03-01", quantities };
  const report = await run({ days, devices: [tabletDispenser(series, 25)] });
  t.deepEqual(failed(report), []);
  const [device] = report.devices;
  const slot = device!.slots[0]!;
  t.is(report.start, "2025-03-01");
  t.is(slot.series, "espresso");
  t.is(slot.capacity, 25);
  t.is(slot.refill, 25);
  t.true(slot.orders.length >= 1);
  let [wanted, used] = [0, 0];
  slot.history.forEach((day, index) => {
    wanted += quantities[index]!;
    used += day.used;
    // What is less than a hundredth of a unit is kept for the next day.
    t.true(Math.abs(wanted - used) < 0.01 + 1e-9, `${day.date}: ${used} of ${wanted}`);
  });
  t.true(slot.history.some(({ used }) => !Number.isInteger(used)));
});

test.serial("progress is told day by day", async (t) => {
  t.timeout(300_000);
  const series: Series = { id: "a", start: "2025-02-27", quantities: [1, 2, 1] };
  const told: string[] = [];
  await run({
    days: 3,
    devices: [tabletDispenser(series, 20)],
    onProgress: ({ day, days, date }) => told.push(`${day} of ${days}: ${date}`),
  });
  t.deepEqual(told, ["1 of 3: 2025-02-27", "2 of 3: 2025-02-28", "3 of 3: 2025-03-01"]);
});

test.serial("a broker that is not there is said at once", async (t) => {
  const broker = `mqtt://127.0.0.1:${await freePort()}`;
  await t.throwsAsync(run({ days: 3, broker }), {
    message: /broker mqtt:\/\/127\.0\.0\.1:\d+: cannot connect/,
  });
});
