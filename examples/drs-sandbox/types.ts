import type { OperationName } from "./service/operations.js";

/** Time as the sandbox sees it: virtual in a simulation, the host's own otherwise. */
export interface SandboxClock {
  /** UTC milliseconds since 1970. */
  now(): number;
  /** Moves ahead, running what is due on the way; absent: the admin endpoint cannot. */
  advance?(ms: number): Promise<void>;
  /**
   * Runs `task` once at that UTC time, at once if the time has passed. A virtual clock waits for the promise a
   * task returns before it moves on; only so does a notification arrive at its own virtual time.
   */
  at(time: number, task: () => Promise<void> | void): { cancel(): void };
}

/** What a customer can choose for a slot. */
export interface SandboxProduct {
  asin: string;
  /** What pages call it; default the asin. */
  title?: string;
  /** Unit of `quantity`, for instance "count". */
  unit: string;
  /** What one order brings, in `unit`. */
  quantity: number;
  /** As shown, for instance "$12.99". */
  price?: string;
}

/** One consumable of a model: which products its customers choose from. */
export interface SandboxModelSlot {
  /** Slot id, as in the path of Replenish and SlotStatus. */
  id: string;
  /** What pages call it; default the id. */
  name?: string;
  /** At least one. */
  products: readonly SandboxProduct[];
}

/** "1" without ASINs, "2" with. */
export type NotificationVersion = "1" | "2";

/** A product of the maker's. A login of one of its units makes a {@link SandboxDevice}. */
export interface SandboxModel {
  /** Model id: up to 64 characters of `A-Z a-z 0-9 - + _`. */
  id: string;
  /** What pages call it; default the id. */
  name?: string;
  /** Whose model it is, a client of `lwa`; default the first. */
  clientId?: string;
  /** `amzn1.dash.v1.composite.<uuid>`, as the teaser page wants it; by default derived from the id. */
  compositeId?: string;
  /** Certified; else logins need `should_include_non_live`. Default true. */
  isLive?: boolean;
  /** Where news about units made by a login goes, http or https; absent: nobody is told. */
  notificationUrl?: string;
  /** In place of the sandbox's own. */
  notificationVersion?: NotificationVersion;
  slots: readonly SandboxModelSlot[];
}

/** A way to pay. */
export interface SandboxPayment {
  /** As shown, for instance "Card ending in 1111". */
  label: string;
  /** Whether it works; orders of a customer whose payment does not go into order resolution. Default true. */
  isGood?: boolean;
}

/** Someone with an account: signs in by name, without a password. */
export interface SandboxCustomer {
  /** `directedCustomerId` of notifications; by default derived from the name. */
  id?: string;
  name: string;
  /** The first is chosen at first; default one that is made up. */
  addresses?: readonly string[];
  /** The first is chosen at first; default one that works and one that does not. */
  payments?: readonly SandboxPayment[];
}

/** One consumable of a device, with the product its customer chose. */
export interface SandboxSlot {
  /** Slot id, as in the path of Replenish and SlotStatus. */
  id: string;
  /** Product the customer chose. */
  asin: string;
  /** Unit of `quantity`, for instance "count". */
  unit: string;
  /** What one order brings, in `unit`. */
  quantity: number;
  /** Whether the customer lets this slot order. */
  subscribed: boolean;
}

/** A device that is registered to a customer from the start. */
export interface SandboxDevice {
  /** Up to 64 characters of `A-Z a-z 0-9 - + _`. */
  serial: string;
  /** Model id, same alphabet as `serial`. */
  model: string;
  /** A bearer token of this device that does not expire; tokens alone tell the sandbox which device is calling. */
  accessToken?: string;
  /** What access tokens that do expire are fetched with at the token endpoint. One of the two is needed. */
  refreshToken?: string;
  /** `directedCustomerId` of notifications; by default derived from the serial. */
  customerId?: string;
  /** Where the maker's endpoint takes SNS deliveries, http or https; absent: nobody is told. */
  notificationUrl?: string;
  /** Registered for tests: nothing is shipped, see {@link SandboxOptions.cancelTestOrderNotifies}. Default false. */
  isTest?: boolean;
  slots: SandboxSlot[];
}

