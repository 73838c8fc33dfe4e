import type { DeviceModels } from "../gateway/models.js";

/** The model of devices that are with DRS's successor: one slot tells its usage, the other its level. */
export const MODELS: DeviceModels = Object.freeze({
  "successor-1": {
    service: "alexa",
    name: "Dispenser",
    description: "Soap and paper",
    manufacturer: "Everfull",
    sensors: {
      soap: { interface: "usage", instance: "soap", measurement: "Count", names: { "en-US": "Soap" } },
      paper: { interface: "level", instance: "paper", measurement: "Count", names: { "en-US": "Paper" } },
    },
  },
});
export const EVENTS = "https://alexa.example/events";

interface Event {
  readonly event: {
    readonly header: { readonly name: string; readonly instance?: string; readonly messageId: string };
    readonly payload: {
      readonly usage?: { readonly value: number };
      readonly change?: {
        readonly properties: readonly {
          readonly instance: string;
          readonly value: { readonly value: number };
        }[];
      };
    };
  };
}

/** The event gateway: what it was told, each message once. */
export class Inventory {
  /** By slot, all that was ever told as used. */
  readonly used = new Map<string, number>();
  /** By slot, the level that was told last. */
  readonly level = new Map<string, number>();
  readonly #seen = new Map<string, string>();

  /** @returns what is wrong with the message */
  take(body: string): string | undefined {
    const { event } = JSON.parse(body) as Event;
    const { instance = "", messageId, name } = event.header;
    const { change, usage } = event.payload;
    const what = JSON.stringify(event.payload);
    const before = this.#seen.get(messageId);
    if (before !== undefined)
      return before === what ? undefined : `${name} ${what} under the id of ${before}`;
    this.#seen.set(messageId, what);
    if (usage) this.used.set(instance, (this.used.get(instance) ?? 0) + usage.value);
    for (const { instance: slot, value } of change?.properties ?? []) this.level.set(slot, value.value);
    return usage && usage.value < 0 ? `usage of ${usage.value}` : undefined;
  }
}
