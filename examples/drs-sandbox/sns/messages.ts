import type { Device } from "../state/devices.js";
import { notificationId } from "../state/identifiers.js";
import type { NotificationType, NotificationVersion, SandboxOrder } from "../types.js";

/** What DRS publishes to the topic. */
export interface Publication {
  readonly type: NotificationType;
  /** Of the order that it is about. */
  readonly instanceId?: string;
  /** Equal parts give equal ids. */
  readonly identity: readonly (string | number)[];
  /** JSON. */
  readonly message: string;
  readonly version: NotificationVersion;
}

export interface MessageSource {
  device: Device;
  type: NotificationType;
  /** UTC ms. */
  now: number;
  /** See SandboxOptions.run. */
  run: string;
  version: NotificationVersion;
  /** Of the maker, at Login with Amazon. */
  clientId: string;
}

/** An order notification. A cancellation names no products. */
export function orderMessage(
  source: MessageSource & {
    order: SandboxOrder;
    /** Which order of its slot, from 1. */
    number: number;
  },
): Publication {
  const { device, order, number, type, run, version } = source;
  const { instanceId, slotId, quantity, unit, asin } = order;
  const date = {
    estimatedDeliveryDate: new Date(order.estimatedDelivery).toISOString().replace(".000Z", "Z"),
  };
  const products =
    version === "1"
      ? { productInfo: [{ quantity, unit }], ...date }
      : { productInfo: [{ quantity, unit, asin, ...date }] };
  const orderInfo = {
    instanceId,
    slotId,
    ...(type === "OrderCancelledNotification" ? {} : products),
  };
  const identity = [run, device.serial, slotId, number, type];
  return { type, instanceId, identity, version, message: message(source, identity, { orderInfo }) };
}

/** The subscriptions of all slots. @param number how many such messages there were of the device, from 1 */
export function subscriptionMessage(source: Omit<MessageSource, "type">, number: number): Publication {
  const { device, run, version } = source;
  const type = "SubscriptionChangedNotification";
  const statuses = [...device.slots.values()].map(({ id, subscribed, chosen }) => [
    id,
    version === "1"
      ? subscribed
      : {
          subscribed,
          productInfoList: chosen
            ? [{ quantity: chosen.quantity, unit: chosen.unit, asin: chosen.asin }]
            : [],
        },
  ]);
  const subscriptionInfo = { slotsSubscriptionStatus: Object.fromEntries(statuses) };
  const identity = [run, device.serial, "subscription", number, type];
  return { type, identity, version, message: message({ ...source, type }, identity, { subscriptionInfo }) };
}

/** News about a registration. @param number how many there were of the device, from 1 */
export function deviceMessage(source: MessageSource, number: number): Publication {
  const { device, type, run, version } = source;
  const identity = [run, device.serial, "registration", number, type];
  return { type, identity, version, message: message(source, identity, {}) };
}

function message(source: MessageSource, identity: readonly (string | number)[], more: object): string {
  const { device, type, now, clientId } = source;
  const text = JSON.stringify({
    notificationInfo: {
      notificationType: type,
      lwaClientId: clientId,
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
  // printed as 1.0 in the documentation: a client that reads integers alone would fail on the real ones
  return text.replace(/"quantity":(\d+)(?=[,}])/g, '"quantity":$1.0');
}