/** Why an order waits to be resolved by its customer. */
export type OrderProblem = "payment" | "address" | "stock";

/** When an accepted order moves on, in ms from Replenish; each at least as late as the one before. */
export interface DeliveryPlan {
  placedAfter: number;
  shippedAfter: number;
  deliveredAfter: number;
  /**
   * The order is cancelled then, no later than `shippedAfter`: before `placedAfter` as when a problem with it is not resolved
   * in 72 hours, after it as by the customer.
   */
  cancelledAfter?: number;
  /**
   * The order is not placed but waits for {@link Sandbox.resolve} or its customer, who has 72 hours; then it is cancelled. Once resolved, it ships as long after that as planned after `placedAfter`.
   */
  problem?: OrderProblem;
}

/** A maker's client at Login with Amazon. */
export interface SandboxLwa {
  clientId: string;
  clientSecret: string;
  /** The maker's app, as pages call it; default "the maker's app". */
  name?: string;
  /** Allowed return URLs: https, http on this machine, or an app's own scheme. Default none: nobody can log in. */
  returnUrls?: readonly string[];
  /** Life of authorization codes, in seconds on the handed-in clock; default 300. */
  codeLifetime?: number;
  /** Life of access tokens, in seconds on the handed-in clock; default 3600. */
  lifetime?: number;
  /** Whether every refresh voids the refresh token and gives another; default false. */
  rotate?: boolean;
}

export interface SandboxOptions {
  clock: SandboxClock;
  /** Devices that are registered from the start; others come by a login. */
  devices: SandboxDevice[];
  /** What can be registered by a login. Slots of `devices` of these models are offered their products. */
  models?: readonly SandboxModel[];
  /** Who can sign in; default two that are made up. Owners of `devices` can, too. */
  customers?: readonly SandboxCustomer[];
  /** TCP port; 0, the default, takes a free one. */
  port?: number;
  /** Address to listen on; default 127.0.0.1. */
  host?: string;
  /**
   * Course of the `number`th order (from 1) of a slot. Default: placed after 1 minute, shipped after 2 days,
   * delivered after 6 days. If it throws or returns nonsense, Replenish answers 500 and no order exists.
   */
  plan?: (order: { serial: string; slotId: string; number: number }) => DeliveryPlan;
  /**
   * Called when a parcel arrives. Amazon sends nothing for a delivery, so this is the simulation's cue to fill
   * the shelf. What it throws goes to the clock's task.
   */
  onDelivered?: (order: SandboxOrder) => void | Promise<void>;
  log?: (entry: SandboxLogEntry) => void;
  /** Absent: the token endpoint knows no client. */
  lwa?: SandboxLwa | readonly SandboxLwa[];
  /** What notifications say, unless their model has its own; default "2". */
  notificationVersion?: NotificationVersion;
  /** Whether CancelTestOrder sends an OrderCancelledNotification; default false. */
  cancelTestOrderNotifies?: boolean;
  /**
   * Whether an endpoint gets nothing before it has confirmed its subscription, as with SNS; default false: it counts as
   * confirmed.
   */
  handshake?: boolean;
  /** What messages are signed with; default "1", as SNS. */
  signatureVersion?: "1" | "2";
  /** PEM of the private RSA key that signs; default: a new one. With one key the same run sends the same bytes. */
  signingKey?: string;
  /**
   * Text that goes into every generated id; default "". With one value the same run gives the same ids. A
   * sandbox on a real clock should get a new one at each start, or a gateway that remembers the ids of earlier
   * runs takes new notifications for repeats.
   */
  run?: string;
  /** How many of its latest SlotStatus bodies are kept per slot; default 32. */
  statusesKept?: number;
  /**
   * How long a notification endpoint may take to answer, in wall-clock ms; default 15 000, as SNS. Wall-clock
   * because a virtual clock stands still while it waits.
   */
  answerTimeout?: number;
}

export type OrderState = "accepted" | "placed" | "shipped" | "delivered" | "cancelled";

