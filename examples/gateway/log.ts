/** One structured entry; the fields beyond these two depend on the event and never hold a token or a key. */
export interface GatewayLogEntry {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly [field: string]: unknown;
}

export type Log = (entry: GatewayLogEntry) => void;
