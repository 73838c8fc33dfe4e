import type { Faults } from "../admin/faults.js";
import type { Agenda } from "../state/agenda.js";
import type { Device } from "../state/devices.js";
import type { Delivery, Endpoint } from "./delivery.js";
import type { Publication } from "./messages.js";
import type { SnsMessage, Topic } from "./topic.js";

export interface PublisherOptions {
  agenda: Agenda;
  topic: Topic;
  delivery: Delivery;
  faults: Faults;
  /** Whether an endpoint gets nothing before it has confirmed. */
  handshake: boolean;
}

/** Brings what DRS publishes to the topic's endpoints, as far as nothing is to go wrong. */
export class Publisher {
  readonly #options: PublisherOptions;
  /** Held back until something else was sent about their device, by serial. */
  readonly #held = new Map<string, SnsMessage[]>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Asks an endpoint to confirm, unless that was done before. */
  subscribe(to: Endpoint): void {
    const { agenda, topic, delivery, handshake } = this.#options;
    if (!handshake || to.notificationUrl === undefined) return;
    const message = topic.subscribe(to.notificationUrl, agenda.now());
    if (message) agenda.at(agenda.now(), () => delivery.send(to, message));
  }

  /** Resolves when the endpoint has answered, or does not get it. */
  async publish(device: Device, publication: Publication): Promise<void> {
    const { agenda, topic, delivery, faults, handshake } = this.#options;
    const url = device.notificationUrl;
    const message = topic.notification(publication, url ?? "", device.serial, agenda.now());
    if (url === undefined) return delivery.drop(message, "no endpoint");
    if (handshake && !topic.isConfirmed(url)) return delivery.drop(message, "not confirmed");
    const fault = faults.ofNotification(publication.type, device.serial);
    if (fault?.kind === "lost-notification") return delivery.drop(message, "lost on purpose");
    if (fault?.kind === "late-notification") {
      if (fault.seconds === undefined)
        this.#held.set(device.serial, [...(this.#held.get(device.serial) ?? []), message]);
      else agenda.at(agenda.now() + fault.seconds * 1000, () => delivery.send(device, message));
      return undefined;
    }
    await delivery.send(device, message);
    // what SNS delivers at least once has the same id each time
    if (fault?.kind === "duplicate-notification") await delivery.send(device, message);
    const held = this.#held.get(device.serial) ?? [];
    this.#held.delete(device.serial);
    for (const late of held) await delivery.send(device, late);
  }
}
