import { SandboxError } from "../errors.js";
import type { NotificationVersion, SandboxDevice, SandboxSlot } from "../types.js";
import { customerId } from "./identifiers.js";
import {
  checkName,
  checkNotificationUrl,
  checkProduct,
  type Model,
  type ModelSlot,
  type Models,
  type Product,
} from "./models.js";

/** One consumable of a device. */
export interface Slot extends ModelSlot {
  /** Undefined: nothing was chosen yet, or it was cleared; then it is not subscribed either. */
  chosen: Product | undefined;
  subscribed: boolean;
}

/** A device that is or was registered, as the service knows it. */
export interface Device {
  readonly serial: string;
  readonly model: string;
  /** What pages call it. */
  readonly name: string;
  readonly notificationVersion: NotificationVersion | undefined;
  readonly slots: ReadonlyMap<string, Slot>;
  customerId: string;
  /** At Login with Amazon, of whoever it was registered by; undefined: of the first client. */
  clientId: string | undefined;
  isTest: boolean;
  /** Undefined: nobody is told. */
  notificationUrl: string | undefined;
  /** Undefined: it never expires, or there is none. */
  refreshToken: string | undefined;
  /** Whether `refreshToken` was granted without the client's secret. */
  isPublic: boolean;
  /** Times that it was registered or deregistered. */
  changes: number;
  /** Times that its subscriptions were announced. */
  subscriptionChanges: number;
  isRegistered: boolean;
}

/** What a login says about a device. */
export interface Login {
  readonly serial: string;
  readonly customerId: string;
  readonly clientId: string;
  readonly isTest: boolean;
}

/** All devices, found by token or serial. */
export class Devices {
  readonly #byToken = new Map<string, Device>();
  readonly #bySerial = new Map<string, Device>();

