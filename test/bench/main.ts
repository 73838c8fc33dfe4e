import { type HeapUse, SLOT_BYTES } from "../../hal/simulator/heap-use.js";
import { findXsWorker, xsFix } from "../../hal/simulator/index.js";
import { Forecast } from "../../sdk/forecast/index.js";
import { lossBound } from "../../sdk/index.js";
import { startForecast, stepsOfDays } from "../sdk/forecast/device.js";
import { type CodeSize, codeSize, roomsOf } from "./code-size.js";
import { type DeviceFigures, daysPerSecond, deviceFigures, heapFigures } from "./device.js";
import { heapPeaks } from "./heap-peak.js";
import { messageFigures } from "./messages.js";
import { BUSY, MEAN_STEPS, NORMAL, PROFILES, SLOTS, slotsOf } from "./profiles.js";
import { type Journal, journals, openJournal, openText, type Recovery } from "./recovery.js";
import { sensorCosts } from "./sensors/costs.js";
import { type Compared, measure, measureInNode, STORES, warmWeek, type Year, year } from "./storage.js";
import { type Cell, median, sum, table } from "./table.js";
import { kindsOf, monthOfTurns, STEPS_PER_MS, TURN_LIMIT } from "./turns.js";

/*
 * Measures what there are budgets for, and the journal beside two plain alternatives that do the same work. Everything that is printed was measured
 * in this run; times alone depend on the machine.
 */

const NAMES: { readonly [store in Compared | "never"]: string } = {
  never: "(no store: the work itself)",
  journal: "journal",
  event: "JSON on every event",
  day: "JSON on every day close",
};
const hasXs = findXsWorker() !== undefined;

function title(text: string, ...notes: readonly string[]): void {
  console.log(`\n${text}`);
  for (const note of notes) console.log(`  ${note}`);
  console.log();
}

function most(values: readonly number[]): number {
  return Math.max(...values);
}

/** "median / most" */
function both(values: readonly number[]): string {
  const whole = (value: number) => Math.round(value).toLocaleString("en-US");
  return `${whole(median(values))} / ${whole(most(values))}`;
}

function showProfiles(): void {
  title(
    `Profiles: ${SLOTS} slots, 64 KB of flash in blocks of 4 KB, written in units of 4 bytes`,
    `A metered event is 1 to ${2 * MEAN_STEPS - 1} steps of one slot, committed. Every day is closed and has a status per slot, one visit`,
    "with an answer per message, and the time kept at least every 30 minutes; orders and refills as they come; a restart a week.",
  );
  const rows = PROFILES.map((profile): Cell[] => [
    profile.name,
    profile.commits,
    profile.commits * SLOTS,
    profile.life,
    slotsOf(profile)[0]!.capacity,
  ]);
  console.log(
    table(["profile", "events/slot/day", "events/day", "days a slot lasts", "capacity, steps"], rows),
  );
}

async function showWeek(): Promise<void> {
  title(
    "1. Three stores doing the same work: a week after nine others",
    "median / most. A rewrite is measured on a model of ESP-IDF NVS. Steps are of bytecode: what XS does in C, such as",
    "JSON.stringify and JSON.parse, is not in them, which is in favour of JSON. Starts are not in the days: see 2.",
  );
  const rows: Cell[][] = [];
  for (const profile of [NORMAL, BUSY]) {
    const states = new Set<string>();
    for (const store of hasXs ? (["never", ...STORES] as const) : STORES) {
      const week = warmWeek(profile);
      const { steps, bytes, state } = hasXs
        ? await measure("xs", store, week)
        : await measureInNode(store as Compared, week);
      if (store !== "never") states.add(state);
      rows.push([
        profile.name,
        NAMES[store],
        hasXs ? both(steps.events) : undefined,
        hasXs ? both(steps.days) : undefined,
        both(bytes.events),
        sum(bytes.events) / bytes.events.length,
        both(bytes.days),
      ]);
    }
    if (states.size > 1) throw new Error("bench: the stores do not end in the same state");
  }
  console.log(
    table(["profile", "store", "steps/event", "steps/day", "bytes/event", "mean", "bytes/day"], rows),
  );
  console.log("\n  All three ended in the same state.");
}

