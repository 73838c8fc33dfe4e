import { SandboxError } from "../errors.js";
import type { SandboxDevice, SandboxSlot } from "../types.js";
import { customerId } from "./identifiers.js";

/** A registered device as the service knows it. */
export interface Device {
  readonly serial: string;
  readonly model: string;
  readonly customerId: string;
  /** Undefined: nobody is told. */
  notificationUrl: string | undefined;
  /** Undefined: it never expires, or there is none. */
  refreshToken: string | undefined;
  /** Times that it was registered or deregistered. */
  changes: number;
  isRegistered: boolean;
  readonly slots: ReadonlyMap<string, SandboxSlot>;
}

/** Checked copy of the devices in the options, found by token or serial. */
export class Devices {
  readonly #byToken = new Map<string, Device>();
  readonly #bySerial = new Map<string, Device>();

  /** @throws SandboxError BAD_OPTION */
  constructor(devices: readonly SandboxDevice[]) {
    for (const given of devices) {
      const device = checked(given);
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

  /** @throws SandboxError UNKNOWN_DEVICE, BAD_OPTION */
  register(serial: string, refreshToken: string): Device {
    const device = this.withSerial(serial);
    checkToken(`device "${serial}"`, "refreshToken", refreshToken);
    device.isRegistered = true;
    device.changes += 1;
    device.refreshToken = refreshToken;
    return device;
  }

  get all(): Iterable<Device> {
    return this.#bySerial.values();
  }

  /** @throws SandboxError UNKNOWN_DEVICE */
  withSerial(serial: string): Device {
    const device = this.#bySerial.get(serial);
    if (device === undefined) throw new SandboxError("UNKNOWN_DEVICE", `no device has serial "${serial}"`);
    return device;
  }

  /** @throws SandboxError UNKNOWN_DEVICE, UNKNOWN_SLOT */
  slot(serial: string, slotId: string): SandboxSlot {
    const slot = this.withSerial(serial).slots.get(slotId);
    if (slot === undefined)
      throw new SandboxError("UNKNOWN_SLOT", `device "${serial}" has no slot "${slotId}"`);
    return slot;
  }
}

/** @throws SandboxError BAD_OPTION unless it is an http or https URL */
export function checkNotificationUrl(where: string, url: string): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw bad(`${where}: notificationUrl must be an http or https URL (got "${url}")`);
}

function checked(device: SandboxDevice): Device {
  const where = `device "${device.serial}"`;
  checkName(where, "serial", device.serial);
  checkName(where, "model", device.model);
  for (const field of ["accessToken", "refreshToken"] as const)
    if (device[field] !== undefined) checkToken(where, field, device[field]);
  if (device.accessToken === undefined && device.refreshToken === undefined)
    throw bad(`${where}: an accessToken or a refreshToken is needed`);
  if (device.notificationUrl !== undefined) checkNotificationUrl(where, device.notificationUrl);
  const slots = new Map<string, SandboxSlot>();
  for (const slot of device.slots) {
    checkSlot(where, slot);
    if (slots.has(slot.id)) throw bad(`${where}: slot id "${slot.id}" must be unique`);
    slots.set(slot.id, { ...slot });
  }
  return {
    serial: device.serial,
    model: device.model,
    customerId: device.customerId ?? customerId(device.serial),
    notificationUrl: device.notificationUrl,
    refreshToken: device.refreshToken,
    changes: 0,
    isRegistered: true,
    slots,
  };
}

/** Visible ASCII, or it could not travel in a header. */
function checkToken(where: string, field: string, token: string): void {
  if (!/^[!-~]{1,2048}$/.test(token))
    throw bad(`${where}: ${field} must be 1 to 2048 visible ASCII characters`);
}

function checkName(where: string, field: string, value: string): void {
  if (!/^[A-Za-z0-9+_-]{1,64}$/.test(value))
    throw bad(`${where}: ${field} must be 1 to 64 characters of A-Z a-z 0-9 - + _ (got "${value}")`);
}

function checkSlot(where: string, slot: SandboxSlot): void {
  for (const field of ["id", "asin", "unit"] as const)
    if (typeof slot[field] !== "string" || slot[field] === "")
      throw bad(
        `${where}, slot "${slot.id}": ${field} must be a text that is not empty (got "${slot[field]}")`,
      );
  if (!(Number.isFinite(slot.quantity) && slot.quantity > 0))
    throw bad(`${where}, slot "${slot.id}": quantity must be a number above 0 (got ${slot.quantity})`);
}

function bad(message: string): SandboxError {
  return new SandboxError("BAD_OPTION", message);
}
