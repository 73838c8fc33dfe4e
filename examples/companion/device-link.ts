import type { Authorization, HandOver, RegistrationOffer, RegistrationState } from "everfull";

/** What the app learns of a device over the local link. */
export interface LinkStatus {
  readonly registration: RegistrationState;
  /** Whether set-up may end with "ready for use", as the device's SDK says. */
  readonly mayFinishSetup: boolean;
  /** Whether what the customer agreed to came to nothing since. */
  readonly hasFailed: boolean;
  /** What has become of the deregistration that was asked for last; `none` was. */
  readonly deregistration: "none" | "pending" | "delivered" | "undelivered";
  /** What is in the slots now: a report is up to a day old, and on its first day the device has made none. */
  readonly levels: readonly LinkLevel[];
}

export interface LinkLevel {
  readonly id: string;
  /** Of the capacity, 0 to 100. */
  readonly percent: number;
  /** In the slot's unit. */
  readonly remaining: number;
}

/** An offer without its pairing code: that one the device shows, and the customer carries over. */
export type LinkOffer = Omit<RegistrationOffer, "pairingCode">;

/**
 * The local link between app and device, such as Bluetooth or the device's own access point. It has to be encrypted: it carries the authorization
 * code. All but the names reject with a `CompanionError` `link` when the device cannot be reached.
 */
export interface DeviceLink {
  readonly serial: string;
  readonly model: string;
  status(): Promise<LinkStatus>;
  /** Begins an offer; undefined: the device cannot keep it now. */
  offer(): Promise<LinkOffer | undefined>;
  authorize(pairingCode: string, authorization: Authorization): Promise<HandOver>;
  /** False, here and below: nothing is offered, or the device cannot keep it now. */
  decline(): Promise<boolean>;
  abandon(): Promise<boolean>;
  deregister(reason: "deleted" | "unlinked"): Promise<"queued" | "unneeded" | "storage">;
}
