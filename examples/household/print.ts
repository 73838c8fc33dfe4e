import { type ChartOptions, drawSlot, legend } from "./chart.js";
import type { DeviceReport, HealthReport, OrderReport, RunReport, SlotReport } from "./report.js";
import { count, number, paint, quantity, table } from "./text.js";

export type PrintOptions = ChartOptions;

/** Calendar days that an order must be ahead of the need. */
const REQUIRED_LEAD = 7;
/** Stock-outs that are listed with their dates. */
const MOST_LISTED = 5;

/** A report for people, lines ended by LF; the last one is the verdict. */
export function printReport(report: RunReport, options: PrintOptions): string {
  const lines = heading(report, options);
  let first = true;
  for (const device of report.devices) {
    lines.push("", paint(`${device.title} (${device.serial})`, "bold", options.colour));
    for (const slot of device.slots) {
      lines.push("", ...slotLines(slot, options, first));
      first = false;
    }
    lines.push("", ...deviceLines(device));
  }
  lines.push(
    "",
    ...table(
      [
        ["refused messages", tally(report.refused)],
        ["DRS calls", tally(report.drs)],
      ],
      ["left", "left"],
    ),
  );
  lines.push("", ...checkLines(report, options), "", verdict(report));
  return `${lines.join("\n")}\n`;
}

/** One sentence on what the run showed. */
export function verdict(report: RunReport): string {
  const slots = report.devices.flatMap((device) => device.slots);
  const stockOuts = slots.reduce((sum, slot) => sum + slot.stockOuts.length, 0);
  const failed = report.checks.filter((check) => !check.passed).length;
  const parts = [
    ...orderVerdict(slots.flatMap((slot) => slot.orders)),
    stockOuts === 0 ? "no stock-out" : count(stockOuts, "stock-out"),
  ];
  if (failed > 0) parts.push(`${failed} of ${count(report.checks.length, "check")} failed`);
  return `${count(report.days, "day")}: ${parts.join(", ")}.`;
}

function orderVerdict(orders: readonly OrderReport[]): string[] {
  if (orders.length === 0) return ["no order"];
  const leads = orders.flatMap((order) => (order.lead === null ? [] : [order.lead]));
  const late = leads.filter((lead) => lead < REQUIRED_LEAD).length;
  const total = count(orders.length, "order");
  if (late > 0) return [total, `${late} less than ${REQUIRED_LEAD} days ahead`];
  if (leads.length === 0) return [total, "none needed yet"];
  const least = count(Math.min(...leads), "day");
  if (orders.length === 1) return [total, `${least} ahead`];
  if (leads.length === orders.length) return [total, `all at least ${least} ahead`];
  const later = orders.length - leads.length;
  return [total, `${leads.length} at least ${least} ahead and ${later} not needed yet`];
}

function heading(report: RunReport, options: PrintOptions): string[] {
  const deviceDays = report.seconds > 0 ? (report.days * report.devices.length) / report.seconds : null;
  return [
    paint(
      `Everfull: ${count(report.devices.length, "device")}, ${count(report.days, "day")} from ${report.start}`,
      "bold",
      options.colour,
    ),
    `engine ${report.engine}, seed ${JSON.stringify(report.seed)}, ${number(report.seconds, 1)} s ` +
      `(${number(deviceDays)} device-days a second)`,
  ];
}

function slotLines(slot: SlotReport, options: PrintOptions, withLegend: boolean): string[] {
  const lines = [
    `${slot.title}: what remains of ${quantity(slot.capacity, slot.unit)}; ` +
      `refills of ${quantity(slot.refill, slot.unit)}, use from ${slot.series}`,
    ...drawSlot(slot, options),
  ];
  if (withLegend) lines.push(`marks: ${legend(options.colour)}`);
  lines.push("");
  if (slot.orders.length === 0) lines.push("no order");
  else lines.push(...orderTable(slot.orders, options));
  const error = quantity(slot.meterError, slot.unit);
  lines.push(
    `stock-outs: ${stockOutText(slot)}; late orders: ${slot.lateOrders || "none"}; largest meter error: ${error}`,
  );
  if (slot.advice) lines.push(`advice: ${slot.advice}`);
  return lines;
}

