import { randomUUID } from "node:crypto";
import type { AlexaClient } from "./alexa-client.js";
import { changeReport, inventoryConsumed, sampleOf } from "./alexa-messages.js";
import type { StatusRow, TaskRow } from "./database.js";
import type { InventoryReport, InventoryRow } from "./database-inventory.js";
import { type Lease, LeaseOver } from "./leases.js";
import { type AlexaModel, alexaModelOf, type DeviceModels } from "./models.js";
import type { GatewayDevice } from "./options.js";
import { endRegistration } from "./registration.js";
import { DECIDES, type Outcome, SERVICE_DECIDES, type Service } from "./service.js";
import { about, ServiceCalls, type ServiceCallsOptions } from "./service-calls.js";
import { offsetOf } from "./settings.js";

const DAY_MS = 86_400_000;
/** A slot is reported again after this long, also when nothing has changed, in milliseconds. */
const PERIOD_MS = DAY_MS;
/**
 * Of a device that was not heard of for this long nothing is told twice, in milliseconds: Alexa reorders after three low reports, and they
 * should not be three times the same of a device that is gone.
 */
const SILENT_MS = 3 * DAY_MS;

export interface AlexaServiceOptions extends Omit<ServiceCallsOptions, "name"> {
  readonly client: AlexaClient;
  readonly models: DeviceModels;
}

/** What is to be sent, and what it goes by. */
interface Planned {
  readonly report: InventoryReport;
  /** Of everything ever consumed, what Alexa knows of without it, in steps. */
  readonly told: number;
}

/**
 * The successor of DRS: Alexa is told levels and usage, at least once a day, and decides on orders.
 *
 * A report is written down before it is sent, and is then the same, `messageId` included, until Alexa has taken or refused it: usage is in exactly
 * one report that was taken, whatever gets lost or ends in between.
 */
export class AlexaService implements Service {
  readonly name = "alexa";
  readonly takesOrders = false;
  readonly statusTask = "inventory";
  readonly reportsActivity = false;
  readonly #options: AlexaServiceOptions;
  readonly #calls: ServiceCalls;

  constructor(options: AlexaServiceOptions) {
    this.#options = options;
    this.#calls = new ServiceCalls({ ...options, name: this.name });
  }

  async run(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome> {
    const model = alexaModelOf(this.#options.models, device);
    if (!model) throw new Error(`model "${device.model}" is not with Alexa`);
    switch (task.kind) {
      case "inventory":
      case "poll":
        return this.#report(device, model, task, lease);
      case "deregister":
        return this.#forget(device, task);
      default:
        return this.#calls.drop(device, task, DECIDES, SERVICE_DECIDES);
    }
  }

  async #report(device: GatewayDevice, model: AlexaModel, task: TaskRow, lease: Lease): Promise<Outcome> {
    const { client, database } = this.#options;
    const { serial } = device;
    const slot = device.slots[task.slot]!;
    const sensor = model.sensors[slot.id]!;
    const planned = await this.#plan(device, task, sensor.interface === "usage", lease);
    if (!planned) return this.#calls.settle(device, task, async () => {});
    const { report, told } = planned;
    const registeredAt = await database.direct.grants.registeredAt(serial);
    const answer = await this.#calls.call(device, lease, (token) =>
      sensor.interface === "level"
        ? client.send("changeReport", token, changeReport(serial, sensor, slot, report, token))
        : client.send(
            "inventoryConsumed",
            token,
            inventoryConsumed(serial, sensor, slot, report, told, token),
          ),
    );
    if (answer.kind === "refused") this.#calls.refused(device, task, answer);
    else if (answer.kind !== "done") return this.#calls.failed(device, task, answer);
    else if (answer.value.kind === "disabled")
      return this.#disabled(device, task, registeredAt, answer.value.message);
    const now = this.#calls.retries.now();
    await database.transaction(async (queries) => {
      await queries.lockDevice(serial);
      if (answer.kind === "done") await queries.inventory.told(serial, task.slot, report.messageId, now);
      // Whoever has the lease since may be sending it at this moment.
      else if (await queries.calls.isHeld(serial, lease.token))
        await queries.inventory.untold(serial, task.slot, report.messageId);
      else throw new LeaseOver();
      await queries.inventory.schedule(serial, task.slot, now + PERIOD_MS);
      if (task.kind === "poll") return;
      const newest = await queries.status(serial, task.slot);
      if (newest && newest.sequence > report.sequence) await queries.calls.again(task.id, now);
      else await queries.removeTask(task.id);
    });
    return "settled";
  }