/** An order, from Replenish on. All times UTC ms. */
export interface SandboxOrder {
  /** `eventInstanceId` of the Replenish answer, `orderInfo.instanceId` of notifications. */
  readonly instanceId: string;
  readonly serial: string;
  readonly slotId: string;
  readonly asin: string;
  /** In `unit`. */
  readonly quantity: number;
  readonly unit: string;
  readonly state: OrderState;
  /** Ordered by a test device. */
  readonly isTest: boolean;
  /** As long as it waits to be resolved. */
  readonly problem?: OrderProblem;
  readonly acceptedAt: number;
  readonly placedAt?: number;
  readonly shippedAt?: number;
  readonly deliveredAt?: number;
  readonly cancelledAt?: number;
  /** What notifications announce: the end (23:59:59Z) of the day on which the plan delivers. */
  readonly estimatedDelivery: number;
}

/** Body of SlotStatus; quantities in the slot's unit, dates ISO 8601. */
export interface SlotStatusBody {
  readonly expectedReplenishmentDate: string;
  readonly remainingQuantityInUnit: number;
  readonly originalQuantityInUnit: number;
  readonly totalQuantityOnHand?: number;
  readonly lastUseDate: string;
}

/** An accepted SlotStatus call. */
export interface SandboxStatus {
  readonly serial: string;
  readonly slotId: string;
  /** UTC ms. */
  readonly at: number;
  /** As received: fields the service does not know are still in it. */
  readonly body: SlotStatusBody;
}

/** Why a request got an error. */
export type RefusalReason =
  | "unknown-path"
  | "wrong-method"
  | "invalid-token"
  | "wrong-version"
  | "body-too-large"
  | "bad-request"
  | "unknown-slot"
  | "unsubscribed"
  | "unknown-order"
  | "no-test-device"
  | "internal";

export type DetailCode = "STANDARD_ORDER_PLACED" | "TEST_ORDER_PLACED" | "ORDER_INPROGRESS";

export type NotificationType =
  | "OrderPlacedNotification"
  | "ItemShippedNotification"
  | "OrderCancelledNotification"
  | "DeviceRegisteredNotification"
  | "DeviceDeregisteredNotification"
  | "SubscriptionChangedNotification";

/** What endpoints get: DRS's notifications, and SNS's own messages. */
export type DeliveredType = NotificationType | "SubscriptionConfirmation" | "UnsubscribeConfirmation";

/** Which requests go wrong, and how. */
export interface RequestFault {
  readonly kind: "expired-token" | "error" | "lost-answer" | "slow";
  /** Absent: any call; "Token" is the token endpoint, which has no "expired-token". */
  readonly operation?: OperationName | "Token";
  /** Absent: any device. Does not go with "Token". */
  readonly serial?: string;
  /** Status of an "error", 500 by default; nothing is done then. Of a "lost-answer", everything is. */
  readonly status?: number;
  /** How long a "slow" answer is held back, in wall-clock ms; default 1000. */
  readonly delay?: number;
  /** Requests until it is over; default 1. */
  readonly times?: number;
}

/** Which notifications go wrong, and how. */
export interface NotificationFault {
  readonly kind: "lost-notification" | "duplicate-notification" | "late-notification";
  /** Absent: any. */
  readonly type?: NotificationType;
  /** Absent: any device. */
  readonly serial?: string;
  /** How long a "late" one is held back, in seconds of the handed-in clock; absent: until the device's next one has been sent. */
  readonly seconds?: number;
  /** Notifications until it is over; default 1. */
  readonly times?: number;
}

export type SandboxFault = RequestFault | NotificationFault;

/** Answers of the token endpoint. */
export interface TokenCounts {
  readonly issued: number;
  readonly refused: number;
}

/** Totals since the start. Objects are copies: they do not move after they were handed out. */
export interface SandboxCounts {
  /** Calls whose path and method name an operation, refused ones included. */
  readonly requests: Readonly<Record<OperationName, number>>;
  readonly refusals: Readonly<Record<RefusalReason, number>>;
  /** Answers of Replenish. */
  readonly replenish: Readonly<Record<DetailCode, number>>;
  /** Accepted SlotStatus calls by serial and slot; slots without one are left out. */
  readonly statuses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly notifications: NotificationCounts;
  readonly tokens: TokenCounts;
}

