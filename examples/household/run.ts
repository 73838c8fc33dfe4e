import { type DeviceEvent, lossBound, refillAdvice } from "everfull";
import { Random, VirtualClock } from "everfull/simulator";
import { type DeliveryPlan, type SandboxOrder, startSandbox } from "../drs-sandbox/index.js";
import { type Gateway, type HealthRow, startBroker, startGateway } from "../gateway/index.js";
import { checksOf } from "./checks.js";
import type { DayEnd } from "./container.js";
import { Calendar, DAY, MINUTE } from "./dates.js";
import { Flights } from "./flights.js";
import { HouseholdDevice, powerCuts, publicKey, secretKey } from "./household-device.js";
import type { DevicePlan } from "./plan.js";
import type { DeviceReport, HealthReport, OrderReport, RunReport, SlotReport } from "./report.js";

export interface HouseholdOptions {
  /** Days to simulate; every series must have as many. */
  readonly days: number;
  readonly engine: "xs" | "node";
  readonly seed: string;
  /** `mqtt://host:port`; absent: a broker in this process. */
  readonly broker?: string;
  readonly devices: readonly DevicePlan[];
  onProgress?(progress: { readonly day: number; readonly days: number; readonly date: string }): void;
}

const DEFAULT_PORT = 1883;
const MODEL = "everfull-household";
/** The maker's client at Login with Amazon. */
const LWA = { clientId: "amzn1.application-oa2-client.household", clientSecret: "only-in-this-simulation" };
/** Life of an access token, in seconds, as Amazon's: devices report once a day, so that every day needs a new one. */
const TOKEN_LIFETIME = 3600;

/** What is written down of a device while the run goes on. */
interface Diary {
  readonly device: HouseholdDevice;
  readonly history: (DayEnd & { readonly date: string })[];
  readonly uplinks: { readonly at: string; readonly hex: string }[];
  readonly warnings: string[];
  readonly stepsPerDay: number[];
  readonly events: DeviceEvent[];
  /** Stock, in steps, at the moment of each order. */
  readonly stockAtOrder: number[];
  downMessages: number;
  downBytes: number;
  meterError: number;
  peakHeap: number;
  lastInspection: Awaited<ReturnType<HouseholdDevice["device"]["inspect"]>> | undefined;
}

/**
 * Runs a household through its days: devices, broker, gateway and DRS sandbox over real sockets, on one virtual clock that only moves when no message is in flight.
 *
 * @throws {Error} when something did not come to an end, or a device crashed
 */
