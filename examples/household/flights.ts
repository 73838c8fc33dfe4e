import type { VirtualClock } from "everfull/simulator";

/** Messages between broker and receiver. While there is one, time stands still. */
export class Flights {
  readonly #clock: Pick<VirtualClock, "activity">;
  readonly #open = new Map<string, (() => void)[]>();

  constructor(clock: Pick<VirtualClock, "activity">) {
    this.#clock = clock;
  }

  begin(topic: string, payload: Uint8Array): void {
    const key = keyOf(topic, payload);
    const ends = this.#open.get(key) ?? [];
    ends.push(this.#clock.activity.begin(`a message of ${payload.length} bytes on ${topic}`));
    this.#open.set(key, ends);
  }

  end(topic: string, payload: Uint8Array): void {
    const key = keyOf(topic, payload);
    const ends = this.#open.get(key);
    ends?.shift()?.();
    if (ends?.length === 0) this.#open.delete(key);
  }

  endAll(topic: string): void {
    for (const [key, ends] of this.#open) {
      if (!key.startsWith(`${topic} `)) continue;
      this.#open.delete(key);
      for (const end of ends) end();
    }
  }
}

function keyOf(topic: string, payload: Uint8Array): string {
  return `${topic} ${Buffer.from(payload).toString("hex")}`;
}
