import type { Device } from "../state/devices.js";
import { clientId, notificationId } from "../state/identifiers.js";
import type { NotificationType, SandboxOrder } from "../types.js";

/** What DRS publishes to the topic. */
export interface Publication {
  readonly type: NotificationType;
  /** Of the order that it is about. */
  readonly instanceId?: string;
  /** Equal parts give equal ids. */
  readonly identity: readonly (string | number)[];
  /** JSON. */
  readonly message: string;
}

export interface MessageSource {
  device: Device;
  type: NotificationType;
  /** UTC ms. */
  now: number;
  /** See SandboxOptions.run. */
  run: string;
}

/** An order notification, version 2. A cancellation names no products. */
export function orderMessage(
  source: MessageSource & {
    order: SandboxOrder;
    /** Which order of its slot, from 1. */
    number: number;
  },
): Publication {
  const { device, order, number, type, run } = source;
  const { instanceId, slotId } = order;
  const product = {
    quantity: order.quantity,
    unit: order.unit,
    asin: order.asin,
    estimatedDeliveryDate: new Date(order.estimatedDelivery).toISOString().replace(".000Z", "Z"),
  };
  const orderInfo =
    type === "OrderCancelledNotification"
      ? { instanceId, slotId }
      : { instanceId, slotId, productInfo: [product] };
  const identity = [run, device.serial, slotId, number, type];
  return { type, instanceId, identity, message: message(source, identity, { orderInfo }) };
}

/** News about a registration. @param number how many there were of the device, from 1 */
export function deviceMessage(source: MessageSource, number: number): Publication {
  const { device, type, run } = source;
  const identity = [run, device.serial, "registration", number, type];
  return { type, identity, message: message(source, identity, {}) };
}

function message(source: MessageSource, identity: readonly (string | number)[], more: object): string {
  const { device, type, now } = source;
  return JSON.stringify({
    notificationInfo: {
      notificationType: type,
      lwaClientId: clientId("drs-sandbox"),
      notificationTime: new Date(now).toISOString(),
      notificationId: notificationId(...identity),
      // the same in v1 and v2; the message attribute tells them apart
      version: "2015-06-05",
    },
    deviceInfo: {
      deviceIdentifier: { serialNumber: device.serial },
      productIdentifier: { modelId: device.model },
    },
    customerInfo: { directedCustomerId: device.customerId },
    ...more,
  });
}
