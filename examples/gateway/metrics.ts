import { monitorEventLoopDelay } from "node:perf_hooks";
import type { GatewayCounts } from "./counts.js";

/** Upper bounds of the buckets, in seconds. */
const BOUNDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

const LABELS: Readonly<Record<string, string>> = Object.freeze({
  refused: "reason",
  drs: "operation",
  alexa: "operation",
  notifications: "outcome",
});

/** How long something took, in buckets. */
export class Histogram {
  readonly #counts = new Array<number>(BOUNDS.length).fill(0);
  #sum = 0;
  #total = 0;

  observe(seconds: number): void {
    const at = BOUNDS.findIndex((bound) => seconds <= bound);
    if (at >= 0) this.#counts[at]!++;
    this.#sum += seconds;
    this.#total++;
  }

  /** In the text format of Prometheus. */
  lines(name: string, help: string): string[] {
    let below = 0;
    return [
      ...head(name, "histogram", help),
      ...BOUNDS.map((bound, at) => {
        below += this.#counts[at]!;
        return `${name}_bucket{le="${bound}"} ${below}`;
      }),
      `${name}_bucket{le="+Inf"} ${this.#total}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#total}`,
    ];
  }
}

export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly value: number;
}

/** What a scrape asks for: everything that is counted, and how things stand. */
export class Metrics {
  /** From a message's arrival until it is stored and its answer taken by the broker. */
  readonly answered = new Histogram();
  /** From a message's arrival until the calls to DRS that it led to are made. */
  readonly done = new Histogram();
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });

  constructor() {
    this.#delay.enable();
  }

  close(): void {
    this.#delay.disable();
  }

  text(counts: GatewayCounts, gauges: readonly Gauge[]): string {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    const own: readonly Gauge[] = [
      ...gauges,
      {
        name: "everfull_event_loop_delay_seconds",
        help: "99th percentile since the last scrape",
        value: this.#delay.percentile(99) / 1e9,
      },
      { name: "process_resident_memory_bytes", help: "Resident memory", value: memory.rss },
      { name: "nodejs_heap_size_used_bytes", help: "Heap of JavaScript", value: memory.heapUsed },
    ];
    this.#delay.reset();
    return [
      ...Object.entries(counts).flatMap(([field, value]) => counter(field, value)),
      ...own.flatMap(({ name, help, value }) => [...head(name, "gauge", help), `${name} ${value}`]),
      ...head("process_cpu_seconds_total", "counter", "User and system time"),
      `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
      ...this.answered.lines(
        "everfull_answered_seconds",
        "From a message's arrival until it is stored and its answer taken by the broker",
      ),
      ...this.done.lines(
        "everfull_done_seconds",
        "From a message's arrival until the calls to DRS that it led to are made",
      ),
      "",
    ].join("\n");
  }
}

/** A count, or one count per label where there is a group of them. */
function counter(field: string, value: number | Readonly<Record<string, number>>): string[] {
  const name = `everfull_${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`;
  const label = LABELS[field] ?? "kind";
  const lines =
    typeof value === "number"
      ? [`${name} ${value}`]
      : Object.entries(value).map(([key, count]) => `${name}{${label}="${key}"} ${count}`);
  return [...head(name, "counter", `See GatewayCounts.${field}`), ...lines];
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}
