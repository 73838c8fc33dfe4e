import { answerAdmin } from "./admin/admin.js";
import { answerBroken } from "./admin/broken.js";
import { Faults } from "./admin/faults.js";
import { CustomerActions } from "./customer-actions.js";
import { SandboxError } from "./errors.js";
import { listen } from "./http.js";
import { Clients } from "./lwa/clients.js";
import { LwaService } from "./lwa/token-endpoint.js";
import { Pages } from "./pages/pages.js";
import { Service } from "./service/service.js";
import { Delivery } from "./sns/delivery.js";
import { deviceMessage, type MessageSource, orderMessage, subscriptionMessage } from "./sns/messages.js";
import { Publisher } from "./sns/publisher.js";
import { TOPIC_ARN, Topic } from "./sns/topic.js";
import { Agenda } from "./state/agenda.js";
import { Customers } from "./state/customers.js";
import { type Device, Devices } from "./state/devices.js";
import { checkNotificationUrl, checkVersion, Models } from "./state/models.js";
import { DEFAULT_PLAN, OrderBook } from "./state/orders.js";
import { Statuses } from "./state/statuses.js";
import type { NotificationType, OrderState, Sandbox, SandboxOptions, SandboxOrder } from "./types.js";

/** What Amazon tells the maker when an order enters a state; a delivery is never announced. */
const ANNOUNCED: Readonly<Partial<Record<OrderState, NotificationType>>> = Object.freeze({
  placed: "OrderPlacedNotification",
  shipped: "ItemShippedNotification",
  cancelled: "OrderCancelledNotification",
});