function showYears(years: readonly Year[]): void {
  title(
    "   The same for a year: wear, and what a power cut loses",
    "Erases of a block in a year: mean, and of the one erased most, which the years are counted by.",
  );
  const rows = years.flatMap(({ profile, events, stores }) =>
    STORES.map((store): Cell[] => {
      const wear = stores[store];
      return [
        profile.name,
        NAMES[store],
        wear.eventBytes / events,
        wear.bytes / 365,
        wear.meanErases,
        wear.mostErases,
        Math.floor(wear.years),
        wear.lost.events,
        wear.lost.steps,
        wear.lost.answers,
      ];
    }),
  );
  console.log(
    table(
      [
        "profile",
        "store",
        "bytes/event",
        "bytes/day",
        "erases/block",
        "most",
        "years to 100,000",
        "lost events",
        "steps of a slot",
        "answers",
      ],
      rows,
    ),
  );
  const bound = lossBound(slotsOf(NORMAL)[0]!);
  console.log(
    [
      "",
      "  Lost: the most that a restart at the end of a day did not find of what was committed. What is in RAM before its commit is lost by each",
      `  store alike: below 1 % of the capacity (normal: ${bound.steps} steps), not older than ${bound.age / 60_000} minutes. A store that forgets also forgets the sequences of`,
      "  messages that were sent since it wrote, and would seal others under them: JSON on every day close is no store for this uplink.",
    ].join("\n"),
  );
}

async function showRecovery(found: readonly Journal[]): Promise<void> {
  title(
    "2. Recovery: a start, busy device",
    "The journal reads all headers and one block, and begins a new block with a checkpoint. The rewrite reads its value; JSON.parse is not in its steps.",
  );
  const row = (name: string, { steps, bytesRead }: Recovery): Cell[] => [
    name,
    hasXs ? steps : undefined,
    bytesRead,
  ];
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  const engine = hasXs ? "xs" : "node";
  const rows: Cell[][] = [];
  for (const journal of found)
    rows.push(
      row(
        `journal, ${percent(journal.ring)} of the ring in use, newest block ${percent(journal.newest)} full`,
        await openJournal(engine, journal),
      ),
    );
  const { all, parsed, length } = await openText(engine);
  rows.push(row(`JSON of ${length} bytes, read and parsed`, parsed));
  rows.push(row("JSON, read, parsed and restored", all));
  console.log(table(["what", "steps", "bytes read"], rows));
}

/** Bytes of our bytecode, a budget. */
const CODE_BUDGET = 64 * 1024;

/** Against a budget. */
function verdict(measured: number, budget: number, least = false): string {
  return (least ? measured >= budget : measured <= budget) ? "met" : "not met";
}

async function showDevice(full: Journal, busyYears: number): Promise<void> {
  title(
    "3. The whole SDK, beside its budgets",
    `Normal device of ${SLOTS} slots, 20 days; its gateway answers from outside. Steps include the simulator's flash and network calls.`,
  );
  const rows: Cell[][] = [];
  const add = (what: string, measured: number, budget: number, unit: string) =>
    rows.push([what, Math.round(measured), budget, unit, verdict(measured, budget)]);
  if (hasXs) {
    const figures: DeviceFigures = await deviceFigures(full);
    const day = figures.close.map((steps, i) => steps + figures.seal[i]!);
    add("metered event, committed: median", median(figures.event), 25_000, "steps");
    add("metered event, committed: with a new block", most(figures.event), 25_000, "steps");
    add("day close of one slot, forecast, status, seal: median", median(day), 400_000, "steps");
    add("day close of one slot: most, with an order", most(day), 400_000, "steps");
    rows.push(["  its part at midnight: median", median(figures.close), undefined, "steps", undefined]);
    const forecast = await startForecast("xs");
    const alone = await stepsOfDays(forecast);
    forecast.stop();
    rows.push(["  the forecast alone: median", median(alone), undefined, "steps", undefined]);
    rows.push(["  its part in the visit, seal: median", median(figures.seal), undefined, "steps", undefined]);
    rows.push([
      `day close of ${SLOTS} slots together: median`,
      median(figures.closeOfFour),
      undefined,
      "steps",
      undefined,
    ]);
    add("forecast, saved state of a slot", Forecast.BYTES, 256, "bytes");
    add("sealed status", figures.statusBytes, 52, "bytes");
    rows.push([
      "  beside it once a day: sealed health record",
      figures.healthBytes,
      undefined,
      "bytes",
      undefined,
    ]);
    add("start on a full 64 KB journal, whole SDK", figures.recovery, 3_000_000, "steps");
  } else console.log(`  Steps, heap and message sizes: left out, XS is not built; to build it: ${xsFix()}\n`);
  rows.push(["flash life, busy device", Math.floor(busyYears), 100, "years", verdict(busyYears, 100, true)]);
  const size = codeSize();
  if (typeof size === "string")
    rows.push(["code in the linked image", size, CODE_BUDGET, "bytes", undefined]);
  else {
    add("code in the linked image", size.everfull, CODE_BUDGET, "bytes");
    rows.push(["  beside it: cbor-x and tweetnacl", size.beside, undefined, "bytes", undefined]);
  }
  console.log(table(["what", "measured", "budget", "unit", ""], rows));
  const node = await daysPerSecond("node", 200);
  const xs = hasXs ? await daysPerSecond("xs", 60) : undefined;
  console.log(
    `  Speed of this device alone with the bench as its host, on this machine: ${[xs && `XS ${xs.toFixed(0)}`, `Node ${node.toFixed(0)}`].filter(Boolean).join(", ")} device-days per second.`,
  );
  if (typeof size !== "string") showCode(size);
}

