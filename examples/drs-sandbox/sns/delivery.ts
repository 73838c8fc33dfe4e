import type { Agenda } from "../state/agenda.js";
import type { NotificationCounts, SandboxLogEntry } from "../types.js";
import type { SnsMessage } from "./topic.js";

type Outcome = Extract<SandboxLogEntry, { kind: "notification" }>["outcome"];

/** SNS's default policy for HTTP endpoints. */
const RETRIES = 3;
/** Between the end of a failed attempt and the next, in ms. */
const RETRY_DELAY = 20_000;

export interface DeliveryOptions {
  agenda: Agenda;
  /** Wall-clock ms. */
  answerTimeout: number;
  log: (entry: SandboxLogEntry) => void;
}

/** A device, of which a retry follows a change. */
export interface Endpoint {
  readonly notificationUrl: string | undefined;
}

interface Answer {
  readonly outcome: "taken" | "refused" | "failed" | "timed-out";
  /** The status, or why there is none. */
  readonly text: string;
}

/** Posts messages to the endpoints of devices and repeats what failed, as SNS does. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #underWay = new Set<{ controller: AbortController; done: Promise<unknown> }>();
  #closed = false;
  #published = 0;
  #delivered = 0;
  #failed = 0;
  #retries = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  get counts(): NotificationCounts {
    return {
      published: this.#published,
      delivered: this.#delivered,
      failed: this.#failed,
      retries: this.#retries,
    };
  }

  /**
   * Makes the first attempt; resolves when the endpoint has answered or the attempt has failed, never rejects.
   * Retries are put on the agenda and not waited for: a clock that waits for this task would never reach them.
   */
  send(to: Endpoint, message: SnsMessage): Promise<void> {
    this.#published += 1;
    return this.#attempt(to, message, 1);
  }

  /** Nobody is there to take the message. */
  drop(message: SnsMessage, why: string): void {
    this.#published += 1;
    this.#failed += 1;
    this.#tell(message, 0, "failed", why);
  }

  /** Aborts what is under way and waits until it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const underWay = [...this.#underWay];
    for (const { controller } of underWay) controller.abort();
    await Promise.allSettled(underWay.map(({ done }) => done));
  }

  #tell(message: SnsMessage, attempt: number, outcome: Outcome, answer: string): void {
    const { id: messageId, type, instanceId } = message;
    const { agenda, log } = this.#options;
    log({
      kind: "notification",
      at: agenda.now(),
      messageId,
      type,
      ...(instanceId === undefined ? {} : { instanceId }),
      attempt,
      outcome,
      answer,
    });
  }

  async #attempt(to: Endpoint, message: SnsMessage, attempt: number): Promise<void> {
    if (this.#closed) return;
    const { agenda, answerTimeout } = this.#options;
    const startedAt = agenda.now();
    const controller = new AbortController();
    const done = post(to.notificationUrl ?? "", message, controller, answerTimeout);
    const entry = { controller, done };
    this.#underWay.add(entry);
    const answer = await done;
    this.#underWay.delete(entry);
    if (this.#closed) return;

    const willRetry = (answer.outcome === "failed" || answer.outcome === "timed-out") && attempt <= RETRIES;
    if (answer.outcome === "taken") this.#delivered += 1;
    else if (!willRetry) this.#failed += 1;
    const outcome = answer.outcome === "taken" ? "delivered" : willRetry ? "will-retry" : "failed";
    this.#tell(message, attempt, outcome, answer.text);
    if (!willRetry) return;

    // a virtual clock stands still during a time-out that took real time: count it all the same
    const failedAt =
      answer.outcome === "timed-out" ? Math.max(agenda.now(), startedAt + answerTimeout) : agenda.now();
    agenda.at(failedAt + RETRY_DELAY, () => {
      this.#retries += 1;
      return this.#attempt(to, message, attempt + 1);
    });
  }
}

async function post(
  url: string,
  message: SnsMessage,
  controller: AbortController,
  answerTimeout: number,
): Promise<Answer> {
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    controller.abort();
  }, answerTimeout);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { ...message.headers },
      body: message.body,
      redirect: "manual",
      signal: controller.signal,
    });
    await response.arrayBuffer();
    const text = String(response.status);
    if (response.ok) return { outcome: "taken", text };
    // SNS repeats what looks like a server in trouble and drops what the endpoint turned down
    return { outcome: response.status >= 500 ? "failed" : "refused", text };
  } catch (error) {
    if (timedOut) return { outcome: "timed-out", text: `no answer within ${answerTimeout} ms` };
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { outcome: "failed", text: cause instanceof Error ? cause.message : String(cause) };
  } finally {
    clearTimeout(timer);
  }
}