  /** Copies devices from the options. @throws SandboxError BAD_OPTION */
  constructor(devices: readonly SandboxDevice[], models: Models) {
    for (const given of devices) {
      const device = checked(given, models);
      const where = `device "${given.serial}"`;
      if (this.#bySerial.has(given.serial)) throw bad(`${where}: serial must be unique`);
      this.#bySerial.set(given.serial, device);
      if (given.accessToken === undefined) continue;
      if (this.#byToken.has(given.accessToken))
        throw bad(`${where}: accessToken must not be another device's`);
      this.#byToken.set(given.accessToken, device);
    }
  }

  /** Of a fixed access token. */
  withToken(token: string): Device | undefined {
    return this.#byToken.get(token);
  }

  withRefreshToken(token: string): Device | undefined {
    for (const device of this.#bySerial.values()) if (device.refreshToken === token) return device;
    return undefined;
  }

  /** From now on no token of the device is good. */
  end(device: Device): void {
    device.isRegistered = false;
    device.changes += 1;
    device.refreshToken = undefined;
    for (const [token, each] of this.#byToken) if (each === device) this.#byToken.delete(token);
  }

  /** Registers again what was registered before. @throws SandboxError UNKNOWN_DEVICE, BAD_OPTION */
  register(serial: string, refreshToken: string): Device {
    const device = this.withSerial(serial);
    checkToken(`device "${serial}"`, "refreshToken", refreshToken);
    device.isRegistered = true;
    device.changes += 1;
    device.refreshToken = refreshToken;
    return device;
  }

  /**
   * Registers a unit of a model, which has no tokens yet. What another customer, or the same before a deregistration, has chosen
   * is forgotten.
   */
  login(model: Model, { serial, customerId, clientId, isTest }: Login): Device {
    let device = this.#bySerial.get(serial);
    if (device === undefined) {
      device = {
        serial,
        model: model.id,
        name: model.name,
        notificationVersion: model.notificationVersion,
        slots: new Map(
          model.slots.map((slot) => [slot.id, { ...slot, chosen: undefined, subscribed: false }]),
        ),
        customerId,
        clientId,
        isTest,
        notificationUrl: model.notificationUrl,
        refreshToken: undefined,
        isPublic: false,
        changes: 0,
        subscriptionChanges: 0,
        isRegistered: false,
      };
      this.#bySerial.set(serial, device);
    }
    if (!device.isRegistered || device.customerId !== customerId)
      for (const slot of device.slots.values()) Object.assign(slot, { chosen: undefined, subscribed: false });
    Object.assign(device, { customerId, clientId, isTest, isRegistered: true });
    device.changes += 1;
    return device;
  }

  get all(): Iterable<Device> {
    return this.#bySerial.values();
  }

  /** Registered ones. */
  of(customerId: string): Device[] {
    return [...this.#bySerial.values()].filter(
      (device) => device.isRegistered && device.customerId === customerId,
    );
  }

  find(serial: string): Device | undefined {
    return this.#bySerial.get(serial);
  }

  /** @throws SandboxError UNKNOWN_DEVICE */
  withSerial(serial: string): Device {
    const device = this.#bySerial.get(serial);
    if (device === undefined) throw new SandboxError("UNKNOWN_DEVICE", `no device has serial "${serial}"`);
    return device;
  }

  /** @throws SandboxError UNKNOWN_DEVICE, UNKNOWN_SLOT */
  slot(serial: string, slotId: string): Slot {
    const slot = this.withSerial(serial).slots.get(slotId);
    if (slot === undefined)
      throw new SandboxError("UNKNOWN_SLOT", `device "${serial}" has no slot "${slotId}"`);
    return slot;
  }
}

function checked(device: SandboxDevice, models: Models): Device {
  const where = `device "${device.serial}"`;
  checkName(where, "serial", device.serial);
  checkName(where, "model", device.model);
  for (const field of ["accessToken", "refreshToken"] as const)
    if (device[field] !== undefined) checkToken(where, field, device[field]);
  if (device.accessToken === undefined && device.refreshToken === undefined)
    throw bad(`${where}: an accessToken or a refreshToken is needed`);
  if (device.notificationUrl !== undefined) checkNotificationUrl(where, device.notificationUrl);
  const model = models.withId(device.model);
  const slots = new Map<string, Slot>();
  for (const given of device.slots) {
    const slot = checkedSlot(
      where,
      given,
      model?.slots.find(({ id }) => id === given.id),
    );
    if (slots.has(slot.id)) throw bad(`${where}: slot id "${slot.id}" must be unique`);
    slots.set(slot.id, slot);
  }
  return {
    serial: device.serial,
    model: device.model,
    name: model?.name ?? device.model,
    notificationVersion: model?.notificationVersion,
    customerId: device.customerId ?? customerId(device.serial),
    clientId: model?.clientId,
    isTest: device.isTest ?? false,
    notificationUrl: device.notificationUrl,
    refreshToken: device.refreshToken,
    isPublic: false,
    changes: 0,
    subscriptionChanges: 0,
    isRegistered: true,
    slots,
  };
}

/** Visible ASCII, or it could not travel in a header. */
function checkToken(where: string, field: string, token: string): void {
  if (!/^[!-~]{1,2048}$/.test(token))
    throw bad(`${where}: ${field} must be 1 to 2048 visible ASCII characters`);
}

/** @param model offers products beside the one that was chosen; undefined: it is the only one */
function checkedSlot(where: string, slot: SandboxSlot, model: ModelSlot | undefined): Slot {
  if (typeof slot.id !== "string" || slot.id === "")
    throw bad(`${where}, slot "${slot.id}": id must be a text that is not empty (got "${slot.id}")`);
  checkProduct(`${where}, slot "${slot.id}"`, slot);
  const { id, asin, unit, quantity, subscribed } = slot;
  const title = model?.products.find((product) => product.asin === asin)?.title ?? asin;
  const chosen = { asin, unit, quantity, title };
  const others = model?.products.filter((product) => product.asin !== asin) ?? [];
  return { id, name: model?.name ?? id, products: [chosen, ...others], chosen, subscribed };
}

function bad(message: string): SandboxError {
  return new SandboxError("BAD_OPTION", message);
}