/** Modules that are listed one by one. */
const LISTED = 15;

function showCode({ everfull, modules }: CodeSize): void {
  title(
    "   Bytecode of ours in the linked image, by room and by module",
    `${Math.abs(everfull - CODE_BUDGET).toLocaleString("en-US")} bytes ${everfull > CODE_BUDGET ? "above" : "below"} the budget of ${CODE_BUDGET.toLocaleString("en-US")}.`,
  );
  const share = (bytes: number) => `${Math.round((100 * bytes) / everfull)} %`;
  console.log(
    table(
      ["room", "bytes", "share"],
      roomsOf(modules).map(([name, bytes]) => [name, bytes, share(bytes)]),
    ),
  );
  console.log();
  console.log(
    table(
      [`the ${LISTED} largest modules`, "bytes", "share"],
      modules.slice(0, LISTED).map(([name, bytes]) => [name, bytes, share(bytes)]),
    ),
  );
}

async function showHeap(full: Journal): Promise<void> {
  title(
    "4. Heap of the whole SDK, in bytes of a 32-bit chip",
    "At rest: what lives after collection, at the end of a day. Slots are of 16 bytes; chunks are strings, buffers, elements of arrays and tables of maps, with their",
    "headers. Above an engine that has loaded the program, which lies in flash on a chip. Made: what was there before an event and all that it made, garbage",
    "included; a chip has 4,928 slots (78,848 bytes) and as many bytes of chunks, and collects when either is full.",
  );
  const rows: Cell[][] = [];
  for (const slots of [1, SLOTS]) {
    const { rest, queued, peakSlotBytes, recoverySlotBytes } = await heapFigures(slots, full);
    const name = slots === 1 ? "1 slot" : `${slots} slots`;
    const row = (what: string, use: HeapUse) => {
      const total = use.slotBytes + use.chunkBytes;
      rows.push([
        `${name}: ${what}`,
        use.slotBytes,
        use.chunkBytes,
        total,
        HEAP_BUDGET,
        verdict(total, HEAP_BUDGET),
      ]);
    };
    const sorted = [...rest].sort((a, b) => a.slotBytes + a.chunkBytes - b.slotBytes - b.chunkBytes);
    row("at rest, median of days", sorted[Math.floor(sorted.length / 2)]!);
    row("at rest, most", sorted.at(-1)!);
    row(`at rest, broker out of reach, ${most(queued)} messages wait`, rest.at(-1)!);
    rows.push([`${name}: made by one event, most`, peakSlotBytes]);
    rows.push([`${name}: made by a start on a full journal`, recoverySlotBytes]);
  }
  console.log(table(["what", "slots", "chunks", "together", "budget", ""], rows));
  for (const slots of [1, SLOTS]) await showPeaks(full, slots);
}

/** Kinds of turns that are listed, those with the highest peak. */
const PEAKS = 8;

async function showPeaks(full: Journal, slots: number): Promise<void> {
  title(
    `   Heap at its peak: the firmware with ${slots === 1 ? "1 slot" : `${slots} slots`} in Moddable's simulator, preloaded`,
    "With sensors, meters and the desktop's board, above the heap before its start. All garbage is collected at every call of the board. Slots in bytes of a",
    "32-bit chip; chunks in those of the 64-bit simulator, which are more than a chip's. Peak: at a call within the turn; after: when the turn was over.",
  );
  const peaks = await heapPeaks(full, slots);
  if (typeof peaks === "string") {
    console.log(`  ${peaks}`);
    return;
  }
  console.log(
    table(
      ["turn", "count", "slots: peak", "after", "chunks: peak", "after"],
      peaks
        .slice(0, PEAKS)
        .map((peak) => [
          peak.kind,
          peak.count,
          peak.slotBytes,
          peak.restSlotBytes,
          peak.chunkBytes,
          peak.restChunkBytes,
        ]),
    ),
  );
}