/**
 * Starts a local stand-in for classic DRS: its service and pages, with the parts of Login with Amazon and SNS that go with it.
 * Resolves once it listens.
 * @throws SandboxError BAD_OPTION, LISTEN_FAILED
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { clock, plan = () => DEFAULT_PLAN, onDelivered, log = () => {}, run = "" } = options;
  const { host = "127.0.0.1", port = 0, statusesKept = 32, answerTimeout = 15_000 } = options;
  checkWhole("port", port, 0, 65_535);
  checkWhole("statusesKept", statusesKept, 1, 1_000_000);
  checkWhole("answerTimeout", answerTimeout, 1, 3_600_000);
  const { handshake = false, signingKey, signatureVersion = "1", notificationVersion = "2" } = options;
  if (signatureVersion !== "1" && signatureVersion !== "2")
    throw new SandboxError("BAD_OPTION", `signatureVersion must be "1" or "2" (got "${signatureVersion}")`);
  checkVersion("", notificationVersion);
  const clients = new Clients(options.lwa);
  const models = new Models(options.models ?? []);
  const customers = new Customers(options.customers);
  const devices = new Devices(options.devices, models);
  for (const { clientId, id } of models.all)
    if (clientId !== undefined && clients.withId(clientId) === undefined)
      throw new SandboxError("BAD_OPTION", `model "${id}": clientId must be one of lwa (got "${clientId}")`);
  for (const { customerId, serial } of devices.all) customers.owner(customerId, serial);

  const agenda = new Agenda(clock);
  const faults = new Faults();
  const delivery = new Delivery({ agenda, answerTimeout, log });
  const topic = new Topic({
    origin: () => listener.url,
    signingKey,
    signatureVersion,
    run,
    now: () => agenda.now(),
    send: (notificationUrl, message) => {
      agenda.at(agenda.now(), () => delivery.send({ notificationUrl }, message));
    },
  });
  const publisher = new Publisher({ agenda, topic, delivery, faults, handshake });
  const lwa = new LwaService({
    agenda,
    clients,
    withRefreshToken: (token) => devices.withRefreshToken(token),
    run,
  });
  const source = (device: Device): Omit<MessageSource, "type"> => ({
    device,
    now: agenda.now(),
    run,
    version: device.notificationVersion ?? notificationVersion,
    clientId: clients.idOr(device.clientId),
  });
  const announce = (device: Device, type: NotificationType) =>
    publisher.publish(device, deviceMessage({ ...source(device), type }, device.changes));
  const announceSubscriptions = (device: Device) => {
    device.subscriptionChanges += 1;
    return publisher.publish(device, subscriptionMessage(source(device), device.subscriptionChanges));
  };
  const announceOrder = (order: SandboxOrder, number: number, type: NotificationType) => {
    const device = devices.withSerial(order.serial);
    // the device may be another customer's by now
    const customerId = orders.customerOf(order) ?? device.customerId;
    const message = orderMessage({ ...source({ ...device, customerId }), order, number, type });
    return publisher.publish(device, message);
  };
  const statuses = new Statuses(statusesKept);
  const orders: OrderBook = new OrderBook({
    agenda,
    plan,
    run,
    problemOf: ({ customerId }) => {
      const customer = customers.withId(customerId);
      return customer && !customer.payments[customer.payment]?.isGood ? "payment" : undefined;
    },
    onState: (order, number) => {
      const { instanceId, serial, slotId, state } = order;
      log({ kind: "order", at: agenda.now(), instanceId, serial, slotId, state });
      if (state === "delivered") return onDelivered?.(order);
      const type = ANNOUNCED[state];
      const isSilent = state === "cancelled" && order.isTest && !options.cancelTestOrderNotifies;
      return type === undefined || isSilent ? undefined : announceOrder(order, number, type);
    },
  });
  const actions = new CustomerActions({
    agenda,
    devices,
    lwa,
    orders,
    announce,
    announceSubscriptions,
    subscribe: (device) => publisher.subscribe(device),
  });
  const service = new Service({
    agenda,
    withToken: (token) => devices.withToken(token) ?? lwa.withToken(token),
    deregister: (device) => actions.deregister(device),
    cancelTest: (slot) => actions.cancelTest(slot),
    orders,
    statuses,
    log,
  });
  const pages = new Pages({ agenda, clients, models, customers, devices, orders, lwa, actions });
  const broken = {
    faults,
    caller: (call: Parameters<typeof service.caller>[0]) => service.caller(call),
    expire: (device: Device) => lwa.expire(device),
    answer: async (call: Parameters<typeof service.answer>[0]) =>
      (await lwa.answer(call)) ?? service.answer(call),
  };
  const admin = {
    agenda,
    faults,
    devices,
    orders: orders.all,
    advance: clock.advance?.bind(clock),
    resolve: (instanceId: string) => orders.resolve(instanceId),
  };
  const listener = await listen({
    host,
    port,
    agenda,
    run,
    handle: async (call) =>
      topic.answer(call) ??
      (await pages.answer(call)) ??
      (await answerAdmin(admin, call)) ??
      answerBroken(broken, call),
  });
  for (const device of devices.all) publisher.subscribe(device);
  for (const model of models.all) publisher.subscribe(model);

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
      const slot = devices.slot(serial, slotId);
      const product = slot.chosen ?? (subscribed ? slot.products[0] : undefined);
      actions.choose(devices.withSerial(serial), [{ slot, product, subscribed }]);
    },
    setNotificationUrl(serial, url) {
      const device = devices.withSerial(serial);
      checkNotificationUrl(`device "${serial}"`, url);
      device.notificationUrl = url;
      publisher.subscribe(device);
    },
    setModelNotificationUrl(modelId, url) {
      const model = models.withId(modelId);
      if (model === undefined) throw new SandboxError("UNKNOWN_MODEL", `no model has id "${modelId}"`);
      checkNotificationUrl(`model "${modelId}"`, url);
      for (const device of devices.all)
        if (device.model === modelId && device.notificationUrl === model.notificationUrl)
          device.notificationUrl = url;
      model.notificationUrl = url;
      publisher.subscribe(model);
    },
    topicArn: TOPIC_ARN,
    expireTokens(serial) {
      lwa.expire(devices.withSerial(serial));
    },
    cancel: (instanceId) => orders.cancel(instanceId),
    async deregister(serial) {
      const device = devices.withSerial(serial);
      if (!device.isRegistered) return;
      devices.end(device);
      lwa.end(device);
      await announce(device, "DeviceDeregisteredNotification");
    },
    async register(serial, refreshToken) {
      await announce(devices.register(serial, refreshToken), "DeviceRegisteredNotification");
    },
    resolve: (instanceId) => orders.resolve(instanceId),
    addFaults: (given) => faults.add(given),
    clearFaults: () => faults.clear(),
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
