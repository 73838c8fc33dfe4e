/** What a run of the simulated household found. `everfull sim --json` writes it as it is. */
export interface RunReport {
  readonly engine: "xs" | "node";
  readonly seed: string;
  /** First simulated day, YYYY-MM-DD at the household. */
  readonly start: string;
  readonly days: number;
  /** Real time that the run took, in seconds. */
  readonly seconds: number;
  readonly devices: readonly DeviceReport[];
  /** Messages that the gateway refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Calls that the DRS sandbox answered, by operation. */
  readonly drs: Readonly<Record<string, number>>;
  /** What the run must show; it has failed when one has. */
  readonly checks: readonly Check[];
}

export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** What was found, in a few words. */
  readonly found: string;
}

export interface DeviceReport {
  readonly serial: string;
  readonly title: string;
  /** Restarts after the first start; the state is rebuilt from flash at each. */
  readonly restarts: number;
  /** Sealed messages up and down, and their bytes without MQTT's. */
  readonly messages: {
    readonly up: number;
    readonly upBytes: number;
    readonly down: number;
    readonly downBytes: number;
  };
  readonly connections: number;
  readonly flash: {
    readonly blocks: number;
    /** Erases of all blocks. */
    readonly erases: number;
    /** Bytes written. */
    readonly written: number;
  };
  /** Bytecode steps a day, everything that the device program does included; null where the engine does not count them. */
  readonly steps: { readonly mean: number; readonly most: number } | null;
  /**
   * Most heap slots in use at the end of a day, after garbage collection, above those before the start, in bytes of a 32-bit XS (16 a slot); null in Node.
   * Chunks (strings, buffers) are not among them: the engine does not tell.
   */
  readonly peakHeap: number | null;
  /** The newest health record that the gateway has; null before the first. */
  readonly health: HealthReport | null;
  /** Every sealed message that the device sent, in the order of sending. */
  readonly uplinks: readonly { readonly at: string; readonly hex: string }[];
  readonly warnings: readonly string[];
  readonly slots: readonly SlotReport[];
}

/** A health record, as the device told it. */
export interface HealthReport {
  /** Day that it tells of, YYYY-MM-DD at the household. */
  readonly date: string;
  /** Of the firmware; `0.0.0`: not told. */
  readonly version: string;
  /** Starts by their causes. */
  readonly resets: Readonly<Record<string, number>>;
  /** Least bytes of heap that were ever free since the start; null: not told. */
  readonly leastFree: number | null;
  /** Most erases of a block of the journal. */
  readonly mostErases: number;
  /** Messages that newer ones replaced before they were acknowledged. */
  readonly dropped: number;
  readonly clock: string;
  /** Number of the newest settings that the device is done with; 0: none. */
  readonly settings: number;
}

export interface SlotReport {
  readonly id: string;
  readonly title: string;
  /** Series of the data that drives it. */
  readonly series: string;
  /** Unit of all quantities here. */
  readonly unit: string;
  readonly capacity: number;
  readonly refill: number;
  /** Every simulated day, in order; `remaining` and `onHand` as it ended, as they truly were. */
  readonly history: readonly {
    readonly date: string;
    readonly remaining: number;
    readonly onHand: number;
    readonly used: number;
  }[];
  /** Dates on which the slot was refilled. */
  readonly refills: readonly string[];
  /** Dates on which something was wanted and nothing was there, with how much. */
  readonly stockOuts: readonly { readonly date: string; readonly unserved: number }[];
  readonly orders: readonly OrderReport[];
  /** Orders that the device itself counted as late. */
  readonly lateOrders: number;
  /** What a product's maker should think about; null when there is nothing. */
  readonly advice: string | null;
  /** Largest difference at the end of a day between what the device believed to remain and what did. */
  readonly meterError: number;
}

export interface OrderReport {
  readonly cycle: number;
  readonly ordered: string;
  readonly accepted: string | null;
  readonly placed: string | null;
  readonly shipped: string | null;
  readonly delivered: string | null;
  /** Date on which the stock at hand when ordering was used up, or would have been; null when the data ends before. */
  readonly neededBy: string | null;
  /** Days from `ordered` to `neededBy`: the lead that the order had. */
  readonly lead: number | null;
}