/** A budget: bytes at rest with 4 slots. */
const HEAP_BUDGET = 16 * 1024;

async function showTurns(full: Journal): Promise<void> {
  const { least, most: fast } = STEPS_PER_MS;
  title(
    `5. Turns of the loop: the device program itself, ${SLOTS} slots, a month with orders and a power cut`,
    "While a turn lasts nothing else runs: no timer, no pin, no network. Steps include the simulator's board, whose counterpart on a chip is C.",
    `An ESP32 at 240 MHz takes about ${least.toLocaleString("en-US")} to ${fast.toLocaleString("en-US")} steps per ms, see hal/simulator/README.md. Erased: blocks of 4 KB; each takes the chip tens of ms more.`,
  );
  const rows = kindsOf(await monthOfTurns(full)).map(
    ({ kind, count, median: middle, most: longest, written, erased }) => [
      kind,
      count,
      middle,
      longest,
      `${Math.ceil(longest / fast)} to ${Math.ceil(longest / least)}`,
      written,
      erased,
      verdict(longest, TURN_LIMIT * least),
    ],
  );
  console.log(
    table(
      [
        "turn",
        "count",
        "steps: median",
        "most",
        "ms of the most",
        "bytes written",
        "erased",
        `${TURN_LIMIT} ms`,
      ],
      rows,
    ),
  );
}

async function showMessages(): Promise<void> {
  title(
    "7. Messages: sealed, beside JSON with an Ed25519 signature",
    "A status of one slot and an order, as they are sent, without the MQTT header and the topic. Build: from fields to bytes; protect: sealed or signed; open:",
    "opened or verified, decoded. Both with tweetnacl. JSON.stringify and JSON.parse are C and cost no steps, which is in favour of JSON.",
  );
  const figures = await messageFigures(hasXs ? "xs" : "node");
  const rows = figures.map(({ message, form, bytes, steps }): Cell[] => [
    `${message}, ${form === "sealed" ? "CBOR, sealed" : "JSON, signed"}`,
    bytes,
    steps?.build,
    steps?.protect,
    steps?.open,
  ]);
  console.log(table(["message", "bytes", "build, steps", "protect", "open"], rows));
}

async function showSensors(): Promise<void> {
  title(
    "6. A sample of each sensor, with its meter",
    "The hardware plays back what the parts of the tests answered, so that the steps are those of sensor and meter. Most: of 24 samples, two of which find use.",
    "Made: slots of the heap, most of them garbage. At rest: what sensor and meter have for good, in bytes of a 32-bit chip. Bus: by its clock; waits: for which",
    "the loop stands still.",
  );
  const rows = (await sensorCosts()).map((cost): Cell[] => [
    cost.name,
    cost.turns,
    cost.steps,
    cost.mostSteps,
    cost.longestTurn,
    cost.slots,
    cost.slots * SLOT_BYTES,
    cost.rest.slotBytes,
    cost.rest.chunkBytes,
    cost.busTime,
    cost.waitTime,
  ]);
  console.log(
    table(
      [
        "sensor",
        "turns",
        "steps",
        "most",
        "longest turn",
        "slots made",
        "bytes",
        "at rest: slots",
        "chunks",
        "bus, ms",
        "waits, ms",
      ],
      rows,
    ),
  );
}

if (!hasXs)
  console.log(
    `XS is not built: no steps are measured; bytes and erases are the same in Node. To build it: ${xsFix()}`,
  );
const begun = performance.now();
showProfiles();
await showWeek();
const years = PROFILES.map((profile) => year(profile));
showYears(years);
const found = journals();
await showRecovery(found);
await showDevice(found.at(-1)!, years.find(({ profile }) => profile === BUSY)!.stores.journal.years);
if (hasXs) {
  await showHeap(found.at(-1)!);
  await showTurns(found.at(-1)!);
  await showSensors();
}
await showMessages();
console.log(`\nMeasured in ${((performance.now() - begun) / 1000).toFixed(0)} s.`);
