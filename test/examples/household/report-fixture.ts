import type { DeviceReport, OrderReport, RunReport, SlotReport } from "../../../examples/household/report.js";

const DAY_MS = 86_400_000;

/** The date a number of days after another, YYYY-MM-DD. */
export function dateAfter(start: string, days: number): string {
  return new Date(Date.parse(`${start}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** A slot whose remaining quantity ended the days from 2014-02-20 as given. */
export function slotOf(remaining: readonly number[], fields: Partial<SlotReport> = {}): SlotReport {
  return {
    id: "tablets",
    title: "Tablets",
    series: "home_1",
    unit: "tablets",
    capacity: 40,
    refill: 40,
    history: remaining.map((value, day) => ({
      date: dateAfter("2014-02-20", day),
      remaining: value,
      onHand: 0,
      used: 0,
    })),
    refills: [],
    stockOuts: [],
    orders: [],
    lateOrders: 0,
    advice: null,
    meterError: 0,
    ...fields,
  };
}

export function orderOf(fields: Partial<OrderReport> = {}): OrderReport {
  return {
    cycle: 1,
    ordered: "2014-03-01",
    accepted: "2014-03-01",
    placed: "2014-03-02",
    shipped: "2014-03-03",
    delivered: "2014-03-06",
    neededBy: "2014-03-10",
    lead: 9,
    ...fields,
  };
}

export function deviceOf(slots: readonly SlotReport[], fields: Partial<DeviceReport> = {}): DeviceReport {
  return {
    serial: "EF-1",
    title: "Dispenser",
    restarts: 3,
    messages: { up: 4, upBytes: 1234, down: 2, downBytes: 90 },
    connections: 5,
    flash: { blocks: 16, erases: 7, written: 12_345 },
    steps: { mean: 250_000.4, most: 390_000 },
    peakHeap: 14_336,
    health: null,
    uplinks: [{ at: "2014-02-20T12:00:00.000Z", hex: "0011" }],
    warnings: [],
    slots,
    ...fields,
  };
}

export function reportOf(devices: readonly DeviceReport[], fields: Partial<RunReport> = {}): RunReport {
  return {
    engine: "xs",
    seed: "everfull",
    start: "2014-02-20",
    days: devices[0]?.slots[0]?.history.length ?? 1,
    seconds: 2,
    devices,
    refused: {},
    drs: { Replenish: 1 },
    checks: [{ name: "nothing ran out", passed: true, found: "no stock-out" }],
    ...fields,
  };
}