function orderTable(orders: readonly OrderReport[], options: PrintOptions): string[] {
  const [head = "", ...rows] = table(
    [
      ["cycle", "ordered", "placed", "shipped", "delivered", "needed by", "lead days"],
      ...orders.map((order) => [
        number(order.cycle),
        date(order.ordered),
        date(order.placed),
        date(order.shipped),
        date(order.delivered),
        date(order.neededBy),
        number(order.lead),
      ]),
    ],
    ["right", "left", "left", "left", "left", "left", "right"],
  );
  return [paint(head, "dim", options.colour), ...rows];
}

function stockOutText(slot: SlotReport): string {
  if (slot.stockOuts.length === 0) return "none";
  const listed = slot.stockOuts
    .slice(0, MOST_LISTED)
    .map((day) => `${date(day.date)} (${quantity(day.unserved, slot.unit)} short)`);
  const more = slot.stockOuts.length - listed.length;
  if (more > 0) listed.push(`${number(more)} more`);
  return `${number(slot.stockOuts.length)}: ${listed.join(", ")}`;
}

function deviceLines(device: DeviceReport): string[] {
  const { messages, flash, steps } = device;
  const average = (bytes: number, of: number) => number(of > 0 ? bytes / of : null, 1);
  return [
    ...table(
      [
        [
          "messages up",
          `${number(messages.up)}, ${number(messages.upBytes)} bytes, ${average(messages.upBytes, messages.up)} each on average`,
        ],
        [
          "messages down",
          `${number(messages.down)}, ${number(messages.downBytes)} bytes, ${average(messages.downBytes, messages.down)} each on average`,
        ],
        ["connections", number(device.connections)],
        [
          "flash",
          `${count(flash.erases, "erase")} of ${count(flash.blocks, "block")}, ${number(flash.written)} bytes written`,
        ],
        ["restarts", number(device.restarts)],
        ["health", healthText(device.health)],
        [
          "steps a day",
          steps === null
            ? "not counted by this engine"
            : `${number(steps.mean)} on average, ${number(steps.most)} at most`,
        ],
        [
          "peak heap",
          device.peakHeap === null
            ? "not measured by this engine"
            : `${number(device.peakHeap)} bytes of slots in use, as on a 32-bit chip`,
        ],
      ],
      ["left", "left"],
    ),
    ...device.warnings.map((warning) => `warning: ${warning}`),
  ];
}

/** What the newest health record says. */
function healthText(health: HealthReport | null): string {
  if (health === null) return "not told yet";
  const { leastFree } = health;
  return [
    `on ${date(health.date)}: firmware ${health.version}`,
    `starts: ${tally(health.resets)}`,
    `clock ${health.clock}`,
    `${count(health.mostErases, "erase")} of a block at most`,
    `${count(health.dropped, "message")} replaced`,
    ...(leastFree === null ? [] : [`${number(leastFree)} bytes of heap left at least`]),
    ...(health.settings === 0 ? [] : [`settings ${number(health.settings)}`]),
  ].join(", ");
}

function checkLines(report: RunReport, options: PrintOptions): string[] {
  const [passed, failed] = options.unicode ? ["✓", "✗"] : ["ok  ", "FAIL"];
  return report.checks.map((check) => {
    const sign = check.passed
      ? paint(passed as string, "green", options.colour)
      : paint(failed as string, "red", options.colour);
    return `${sign} ${check.name}: ${check.found}`;
  });
}

/** "PlaceOrder 12, Registration 2", or "none". */
function tally(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).filter(([, value]) => value !== 0);
  return entries.length === 0
    ? "none"
    : entries.map(([name, value]) => `${name} ${number(value)}`).join(", ");
}

/** The date of a date or an instant; "-" where there is none. */
function date(text: string | null): string {
  return text === null ? "-" : text.slice(0, 10);
}
