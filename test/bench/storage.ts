import type { Engine } from "../../hal/simulator/index.js";
import { NorFlash } from "../../hal/simulator/index.js";
import type { StoreName } from "./commands.js";
import { Host, type Media, newMedia, STATE_KEY } from "./host.js";
import type { NvsModel } from "./nvs-model.js";
import { type Profile, slotsOf } from "./profiles.js";
import { JournalStore, RewriteStore, stateBytes, type TextStore } from "./stores.js";
import { DAY, START, Stream } from "./stream.js";
import { sum } from "./table.js";
import { type Task, Work } from "./work.js";

/** The three stores that are compared. */
export const STORES = Object.freeze(["journal", "event", "day"] as const);
export type Compared = (typeof STORES)[number];

/** Weeks before anything is measured: the forecast has learned, the flash has been round. */
const WARM_UP_WEEKS = 9;
const WEEK = 7 * DAY;

/** What one store did with a list of tasks. */
export interface Measured {
  readonly steps: { readonly events: number[]; readonly days: number[] };
  readonly bytes: { readonly events: number[]; readonly days: number[] };
  /** Erases of each block, and of all. */
  readonly erases: readonly number[];
  /** Everything in the state at the end, after a last restart. */
  readonly state: string;
}

/** The tasks from one restart to the next, both included, and stores as they are at its begin. */
export interface Week {
  readonly profile: Profile;
  readonly tasks: readonly Task[];
  readonly media: { readonly [store in Compared]: Media };
}

/** Makes a week after some weeks of the same. Every call makes the same one. */
export function warmWeek(profile: Profile): Week {
  const stream = new Stream(profile);
  const media = { journal: newMedia(), event: newMedia(), day: newMedia() };
  const works = STORES.map((store) => workInNode(store, profile, media[store]));
  const begin = START + WARM_UP_WEEKS * WEEK;
  const tasks: Task[] = [];
  for (;;)
    for (const task of stream.next()) {
      const isRestart = task.do === "start" && task.at >= begin;
      if (tasks.length === 0 && !isRestart) {
        for (const work of works) work.perform(task);
        continue;
      }
      tasks.push(task);
      if (isRestart && tasks.length > 1) return { profile, tasks, media };
    }
}

/** A device in this process: what it writes is what an engine writes. */
export function workInNode(store: StoreName, profile: Profile, { flash, nvs }: Media): Work {
  return new Work(slotsOf(profile), (parts, slots) =>
    store === "journal" ? new JournalStore(parts, flash) : new RewriteStore(parts, slots, textIn(nvs), store),
  );
}

function textIn(nvs: NvsModel): TextStore {
  return {
    get() {
      const bytes = nvs.get(STATE_KEY);
      return bytes && Buffer.from(bytes).toString();
    },
    set: (text) => nvs.set(STATE_KEY, Buffer.from(text)),
  };
}

/** Has one store do the week's tasks in an engine. `never`: the work without a store, from the state of the `event` store. */
export async function measure(
  engine: Engine["name"],
  store: StoreName,
  { profile, tasks, media }: Week,
): Promise<Measured> {
  const ours = store === "never" ? media.event : media[store];
  const host = await Host.start(engine, ours);
  try {
    await host.run({ do: "work", store, profile });
    const perform = async (task: Task) => (await host.run({ do: "task", task })).cost.steps;
    const state = async () => Buffer.from((await host.run({ do: "state" })).reply).toString("hex");
    return await measureWith(store, tasks, ours, perform, state);
  } finally {
    await host.stop();
  }
}

/** The same in this process, without steps. */
export async function measureInNode(store: Compared, week: Week): Promise<Measured> {
  const work = workInNode(store, week.profile, week.media[store]);
  const perform = async (task: Task) => {
    work.perform(task);
    return 0;
  };
  const state = async () => Buffer.from(stateBytes(work.parts)).toString("hex");
  return measureWith(store, week.tasks, week.media[store], perform, state);
}

