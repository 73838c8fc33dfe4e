import { SandboxError } from "./errors.js";
import { listen } from "./http.js";
import { LwaService } from "./lwa/token-endpoint.js";
import { Service } from "./service/service.js";
import { Delivery } from "./sns/delivery.js";
import { deviceMessage, orderMessage, type Publication } from "./sns/messages.js";
import { TOPIC_ARN, Topic } from "./sns/topic.js";
import { Agenda } from "./state/agenda.js";
import { checkNotificationUrl, type Device, Devices } from "./state/devices.js";
import { DEFAULT_PLAN, OrderBook } from "./state/orders.js";
import { Statuses } from "./state/statuses.js";
import type { NotificationType, OrderState, Sandbox, SandboxOptions } from "./types.js";

/** What Amazon tells the maker when an order enters a state; a delivery is never announced. */
const ANNOUNCED: Readonly<Partial<Record<OrderState, NotificationType>>> = Object.freeze({
  placed: "OrderPlacedNotification",
  shipped: "ItemShippedNotification",
  cancelled: "OrderCancelledNotification",
});

/**
 * Starts a local stand-in for the service side of classic DRS, with the parts of Login with Amazon and SNS that go with it.
 * Resolves once it listens.
 * @throws SandboxError BAD_OPTION, LISTEN_FAILED
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { clock, plan = () => DEFAULT_PLAN, onDelivered, log = () => {}, run = "" } = options;
  const { host = "127.0.0.1", port = 0, statusesKept = 32, answerTimeout = 15_000 } = options;
  checkWhole("port", port, 0, 65_535);
  checkWhole("statusesKept", statusesKept, 1, 1_000_000);
  checkWhole("answerTimeout", answerTimeout, 1, 3_600_000);
  const { handshake = false, signingKey, signatureVersion = "1", lwa: client } = options;
  if (signatureVersion !== "1" && signatureVersion !== "2")
    throw new SandboxError("BAD_OPTION", `signatureVersion must be "1" or "2" (got "${signatureVersion}")`);
  if (client?.lifetime !== undefined) checkWhole("lwa.lifetime", client.lifetime, 1, 31_536_000);
  const devices = new Devices(options.devices);

  const agenda = new Agenda(clock);
  const delivery = new Delivery({ agenda, answerTimeout, log });
  const topic = new Topic({ origin: () => listener.url, signingKey, signatureVersion, run });
  const lwa = new LwaService({
    agenda,
    client,
    withRefreshToken: (token) => devices.withRefreshToken(token),
    run,
  });
  const publish = async (device: Device, publication: Publication) => {
    const url = device.notificationUrl;
    const message = topic.notification(publication, url ?? "", device.serial, agenda.now());
    if (url === undefined) delivery.drop(message, "no endpoint");
    else if (handshake && !topic.isConfirmed(url)) delivery.drop(message, "not confirmed");
    else await delivery.send(device, message);
  };
  const subscribe = (device: Device) => {
    if (!handshake || device.notificationUrl === undefined) return;
    const message = topic.subscribe(device.notificationUrl, agenda.now());
    if (message) agenda.at(agenda.now(), () => delivery.send(device, message));
  };
  const announce = (device: Device, type: NotificationType) =>
    publish(device, deviceMessage({ device, type, now: agenda.now(), run }, device.changes));
  const end = (device: Device) => {
    devices.end(device);
    lwa.expire(device);
  };
  const statuses = new Statuses(statusesKept);
  const orders = new OrderBook({
    agenda,
    plan,
    run,
    onState: (order, number) => {
      const { instanceId, serial, slotId, state } = order;
      log({ kind: "order", at: agenda.now(), instanceId, serial, slotId, state });
      if (state === "delivered") return onDelivered?.(order);
      const type = ANNOUNCED[state];
      if (type === undefined) return undefined;
      const device = devices.withSerial(serial);
      return publish(device, orderMessage({ device, order, number, type, now: agenda.now(), run }));
    },
  });
  const service = new Service({
    agenda,
    withToken: (token) => devices.withToken(token) ?? lwa.withToken(token),
    deregister: (device) => {
      end(device);
      // not before the answer
      agenda.at(agenda.now(), () => announce(device, "DeviceDeregisteredNotification"));
    },
    orders,
    statuses,
    log,
  });
  const listener = await listen({
    host,
    port,
    agenda,
    run,
    handle: async (call) => topic.answer(call) ?? (await lwa.answer(call)) ?? service.answer(call),
  });
  for (const device of devices.all) subscribe(device);

  let closing: Promise<void> | undefined;
  return {
    url: listener.url,
    orders: orders.all,
    get statuses() {
      return statuses.latest;
    },
    get counts() {
      return {
        requests: { ...service.requests },
        refusals: { ...service.refusals },
        replenish: { ...service.replenish },
        statuses: statuses.counts,
        notifications: delivery.counts,
        tokens: lwa.counts,
      };
    },
    setSubscribed(serial, slotId, subscribed) {
      devices.slot(serial, slotId).subscribed = subscribed;
    },
    setNotificationUrl(serial, url) {
      const device = devices.withSerial(serial);
      checkNotificationUrl(`device "${serial}"`, url);
      device.notificationUrl = url;
      subscribe(device);
    },
    topicArn: TOPIC_ARN,
    expireTokens(serial) {
      lwa.expire(devices.withSerial(serial));
    },
    cancel: (instanceId) => orders.cancel(instanceId),
    async deregister(serial) {
      const device = devices.withSerial(serial);
      if (!device.isRegistered) return;
      end(device);
      await announce(device, "DeviceDeregisteredNotification");
    },
    async register(serial, refreshToken) {
      await announce(devices.register(serial, refreshToken), "DeviceRegisteredNotification");
    },
    close() {
      agenda.close();
      closing ??= Promise.all([delivery.close(), listener.close()]).then(() => undefined);
      return closing;
    },
  };
}

function checkWhole(field: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new SandboxError(
      "BAD_OPTION",
      `${field} must be a whole number from ${least} to ${most} (got ${value})`,
    );
}