export interface NotificationCounts {
  /** Messages published. */
  readonly published: number;
  /** Messages an endpoint took (2xx). */
  readonly delivered: number;
  /**
   * Messages dropped: the last attempt failed, the endpoint refused with something other than 5xx, or has not confirmed.
   */
  readonly failed: number;
  /** POSTs made again after a failed one. */
  readonly retries: number;
}

/** One line of the sandbox's log; access tokens never appear in it. */
export type SandboxLogEntry =
  | {
      readonly kind: "request";
      /** UTC ms, as in every entry. */
      readonly at: number;
      readonly requestId: string;
      readonly method: string;
      readonly path: string;
      readonly operation?: OperationName;
      readonly serial?: string;
      /** HTTP status of the answer. */
      readonly status: number;
      /** Present on refusals. */
      readonly reason?: RefusalReason;
      /** The `message` of the error body, present on refusals. */
      readonly message?: string;
    }
  | {
      readonly kind: "order";
      readonly at: number;
      readonly instanceId: string;
      readonly serial: string;
      readonly slotId: string;
      readonly state: OrderState;
    }
  | {
      readonly kind: "notification";
      readonly at: number;
      readonly messageId: string;
      readonly type: DeliveredType;
      /** Of the order that it is about. */
      readonly instanceId?: string;
      /** From 1; 0: there was none, as nobody was there to take it. */
      readonly attempt: number;
      readonly outcome: "delivered" | "will-retry" | "failed";
      /** What the endpoint answered ("503") or why it did not. */
      readonly answer: string;
    };

/** A running sandbox. */
export interface Sandbox {
  /** Base URL of the service, without a slash at the end. */
  readonly url: string;
  /** Every order since the start, oldest first. */
  readonly orders: readonly SandboxOrder[];
  /** The latest accepted SlotStatus calls, `statusesKept` per slot, oldest first. */
  readonly statuses: readonly SandboxStatus[];
  readonly counts: SandboxCounts;
  /**
   * Switches a slot's subscription, as the customer would on the settings page, and has it announced. An open order goes on.
   * A slot that has no product yet gets the first.
   * @throws SandboxError UNKNOWN_DEVICE, UNKNOWN_SLOT
   */
  setSubscribed(serial: string, slotId: string, subscribed: boolean): void;
  /**
   * Sends the notifications of a device elsewhere from now on: for a gateway that can only be started once it
   * knows this sandbox's URL.
   * @throws SandboxError UNKNOWN_DEVICE, BAD_OPTION
   */
  setNotificationUrl(serial: string, url: string): void;
  /**
   * The same for a model: for devices that a login will register, and for those of them that are.
   * @throws SandboxError UNKNOWN_MODEL, BAD_OPTION
   */
  setModelNotificationUrl(modelId: string, url: string): void;
  /** Certificates and confirmations of the SNS topic are below {@link url}. */
  readonly topicArn: string;
  /**
   * Voids the access tokens that a device has fetched, so that its next call is told "Invalid token".
   * @throws SandboxError UNKNOWN_DEVICE
   */
  expireTokens(serial: string): void;
  /**
   * Cancels an order as the customer would: not shipped, and placed less than 24 hours ago. Resolves when the endpoint was
   * told; false: too late.
   */
  cancel(instanceId: string): Promise<boolean>;
  /**
   * Deregisters a device, as the customer would on an Amazon page. Resolves when the endpoint was told.
   * @throws SandboxError UNKNOWN_DEVICE
   */
  deregister(serial: string): Promise<void>;
  /**
   * Registers a device again, as a customer's login would. Resolves when the endpoint was told.
   * @throws SandboxError UNKNOWN_DEVICE, BAD_OPTION
   */
  register(serial: string, refreshToken: string): Promise<void>;
  /** Solves the problem of an order, which is placed then. Resolves when the endpoint was told; false: it has none. */
  resolve(instanceId: string): Promise<boolean>;
  /** Adds to what is to go wrong from now on. @throws SandboxError BAD_OPTION */
  addFaults(faults: readonly SandboxFault[]): void;
  /** Nothing goes wrong any more; what was held back stays so. */
  clearFaults(): void;
  /** Stops listening, drops open orders and retries, aborts deliveries under way. May be called twice. */
  close(): Promise<void>;
}
