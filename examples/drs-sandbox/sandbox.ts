import { Agenda } from "./agenda.js";
import { Delivery } from "./delivery.js";
import { checkNotificationUrl, Devices } from "./devices.js";
import { SandboxError } from "./errors.js";
import { listen } from "./http.js";
import { orderMessage } from "./messages.js";
import { DEFAULT_PLAN, OrderBook } from "./orders.js";
import { Service } from "./service.js";
import { Statuses } from "./statuses.js";
import type { NotificationType, OrderState, Sandbox, SandboxOptions } from "./types.js";

/** What Amazon tells the maker when an order enters a state; a delivery is never announced. */
const ANNOUNCED: Readonly<Partial<Record<OrderState, NotificationType>>> = Object.freeze({
  placed: "OrderPlacedNotification",
  shipped: "ItemShippedNotification",
});

/**
 * Starts a local stand-in for the service side of classic DRS. Resolves once it listens.
 * @throws SandboxError BAD_OPTION, LISTEN_FAILED
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { clock, plan = () => DEFAULT_PLAN, onDelivered, log = () => {}, run = "" } = options;
  const { host = "127.0.0.1", port = 0, statusesKept = 32, answerTimeout = 15_000 } = options;
  checkWhole("port", port, 0, 65_535);
  checkWhole("statusesKept", statusesKept, 1, 1_000_000);
  checkWhole("answerTimeout", answerTimeout, 1, 3_600_000);
  const devices = new Devices(options.devices);

  const agenda = new Agenda(clock);
  const delivery = new Delivery({ agenda, answerTimeout, log });
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
      return delivery.send(device, orderMessage({ device, order, number, type, now: agenda.now(), run }));
    },
  });
  const service = new Service({ agenda, devices, orders, statuses, log });
  const listener = await listen({ host, port, agenda, run, handle: (call) => service.answer(call) });

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
      };
    },
    setSubscribed(serial, slotId, subscribed) {
      devices.slot(serial, slotId).subscribed = subscribed;
    },
    setNotificationUrl(serial, url) {
      const device = devices.withSerial(serial);
      checkNotificationUrl(`device "${serial}"`, url);
      device.notificationUrl = url;
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