  /**
   * What is to be sent: the report that is pending, or one of the newest status. Undefined: nothing is.
   *
   * @throws {LeaseOver}
   */
  async #plan(
    device: GatewayDevice,
    task: TaskRow,
    isUsage: boolean,
    lease: Lease,
  ): Promise<Planned | undefined> {
    const { database } = this.#options;
    const { serial } = device;
    const status = await database.direct.status(serial, task.slot);
    if (!status) return undefined;
    const row = await database.direct.inventory.of(serial, task.slot);
    const pending = row?.pending;
    // A level that was overtaken does not matter any more; usage is lost if it is not told.
    if (pending && (isUsage || pending.sequence >= status.sequence))
      return { report: pending, told: row.told };
    const isKnown = status.sequence <= (row?.reported ?? 0);
    if (isKnown && (task.kind === "inventory" || (await this.#isSilent(device, task)))) return undefined;
    const told = await this.#told(device, task, status, row);
    const sample = sampleOf(status, await offsetOf(database.direct, device));
    const { consumed, remaining, sequence } = status;
    const report = { messageId: randomUUID(), sequence, consumed, remaining, ...sample };
    if (!(await database.direct.inventory.plan(serial, task.slot, told, report, lease.token)))
      throw new LeaseOver();
    return { report, told };
  }

  /** Of everything ever consumed, what the next report does not tell, in steps. */
  async #told(
    device: GatewayDevice,
    task: TaskRow,
    { consumed }: StatusRow,
    row: InventoryRow | undefined,
  ): Promise<number> {
    if (row && row.told <= consumed) return row.told;
    if (row)
      this.#calls.log({
        level: "error",
        event: "total-went-back",
        ...about(device, task),
        told: row.told,
        consumed,
      });
    // Of a slot that comes from DRS, Alexa need not know what was used there.
    const isKnownToDrs = (await this.#options.database.direct.calls.reported(device.serial, task.slot)) > 0;
    return row || isKnownToDrs ? consumed : 0;
  }

  async #isSilent(device: GatewayDevice, task: TaskRow): Promise<boolean> {
    const heard = await this.#options.database.direct.lastSeen(device.serial);
    const isSilent = heard === null || heard + SILENT_MS <= this.#calls.retries.now();
    if (isSilent) this.#calls.log({ level: "warn", event: "device-silent", ...about(device, task), heard });
    return isSilent;
  }

  /** The customer wants no more of it. */
  async #disabled(
    device: GatewayDevice,
    task: TaskRow,
    registeredAt: number | null,
    message: string,
  ): Promise<Outcome> {
    const { serial } = device;
    this.#calls.log({ level: "warn", event: "skill-disabled", ...about(device, task), message });
    return this.#calls.settle(device, task, async (queries) => {
      // Unless the device was registered again meanwhile.
      if ((await queries.grants.registeredAt(serial)) !== registeredAt) return;
      await endRegistration(queries, serial, message);
      await queries.grants.forget(serial);
    });
  }

  /** Nothing is called: the skill is what tells Alexa that a device is gone. */
  async #forget(device: GatewayDevice, task: TaskRow): Promise<Outcome> {
    const { serial } = device;
    await this.#calls.settle(device, task, async (queries) => {
      if ((await queries.grants.ended(serial)) !== null) await queries.grants.forget(serial);
    });
    this.#calls.log({ level: "info", event: "deregistered", serial });
    return "settled";
  }
}