export async function runHousehold(options: HouseholdOptions): Promise<RunReport> {
  const begun = performance.now();
  const { days, engine, seed } = options;
  // All series begin on the run's first day; the first one says which date that is.
  const calendar = new Calendar(options.devices[0]!.series.start);
  const { start } = calendar;
  const clock = new VirtualClock(start);
  const closers: (() => Promise<void>)[] = [];
  try {
    const broker = options.broker ? address(options.broker) : await startBroker();
    if ("close" in broker) closers.push(() => broker.close());
    const brokerUrl = "gatewayUrl" in broker ? broker.gatewayUrl : options.broker!;

    const gatewaySecret = secretKey(seed, "gateway");
    const flights = new Flights(clock);
    const diaries = options.devices.map((plan): Diary => {
      const diary: Diary = {
        device: new HouseholdDevice(plan, seed, {
          engine,
          clock,
          broker: { host: broker.host, port: broker.port },
          gatewayPublicKey: publicKey(gatewaySecret),
          published: (topic, payload) => {
            diary.uplinks.push({
              at: calendar.momentOf(clock.now()),
              hex: Buffer.from(payload).toString("hex"),
            });
            flights.begin(topic, payload);
          },
          delivered: (topic, payload) => {
            diary.downMessages++;
            diary.downBytes += payload.length;
            flights.end(topic, payload);
          },
          left: () => flights.endAll(`everfull/${plan.serial}/down`),
          log: (text) => diary.warnings.push(`${calendar.momentOf(clock.now())} ${text}`),
          told: (event) => note(diary, event as DeviceEvent),
        }),
        history: [],
        uplinks: [],
        warnings: [],
        stepsPerDay: [],
        events: [],
        stockAtOrder: [],
        downMessages: 0,
        downBytes: 0,
        meterError: 0,
        peakHeap: 0,
        lastInspection: undefined,
      };
      return diary;
    });
    const bySerial = new Map(diaries.map((diary) => [diary.device.plan.serial, diary]));

    const sandbox = await startSandbox({
      clock,
      run: seed,
      lwa: { ...LWA, lifetime: TOKEN_LIFETIME },
      handshake: true,
      devices: diaries.map(({ device: { plan, enrolment } }) => ({
        serial: plan.serial,
        model: MODEL,
        refreshToken: tokenOf(plan),
        slots: [
          {
            id: enrolment.slotId,
            asin: `ASIN-${plan.kind}`,
            unit: enrolment.unit,
            quantity: 1,
            subscribed: true,
          },
        ],
      })),
      plan: (order) => deliveryPlan(seed, order),
      onDelivered: ({ serial }) => bySerial.get(serial)?.device.deliver(),
    });
    closers.push(() => sandbox.close());

    const retries = new Random(`${seed} retries`);
    const gateway = await startGateway({
      broker: brokerUrl,
      clock,
      drs: sandbox.url,
      lwa: { ...LWA, tokenUrl: `${sandbox.url}/auth/o2/token` },
      tokenKeys: [{ number: 1, secret: secretKey(seed, "tokens") }],
      sns: { topicArns: [sandbox.topicArn], origin: sandbox.url },
      random: () => retries.next(),
      devices: diaries.map(({ device: { plan, enrolment } }) => ({
        serial: plan.serial,
        model: MODEL,
        refreshToken: tokenOf(plan),
        utcOffsetMinutes: 0,
        key: enrolment.key,
        slots: [{ ...enrolment, id: enrolment.slotId }],
      })),
      hooks: {
        handled: (topic, payload) => flights.end(topic, payload),
        publishing: (topic, payload) => {
          if (diaries.some(({ device }) => device.device.listensTo(topic))) flights.begin(topic, payload);
        },
      },
    });
    closers.push(() => gateway.close());
    for (const { device } of diaries) sandbox.setNotificationUrl(device.plan.serial, gateway.notificationUrl);

    for (const diary of diaries) {
      const { device } = diary;
      closers.push(() => device.device.cutPower());
      await device.start();
      for (const cut of powerCuts(seed, device.plan.serial, start, days)) {
        clock.at(cut.off, () => device.device.cutPower());
        clock.at(cut.on, () => device.start());
      }
    }

    for (let day = 0; day < days; day++) {
      const midnight = start + day * DAY;
      for (const { device } of diaries) {
        device.scheduleDay(midnight, device.plan.series.quantities[day] ?? 0);
      }
      const stepsBefore = diaries.map(({ device }) => device.device.steps);
      await clock.runUntil(midnight + DAY - 1);
      for (const [index, diary] of diaries.entries()) {
        const { device } = diary;
        if (device.device.crash) throw device.device.crash;
        diary.stepsPerDay.push(device.device.steps - stepsBefore[index]!);
        diary.history.push({ date: calendar.dateOf(midnight), ...device.container.endDay() });
        if (!device.device.isOn) continue;
        diary.lastInspection = await device.device.inspect();
        diary.peakHeap = Math.max(diary.peakHeap, await device.device.heap());
        const believed = diary.lastInspection.slots[0]!.remaining;
        diary.meterError = Math.max(diary.meterError, Math.abs(believed - device.container.remaining));
      }
      options.onProgress?.({ day: day + 1, days, date: calendar.dateOf(midnight) });
    }
    return await report(options, calendar, {
      gateway,
      sandbox,
      diaries,
      seconds: () => (performance.now() - begun) / 1000,
    });
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function note(diary: Diary, event: DeviceEvent): void {
  diary.events.push(event);
  if (event.kind === "intended")
    diary.stockAtOrder.push(diary.device.container.remaining + diary.device.container.onHand);
}

async function report(
  options: HouseholdOptions,
  calendar: Calendar,
  parts: {
    readonly gateway: Gateway;
    readonly sandbox: Awaited<ReturnType<typeof startSandbox>>;
    readonly diaries: readonly Diary[];
    seconds(): number;
  },
): Promise<RunReport> {
  const { gateway, sandbox, diaries } = parts;
  await gateway.idle();
  const statuses = await gateway.statuses();
  const health = await gateway.health();
  const devices = diaries.map((diary) => {
    const newest = health.find(({ serial }) => serial === diary.device.plan.serial);
    return deviceReport(options, calendar, diary, sandbox.orders, newest);
  });
  const { refused } = gateway.counts;
  const { requests } = sandbox.counts;
  return {
    engine: options.engine,
    seed: options.seed,
    start: calendar.dateOf(calendar.start),
    days: options.days,
    seconds: Math.round(parts.seconds() * 10) / 10,
    devices,
    refused: { ...refused },
    drs: { ...requests },
    checks: checksOf({
      days: options.days,
      devices,
      refused: { ...refused },
      orders: sandbox.orders,
      books: diaries.map(({ device, history, lastInspection }) => {
        const { serial } = device.plan;
        const { slotId } = device.enrolment;
        const status = statuses.find((row) => row.serial === serial && row.slot === 0);
        return {
          serial,
          account: lastInspection?.slots[0]?.account,
          cycle: lastInspection?.slots[0]?.cycle ?? 0,
          counted: device.plan.kind === "tablets",
          mayBeLost: lossBound(device.container).steps * (device.device.starts - 1),
          statusesReceived: sandbox.counts.statuses[serial]?.[slotId] ?? 0,
          // The newest status tells of the last day's begin.
          reportedConsumed: status?.consumed,
          trulyConsumed: device.container.taken - (history.at(-1)?.used ?? 0),
        };
      }),
    }),
  };
}

function deviceReport(
  options: HouseholdOptions,
  calendar: Calendar,
  diary: Diary,
  allOrders: readonly SandboxOrder[],
  health: HealthRow | undefined,
): DeviceReport {
  const { device, history, stepsPerDay } = diary;
  const { plan, flash } = device;
  const bytes = diary.uplinks.reduce((sum, { hex }) => sum + hex.length / 2, 0);
  const orders = allOrders.filter(({ serial }) => serial === plan.serial);
  return {
    serial: plan.serial,
    title: plan.title,
    restarts: device.device.starts - 1,
    messages: {
      up: diary.uplinks.length,
      upBytes: bytes,
      down: diary.downMessages,
      downBytes: diary.downBytes,
    },
    connections: device.device.connections,
    flash: {
      blocks: flash.erases.length,
      erases: flash.erases.reduce((a, b) => a + b, 0),
      written: flash.written,
    },
    steps:
      options.engine === "xs"
        ? {
            mean: Math.round(stepsPerDay.reduce((a, b) => a + b, 0) / stepsPerDay.length),
            most: Math.max(...stepsPerDay),
          }
        : null,
    peakHeap: options.engine === "xs" ? diary.peakHeap : null,
    health: health ? healthReport(calendar, health) : null,
    uplinks: diary.uplinks,
    warnings: diary.warnings,
    slots: [slotReport(calendar, diary, history, orders)],
  };
}

function healthReport(calendar: Calendar, row: HealthRow): HealthReport {
  const { version, resets, leastFree, mostErases, dropped, clock, settings } = row;
  const date = calendar.dateOf(row.day * DAY);
  return { date, version, resets, leastFree, mostErases, dropped, clock, settings };
}

function slotReport(
  calendar: Calendar,
  diary: Diary,
  history: Diary["history"],
  orders: readonly SandboxOrder[],
): SlotReport {
  const { device } = diary;
  const { stepsPerUnit, unit, capacity, refill, slotId } = device.enrolment;
  const units = (steps: number) => steps / stepsPerUnit;
  const rate = history.reduce((sum, { used }) => sum + used, 0) / history.length;
  return {
    id: slotId,
    title: device.plan.title,
    series: device.plan.series.id,
    unit,
    capacity: units(capacity),
    refill: units(refill),
    history: history.map(({ date, remaining, onHand, used }) => ({
      date,
      remaining: units(remaining),
      onHand: units(onHand),
      used: units(used),
    })),
    refills: device.refilledAt.map((time) => calendar.dateOf(time)),
    stockOuts: history
      .filter(({ unserved }) => unserved > 0)
      .map(({ date, unserved }) => ({ date, unserved: units(unserved) })),
    orders: diary.events
      .flatMap((event) => (event.kind === "intended" ? [event] : []))
      .map((event, index) =>
        orderReport(calendar, event, diary.stockAtOrder[index]!, history, orders[index]),
      ),
    lateOrders: diary.events.filter((event) => event.kind === "intended" && event.late).length,
    advice: refillAdvice({ id: slotId, refill }, rate) ?? null,
    meterError: units(diary.meterError),
  };
}

function orderReport(
  calendar: Calendar,
  intended: DeviceEvent & { kind: "intended" },
  stock: number,
  history: Diary["history"],
  order: SandboxOrder | undefined,
): OrderReport {
  const ordered = calendar.dateOf(intended.day * DAY);
  const date = (time: number | undefined) => (time === undefined ? null : calendar.dateOf(time));
  const first = history.findIndex((day) => day.date === ordered);
  let left = stock;
  const last = history.findIndex((day, index) => {
    if (index < first) return false;
    left -= day.used + day.unserved;
    return left <= 0;
  });
  return {
    cycle: intended.cycle,
    ordered,
    accepted: date(order?.acceptedAt),
    placed: date(order?.placedAt),
    shipped: date(order?.shippedAt),
    delivered: date(order?.deliveredAt),
    neededBy: last < 0 ? null : history[last]!.date,
    lead: last < 0 ? null : last - first,
  };
}

/** Placed at once, shipped in about two days, with the customer after five to seven. */
function deliveryPlan(seed: string, order: { serial: string; slotId: string; number: number }): DeliveryPlan {
  const random = new Random(`${seed} ${order.serial} ${order.slotId} delivery ${order.number}`);
  const MORNING = 10 * 60 * MINUTE;
  return {
    placedAfter: MINUTE,
    shippedAfter: 2 * DAY + MORNING,
    deliveredAfter: (5 + random.int(3)) * DAY + MORNING,
  };
}

function tokenOf(plan: DevicePlan): string {
  return `Atzr|simulated-${plan.serial}`;
}

function address(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === "" ? DEFAULT_PORT : Number(port) };
}
