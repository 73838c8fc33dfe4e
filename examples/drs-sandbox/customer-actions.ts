import type { AuthorizationRequest } from "./lwa/authorization.js";
import type { LwaService } from "./lwa/token-endpoint.js";
import type { Agenda } from "./state/agenda.js";
import type { Customer } from "./state/customers.js";
import type { Device, Devices, Slot } from "./state/devices.js";
import type { Product } from "./state/models.js";
import type { OrderBook } from "./state/orders.js";

export interface CustomerActionsOptions {
  agenda: Agenda;
  devices: Devices;
  lwa: LwaService;
  orders: OrderBook;
  /** Tells the maker of a registration or its end. */
  announce: (
    device: Device,
    type: "DeviceRegisteredNotification" | "DeviceDeregisteredNotification",
  ) => Promise<void>;
  /** Tells the maker of all subscriptions of a device. */
  announceSubscriptions: (device: Device) => Promise<void>;
  /** Asks the device's endpoint to confirm. */
  subscribe: (device: Device) => void;
}

/** How a slot is to be. */
export interface Choice {
  readonly slot: Slot;
  /** Undefined: none. */
  readonly product: Product | undefined;
  readonly subscribed: boolean;
}

/**
 * What customers do on pages, and a simulation in their place. The maker is told on the agenda and in turn: nobody who acts has to
 * wait for it.
 */
export class CustomerActions {
  readonly #options: CustomerActionsOptions;

  constructor(options: CustomerActionsOptions) {
    this.#options = options;
  }

  /** Registers the device that an app asks for; whoever had it before loses it. */
  login(request: AuthorizationRequest, customer: Customer): Device {
    const { devices, orders, announce, subscribe } = this.#options;
    const { model, serial, isTest, client } = request;
    const before = devices.find(serial);
    if (before?.isRegistered && before.customerId !== customer.id) this.deregister(before);
    if (before && before.customerId !== customer.id)
      for (const slot of before.slots.values()) orders.release(slot);
    const device = devices.login(model, { serial, customerId: customer.id, clientId: client.id, isTest });
    subscribe(device);
    const registered = { ...device };
    this.#soon(() => announce(registered, "DeviceRegisteredNotification"));
    return device;
  }

  /** Ends a registration, if there is one. */
  deregister(device: Device): void {
    if (!device.isRegistered) return;
    const { devices, lwa, announce } = this.#options;
    devices.end(device);
    lwa.end(device);
    // by the time that the maker is told, it may be another customer's
    const ended = { ...device };
    this.#soon(() => announce(ended, "DeviceDeregisteredNotification"));
  }

  /** Takes choices over. @param isNew announced even when nothing is changed, as after a login */
  choose(device: Device, choices: readonly Choice[], isNew = false): void {
    let isChanged = isNew;
    for (const { slot, product, subscribed } of choices) {
      const isOn = subscribed && product !== undefined;
      isChanged ||= slot.chosen?.asin !== product?.asin || slot.subscribed !== isOn;
      slot.chosen = product;
      slot.subscribed = isOn;
    }
    if (isChanged) this.#soon(() => this.#options.announceSubscriptions(device));
  }

  /** Cancels an order at once. The clock waits until the maker is told. */
  cancel(instanceId: string): void {
    this.#held(this.#options.orders.cancel(instanceId));
  }

  /** Places an order that waits for its customer. */
  resolve(instanceId: string): void {
    this.#held(this.#options.orders.resolve(instanceId));
  }

  /** Ends the open order of a slot of a test device. */
  cancelTest(slot: Slot): void {
    this.#held(this.#options.orders.cancelTest(slot));
  }

  /** Takes the account's address and payment over; orders that waited for it are placed. */
  setAccount(customer: Customer, address: number, payment: number): void {
    customer.address = address;
    customer.payment = payment;
    if (!customer.payments[payment]?.isGood) return;
    const { orders } = this.#options;
    for (const { problem, instanceId } of orders.of(customer.id))
      if (problem === "payment") this.resolve(instanceId);
  }

  #held(done: Promise<unknown>): void {
    this.#soon(() => done);
  }

  #soon(task: () => Promise<unknown>): void {
    const { agenda } = this.#options;
    agenda.at(agenda.now(), async () => {
      await task();
    });
  }
}
