import type { TaskRow } from "./database.js";
import type { Lease } from "./leases.js";
import type { GatewayDevice } from "./options.js";

export type ServiceName = "drs" | "alexa";

/** What came of one call. */
export type CallAnswer<Value> =
  | { readonly kind: "done"; readonly value: Value }
  /** The same call would be refused again. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  /** The access token is not, or no longer, good; the service has done nothing. */
  | { readonly kind: "unauthorized"; readonly message: string }
  /** `inDoubt`: the service may have acted; else it has not. `reachable`: there was an answer. */
  | {
      readonly kind: "unanswered";
      readonly inDoubt: boolean;
      readonly reachable: boolean;
      readonly message: string;
    };

/** What became of a task: after `unreachable` the rest would fail alike. */
export type Outcome = "settled" | "owed" | "unreachable";

/** Why an intent was rejected, in the `detail` of its order, where the service decides on orders itself. */
export const SERVICE_DECIDES = "SERVICE_DECIDES";
/** The same for people. */
export const DECIDES = "the service decides on orders of this model";

/** What a device's model is with: what its messages make owed, and how the calls for that are made. */
export interface Service {
  readonly name: ServiceName;
  /** False: the service decides on orders itself. Its devices are not to send intents; those that come are rejected. */
  readonly takesOrders: boolean;
  /** The task that a new status makes owed. */
  readonly statusTask: TaskRow["kind"];
  /** Whether the device's activity is reported once a day, by a task of its own. */
  readonly reportsActivity: boolean;
  /**
   * Makes the calls of a task, and writes down what came of them.
   *
   * @throws {LeaseOver} nothing is written down
   */
  run(device: GatewayDevice, task: TaskRow, lease: Lease): Promise<Outcome>;
}
