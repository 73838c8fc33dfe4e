import type { Form, MessageName, MessageStep } from "./message-work.js";
import type { Profile } from "./profiles.js";
import type { Writing } from "./stores.js";
import type { Task } from "./work.js";

/* What the host and the program of the bench say to each other. */

/** First byte of the event that runs what was prepared; the board knows no such event. */
export const RUN = 0;
/** Calls of this program, beside those of the board: the text store. */
export const TEXT_CALL = Object.freeze({ get: 64, set: 65 });

/** What keeps the state of a {@link Work}. */
export type StoreName = "journal" | Writing;

export type Command =
  | { readonly do: "work"; readonly store: StoreName; readonly profile: Profile }
  | { readonly do: "task"; readonly task: Task }
  /** Reads the text and parses it, no more. */
  | { readonly do: "parse" }
  /** -> the bytes of the state of the {@link Work} */
  | { readonly do: "state" }
  /** Starts the whole SDK. */
  | {
      readonly do: "everfull";
      readonly profile: Profile;
      readonly slots: number;
      readonly key: readonly number[];
      readonly utc: number;
    }
  | { readonly do: "consume"; readonly id: string; readonly steps: number }
  | { readonly do: "refill"; readonly id: string; readonly steps: number }
  /** -> one byte: messages in the outbox */
  | { readonly do: "queued" }
  | { readonly do: "message"; readonly message: MessageName; readonly form: Form }
  /** -> what went over the wire, as far as it was made */
  | { readonly do: "message-step"; readonly step: MessageStep };
