import type { Scheduled } from "../../../sdk/index.js";
import { FIELDS, fieldOf } from "./fields.js";

/** Settings by name, as the firmware's configuration has them. */
export type Settings = Readonly<Record<string, unknown>>;

/** Keeps one text durably: all of it or what was there before, whenever the power goes. */
export interface SettingsStore {
  /** Undefined when nothing was kept. May throw. */
  read(): string | undefined;
  /** May throw: then what was there before is still there. */
  write(text: string): void;
}

/**
 * - `line`: not UTF-8; `size`: longer than accepted; `json`: not JSON; `request`: none of get, set and start
 * - `field`: there is no such field, `value`: one that is not accepted; nothing of the request was taken
 * - `store`: could not be kept; `missing`: not all that is needed is set
 */
export type SetupError = "line" | "size" | "json" | "request" | "field" | "value" | "store" | "missing";

/** An answer. No secret is ever in one, nor anything else that came with a request. */
export interface SetupReply {
  ok?: true;
  error?: SetupError;
  /** The field that was not accepted. */
  field?: string;
  accepted?: string;
  /** What is set; of a secret, whether it is. */
  settings?: Record<string, string | number | boolean>;
  /** What has to be set before the device can do all that it is for. */
  missing?: string[];
}

export interface SetupOptions {
  readonly store: SettingsStore;
  /** The configuration, for what was not set up. */
  readonly config: Settings;
  /** Names of what the device needs. */
  readonly needed: readonly string[];
  schedule(delay: number, task: () => void): Scheduled;
  /** Takes up what was set up, a moment after it was asked for, so that the answer gets out. */
  start(): void;
  log(text: string): void;
}

/** Without these a device does not know who it is, and to whom it belongs. */
export const IDENTITY: readonly string[] = Object.freeze(["serial", "keySecret", "brokerHost"]);

const START_AFTER = 1000;

/** What is set up on the spot, whoever brings the requests: a serial port, a page. */
export class Setup {
  readonly #options: SetupOptions;
  #kept: Record<string, string | number>;
  #isStarting = false;
  /** Requests that were understood, for those who wait for somebody. */
  requests = 0;

  constructor(options: SetupOptions) {
    this.#options = options;
    this.#kept = this.#load();
  }

  /** The configuration, and in its place what was set up: the whole of each group of which something was. */
  get settings(): Settings {
    const groups = Object.keys(this.#kept).map((name) => FIELDS[name]?.group);
    const settings: Record<string, unknown> = { ...this.#options.config, ...this.#kept };
    for (const name of Object.keys(FIELDS))
      if (!(name in this.#kept) && groups.includes(FIELDS[name]!.group)) settings[name] = undefined;
    return settings;
  }

  /** Which of these are not set, or not to what is accepted. */
  missing(names = this.#options.needed): string[] {
    const { settings } = this;
    return names.filter((name) => !fieldOf(name)?.accepts(settings[name]));
  }

  /** Answers `{"get": true}`, `{"set": {...}}` and `{"start": true}`, and whatever else. */
  request(request: unknown): SetupReply {
    const { get, set, start } = (request ?? {}) as Record<string, unknown>;
    if ([get, set, start].filter((part) => part !== undefined).length !== 1) return { error: "request" };
    if (set !== undefined)
      return typeof set === "object" && set !== null && !Array.isArray(set)
        ? this.#set(set as Record<string, unknown>)
        : { error: "request" };
    if (get === true) return this.#get();
    return start === true ? this.#start() : { error: "request" };
  }

  #get(): SetupReply {
    this.requests++;
    const told: Record<string, string | number | boolean> = {};
    const { settings } = this;
    for (const name of Object.keys(FIELDS)) {
      const value = settings[name];
      if (FIELDS[name]!.isSecret) told[name] = value !== undefined;
      else if (typeof value === "string" || typeof value === "number") told[name] = value;
    }
    return { ok: true, settings: told, missing: this.missing() };
  }

  #set(values: Record<string, unknown>): SetupReply {
    const kept = { ...this.#kept };
    // Another network has another password, or none.
    if (values.wifiSSID !== undefined) delete kept.wifiPassword;
    for (const name of Object.keys(values)) {
      const field = fieldOf(name);
      if (!field) return { error: "field", accepted: Object.keys(FIELDS).join(" ") };
      const value = values[name];
      if (value === null) delete kept[name];
      else if (field.accepts(value)) kept[name] = value as string | number;
      else return { error: "value", field: name, accepted: field.accepted };
    }
    // In one order, whatever the order of the requests: the same is not written again.
    const ordered: Record<string, string | number> = {};
    for (const name of Object.keys(FIELDS)) if (kept[name] !== undefined) ordered[name] = kept[name];
    const text = JSON.stringify(ordered);
    try {
      if (text !== JSON.stringify(this.#kept)) this.#options.store.write(text);
    } catch {
      return { error: "store" };
    }
    this.#kept = ordered;
    this.requests++;
    return { ok: true, missing: this.missing() };
  }

  #start(): SetupReply {
    const missing = this.missing();
    if (missing.length > 0) return { error: "missing", missing };
    this.requests++;
    if (!this.#isStarting) this.#options.schedule(START_AFTER, () => this.#options.start());
    this.#isStarting = true;
    return { ok: true };
  }

  /** What was kept, as far as it is still accepted: another version of the firmware may have kept it. */
  #load(): Record<string, string | number> {
    const kept: Record<string, string | number> = {};
    try {
      const text = this.#options.store.read();
      const values = text === undefined ? {} : (JSON.parse(text) as Record<string, unknown>);
      for (const name of Object.keys(FIELDS))
        if (FIELDS[name]!.accepts(values?.[name])) kept[name] = values[name] as string | number;
    } catch {
      this.#options.log("setup: what was set up cannot be read; the configuration holds");
    }
    return kept;
  }
}