async function measureWith(
  store: StoreName,
  tasks: readonly Task[],
  media: Media,
  perform: (task: Task) => Promise<number>,
  state: () => Promise<string>,
): Promise<Measured> {
  const steps = { events: [] as number[], days: [] as number[] };
  const bytes = { events: [] as number[], days: [] as number[] };
  const counter = store === "journal" ? media.flash : media.nvs;
  const written = () => media.flash.written + media.nvs.programmed;
  const before = [...counter.erases];
  let today = { steps: 0, bytes: 0 };
  for (const [index, task] of tasks.entries()) {
    // Nothing is kept: the state would be lost with a start.
    if (store === "never" && task.do === "start" && index > 0) continue;
    const from = written();
    const taken = await perform(task);
    const used = written() - from;
    if (task.do === "use") {
      steps.events.push(taken);
      bytes.events.push(used);
    }
    // Starts are not part of a day: see recovery.
    if (task.do !== "start") today = { steps: today.steps + taken, bytes: today.bytes + used };
    if (task.do !== "dayDone") continue;
    steps.days.push(today.steps);
    bytes.days.push(today.bytes);
    today = { steps: 0, bytes: 0 };
  }
  return {
    steps,
    bytes,
    erases: counter.erases.map((erases, i) => erases - before[i]!),
    state: await state(),
  };
}

/** A year of one profile, all stores at once. */
export interface Year {
  readonly profile: Profile;
  readonly events: number;
  readonly stores: { readonly [store in Compared]: Wear };
}

export interface Wear {
  /** Bytes programmed in the year. */
  readonly bytes: number;
  /** The same, by metered events alone. */
  readonly eventBytes: number;
  /** Erases of a block: mean, and of the most worn one. */
  readonly meanErases: number;
  readonly mostErases: number;
  /** Years until the most worn block has been erased 100,000 times. */
  readonly years: number;
  /** The most that a power cut at the end of a day took back. */
  readonly lost: Loss;
}

/** What was committed, and is not there after a start. */
export interface Loss {
  /** Metered events. */
  readonly events: number;
  /** Steps of one slot's use. */
  readonly steps: number;
  /** Messages of the gateway, with what they told of orders and acknowledged. */
  readonly answers: number;
}

const ERASES = 100_000;
const YEAR_DAYS = 365;

export function year(profile: Profile, days = YEAR_DAYS): Year {
  const stream = new Stream(profile);
  const runs = STORES.map((store) => {
    const media = newMedia();
    const lost: Loss = { events: 0, steps: 0, answers: 0 };
    return { store, media, work: workInNode(store, profile, media), eventBytes: 0, lost };
  });
  let events = 0;
  for (let day = 0; day < days; day++) {
    const tasks = stream.next();
    const uses = tasks.filter((task) => task.do === "use");
    events += uses.length;
    for (const run of runs) {
      for (const task of tasks) {
        const before = run.media.flash.written + run.media.nvs.programmed;
        run.work.perform(task);
        if (task.do === "use") run.eventBytes += run.media.flash.written + run.media.nvs.programmed - before;
      }
      const lost = lossNow(run, profile, uses, START + (day + 1) * DAY - 1);
      run.lost = {
        events: Math.max(run.lost.events, lost.events),
        steps: Math.max(run.lost.steps, lost.steps),
        answers: Math.max(run.lost.answers, lost.answers),
      };
    }
  }
  const scale = YEAR_DAYS / days;
  const wear = ({ store, media, eventBytes, lost }: (typeof runs)[number]): Wear => {
    const erases = (store === "journal" ? media.flash : media.nvs).erases;
    const most = Math.max(...erases) * scale;
    return {
      bytes: (media.flash.written + media.nvs.programmed) * scale,
      eventBytes: eventBytes * scale,
      meanErases: (sum(erases) / erases.length) * scale,
      mostErases: most,
      years: ERASES / most,
      lost,
    };
  };
  const [journal, event, daily] = runs.map(wear) as [Wear, Wear, Wear];
  return { profile, events: events * scale, stores: { journal, event, day: daily } };
}

/** Cuts the power of a copy: what does its start not find of what the device knows? */
function lossNow(
  { store, media, work }: { readonly store: Compared; readonly media: Media; readonly work: Work },
  profile: Profile,
  uses: readonly (Task & { readonly do: "use" })[],
  at: number,
): Loss {
  // A start only reads the text, but writes to the journal.
  const restarted = workInNode(store, profile, { flash: copyOf(media.flash), nvs: media.nvs });
  restarted.perform({ at, do: "start" });
  const [before, after] = [work.parts, restarted.parts];
  const steps = slotsOf(profile).map(
    (_, slot) => before.stock.account(slot).consumed - after.stock.account(slot).consumed,
  );
  const left = [...steps];
  const events = [...uses].reverse().filter(({ slot, steps: used }) => {
    left[slot]! -= used;
    return left[slot]! >= 0;
  }).length;
  return {
    events,
    steps: Math.max(...steps),
    answers: before.mailbox.received - after.mailbox.received,
  };
}

/** A copy of flash, with counters at 0. */
export function copyOf(flash: NorFlash): NorFlash {
  return new NorFlash({ content: flash.bytes });
}
