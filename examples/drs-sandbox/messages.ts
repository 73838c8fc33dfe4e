import type { Device } from "./devices.js";
import { clientId, notificationId, uuid } from "./identifiers.js";
import type { NotificationType, SandboxOrder } from "./types.js";

/**
 * This version of the sandbox does not sign. The Signature field is there, as in every SNS envelope, and holds
 * this text, which no verifier accepts.
 */
export const UNSIGNED = "not-signed-by-this-version-of-the-sandbox";

export const TOPIC_ARN = "arn:aws:sns:us-east-1:000000000000:drs-sandbox";

// a name that can never resolve: nobody may end up fetching a certificate from, or unsubscribing at, Amazon
const SNS_URL = "https://sns.us-east-1.drs-sandbox.invalid";

/** A message on its way to one endpoint; every attempt sends the same bytes. */
export interface SnsMessage {
  readonly id: string;
  readonly type: NotificationType;
  readonly instanceId: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON of the envelope. */
  readonly body: string;
}

export interface MessageSource {
  device: Device;
  order: SandboxOrder;
  /** Which order of its slot, from 1. */
  number: number;
  type: NotificationType;
  /** UTC ms. */
  now: number;
  /** See SandboxOptions.run. */
  run: string;
}

/** Version 2 of OrderPlacedNotification or ItemShippedNotification in an SNS Notification envelope. */
export function orderMessage(source: MessageSource): SnsMessage {
  const { device, order, number, type, now, run } = source;
  const identity = [run, device.serial, order.slotId, number, type];
  const id = uuid("sns message", ...identity);
  const subscription = `${TOPIC_ARN}:${uuid("sns subscription", device.serial)}`;
  const time = new Date(now).toISOString();
  const message = {
    notificationInfo: {
      notificationType: type,
      lwaClientId: clientId("drs-sandbox"),
      notificationTime: time,
      notificationId: notificationId(...identity),
      // the same in v1 and v2; the message attribute below tells them apart
      version: "2015-06-05",
    },
    deviceInfo: {
      deviceIdentifier: { serialNumber: device.serial },
      productIdentifier: { modelId: device.model },
    },
    customerInfo: { directedCustomerId: device.customerId },
    orderInfo: {
      instanceId: order.instanceId,
      slotId: order.slotId,
      productInfo: [
        {
          quantity: order.quantity,
          unit: order.unit,
          asin: order.asin,
          estimatedDeliveryDate: new Date(order.estimatedDelivery).toISOString().replace(".000Z", "Z"),
        },
      ],
    },
  };
  const envelope = {
    Type: "Notification",
    MessageId: id,
    TopicArn: TOPIC_ARN,
    Message: JSON.stringify(message),
    Timestamp: time,
    SignatureVersion: "1",
    Signature: UNSIGNED,
    SigningCertURL: `${SNS_URL}/SimpleNotificationService-00000000000000000000000000000000.pem`,
    UnsubscribeURL: `${SNS_URL}/?Action=Unsubscribe&SubscriptionArn=${subscription}`,
    MessageAttributes: { version: { Type: "String", Value: "2.0" } },
  };
  return {
    id,
    type,
    instanceId: order.instanceId,
    headers: {
      "Content-Type": "text/plain; charset=UTF-8",
      "User-Agent": "Amazon Simple Notification Service Agent",
      "x-amz-sns-message-type": "Notification",
      "x-amz-sns-message-id": id,
      "x-amz-sns-topic-arn": TOPIC_ARN,
      "x-amz-sns-subscription-arn": subscription,
    },
    body: JSON.stringify(envelope),
  };
}
