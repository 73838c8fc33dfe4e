import type { StatusRow } from "./database.js";
import type { InventoryReport } from "./database-inventory.js";
import { isoTime, startOfDay } from "./days.js";
import type { AlexaModel, SlotSensor } from "./models.js";
import type { GatewayDevice, GatewaySlot } from "./options.js";

const LEVEL = "Alexa.InventoryLevelSensor";
const USAGE = "Alexa.InventoryUsageSensor";
const PAYLOAD_VERSION = "3";
const SECOND_MS = 1000;

export interface Amount {
  readonly "@type": SlotSensor["measurement"];
  readonly value: number;
  readonly unit?: string;
}

/** An event as it goes to the event gateway, or as the skill answers a directive with it. */
export interface AlexaMessage {
  readonly context?: { readonly properties?: readonly object[] };
  readonly event: {
    readonly header: Readonly<Record<string, string>>;
    readonly endpoint?: object;
    readonly payload: object;
  };
}

/** When a status was true: UTC milliseconds, and milliseconds that it may be older. */
export function sampleOf(
  status: Pick<StatusRow, "day" | "receivedAt">,
  utcOffsetMinutes: number,
): Pick<InventoryReport, "sampledAt" | "uncertainty"> {
  const begin = startOfDay(status.day, utcOffsetMinutes);
  // It tells a slot as its day begins; one that was on its way for longer is not of the day on which it has come.
  const end = startOfDay(status.day + 1, utcOffsetMinutes) - SECOND_MS;
  const sampledAt = Math.min(status.receivedAt, end);
  return { sampledAt, uncertainty: Math.max(0, sampledAt - begin) };
}

/** Steps of a slot in the measurement and unit of its sensor. */
export function amountOf({ measurement, unit }: SlotSensor, slot: GatewaySlot, steps: number): Amount {
  const value =
    measurement === "Percentage"
      ? Math.min(100, Math.round((100 * steps) / slot.capacity))
      : steps / slot.stepsPerUnit;
  return { "@type": measurement, value, ...(unit !== undefined && { unit }) };
}

/** What is left in a slot. @param token of the customer */
export function changeReport(
  serial: string,
  sensor: SlotSensor,
  slot: GatewaySlot,
  report: InventoryReport,
  token: string,
): AlexaMessage {
  return {
    context: {},
    event: {
      header: header("Alexa", "ChangeReport", report.messageId),
      endpoint: endpoint(serial, token),
      payload: {
        change: { cause: { type: "PERIODIC_POLL" }, properties: [levelProperty(sensor, slot, report)] },
      },
    },
  };
}

/** What was used of a slot. @param told of everything ever consumed, what was told before, in steps */
export function inventoryConsumed(
  serial: string,
  sensor: SlotSensor,
  slot: GatewaySlot,
  report: InventoryReport,
  told: number,
  token: string,
): AlexaMessage {
  return {
    event: {
      header: { ...header(USAGE, "InventoryConsumed", report.messageId), instance: sensor.instance },
      endpoint: endpoint(serial, token),
      payload: {
        usage: amountOf(sensor, slot, report.consumed - told),
        timeOfSample: isoTime(report.sampledAt),
      },
    },
  };
}

/**
 * A device as the maker's skill lists it in its answer to `Discover`, and in an `AddOrUpdateReport` when replenishment ids have come.
 *
 * @param model of the device; with a sensor for each of its slots
 */
export function discoveryEndpoint(
  device: Pick<GatewayDevice, "serial" | "slots">,
  model: AlexaModel,
): object {
  return {
    endpointId: device.serial,
    friendlyName: model.name,
    description: model.description,
    manufacturerName: model.manufacturer,
    displayCategories: model.displayCategories ?? ["OTHER"],
    cookie: {},
    capabilities: [
      // What says that the endpoint answers ReportState.
      { type: "AlexaInterface", interface: "Alexa", version: PAYLOAD_VERSION },
      ...device.slots.map(({ id }) => capability(model.sensors[id]!)),
    ],
  };
}

/** The answer to `Discover`. @param messageId a UUID of its own */
export function discoverResponse(endpoints: readonly object[], messageId: string): AlexaMessage {
  return {
    event: {
      header: header("Alexa.Discovery", "Discover.Response", messageId),
      payload: { endpoints },
    },
  };
}

export interface StateReportOptions {
  readonly device: Pick<GatewayDevice, "serial" | "slots">;
  readonly model: AlexaModel;
  /** The newest status of each slot, as far as there is one. */
  readonly statuses: readonly StatusRow[];
  /** Minutes ahead of UTC that the device's days begin at. */
  readonly utcOffsetMinutes: number;
  /** Of the directive. */
  readonly correlationToken: string;
  /** A UUID of its own. */
  readonly messageId: string;
}

/** The answer to `ReportState`: all levels. Usage has no state. */
export function stateReport(options: StateReportOptions): AlexaMessage {
  const { device, model, statuses, utcOffsetMinutes } = options;
  const properties = statuses.flatMap((status) => {
    const slot = device.slots[status.slot];
    const sensor = slot && model.sensors[slot.id];
    if (sensor?.interface !== "level") return [];
    return [levelProperty(sensor, slot!, { ...status, ...sampleOf(status, utcOffsetMinutes) })];
  });
  return {
    context: { properties },
    event: {
      header: {
        ...header("Alexa", "StateReport", options.messageId),
        correlationToken: options.correlationToken,
      },
      endpoint: { endpointId: device.serial },
      payload: {},
    },
  };
}

function header(namespace: string, name: string, messageId: string) {
  return { namespace, name, messageId, payloadVersion: PAYLOAD_VERSION };
}

function endpoint(endpointId: string, token: string) {
  return { scope: { type: "BearerToken", token }, endpointId };
}

function levelProperty(
  sensor: SlotSensor,
  slot: GatewaySlot,
  { remaining, sampledAt, uncertainty }: Pick<InventoryReport, "remaining" | "sampledAt" | "uncertainty">,
) {
  return {
    namespace: LEVEL,
    instance: sensor.instance,
    name: "level",
    value: amountOf(sensor, slot, remaining),
    timeOfSample: isoTime(sampledAt),
    uncertaintyInMilliseconds: uncertainty,
  };
}

function capability(sensor: SlotSensor) {
  const { instance, measurement, names, replenishmentId, unit } = sensor;
  const isLevel = sensor.interface === "level";
  return {
    type: "AlexaInterface",
    interface: isLevel ? LEVEL : USAGE,
    version: PAYLOAD_VERSION,
    instance,
    // A usage sensor has no property that could be asked for.
    ...(isLevel && {
      properties: { supported: [{ name: "level" }], proactivelyReported: true, retrievable: true },
    }),
    capabilityResources: {
      friendlyNames: Object.entries(names).map(([locale, text]) => ({
        "@type": "text",
        value: { text, locale },
      })),
    },
    configuration: {
      measurement: { "@type": measurement, ...(unit !== undefined && { unit }) },
      ...(replenishmentId !== undefined && {
        replenishment: { "@type": "DashReplenishmentId", value: replenishmentId },
      }),
    },
  };
}
