import { fromText, toText } from "../../../../hal/boards/desktop/text.js";
import { NorFlash } from "../../../../hal/simulator/nor-flash.js";
import { Codec } from "../../../../sdk/uplink/index.js";
import { exploreContents } from "./contents.js";
import { exploreChains, explorePairs, exploreSingles, historyId, rehearse, torn } from "./explorer.js";
import { type Geometry, nameOf } from "./geometry.js";
import type { History } from "./history.js";
import { exploreModel } from "./model.js";
import { slotsOf } from "./parts.js";
import { exploreRefusals, exploreWear } from "./refusals.js";
import { type Scenario, scenarios } from "./scenarios.js";
import { RunningParts } from "./stores.js";
import type { Cut, Detail } from "./tears.js";

/*
 * The explorer as a program for an engine that has nothing of Node: an event is a command as JSON, and is answered with what was found.
 */

interface Exploration {
  readonly do: "singles" | "pairs" | "chains" | "refusals" | "wear";
  readonly scenario: string;
  /** Of the scenario's geometries. */
  readonly geometry: number;
  readonly detail?: Detail;
  readonly oneIn?: number;
  readonly seed?: number;
  readonly histories?: number;
}

export type ProgramCommand =
  | { readonly do: "scenarios" }
  | Exploration
  | { readonly do: "model"; readonly seed: number; readonly operations: number }
  | { readonly do: "contents"; readonly seed: number; readonly images: number }
  /** A part of an image, as bytes in hexadecimal. */
  | { readonly do: "load"; readonly geometry: Geometry; readonly offset: number; readonly hex: string }
  /** Makes the next chosen cut of a scenario, and does not open yet: `recover` does, so that its cost is told alone. */
  | { readonly do: "cut"; readonly scenario: string; readonly geometry: number; readonly oneIn: number }
  | { readonly do: "recover" };

export interface ProgramAnswer {
  readonly cuts: number;
  readonly failed: number;
  readonly failures: readonly { readonly id: string; readonly message: string }[];
  /** After `cut`: what reruns it. */
  readonly id?: string;
  /** After `recover`. */
  readonly lastSequence?: number;
  readonly bytesRead?: number;
  readonly names?: readonly string[];
}

let all: Scenario[] | undefined;
let flash: NorFlash | undefined;
let running: RunningParts | undefined;
let cuts: Iterator<{ readonly id: string; readonly history: History; readonly cut: Cut }> | undefined;

function run(command: ProgramCommand): ProgramAnswer {
  all ??= scenarios();
  switch (command.do) {
    case "scenarios":
      return {
        ...NOTHING,
        names: all.flatMap(({ name, geometries }) => geometries.map((shape) => `${name}/${nameOf(shape)}`)),
      };
    case "model": {
      const { counts, failures } = exploreModel(command.seed, command.operations);
      return { cuts: counts.cuts, failed: failures.length, failures };
    }
    case "contents": {
      const { failures } = exploreContents(all, command.seed, command.images);
      return { cuts: 0, failed: failures.length, failures };
    }
    case "load": {
      flash ??= new NorFlash(command.geometry);
      for (let i = 0; i < command.hex.length / 2; i++)
        flash.bytes[command.offset + i] = Number.parseInt(command.hex.slice(2 * i, 2 * i + 2), 16);
      running = new RunningParts(flash, slotsOf(4), new Codec(), () => {});
      return NOTHING;
    }
    case "cut": {
      cuts ??= cutsOf(command);
      const { value } = cuts.next();
      if (!value) return NOTHING;
      const { history, cut } = value;
      history.flash.powerOn(cut.readings[0]!, cut.seed);
      history.flash.bytesRead = 0;
      flash = history.flash;
      running = history.scenario.start(flash, () => {}) as RunningParts;
      // The XS worker's: what is allocated from here on is the recovery's.
      (globalThis as { gc?(): void }).gc?.();
      return { ...NOTHING, cuts: 1, id: value.id };
    }
    case "recover":
      running!.open();
      return { ...NOTHING, lastSequence: running!.parts.mailbox.lastSequence, bytesRead: flash!.bytesRead };
    default:
      return explore(command);
  }
}

const NOTHING: ProgramAnswer = Object.freeze({ cuts: 0, failed: 0, failures: [] });

/** The chosen cuts of a scenario, each in all its torn variants and readings. */
function* cutsOf({ scenario: name, geometry, oneIn }: Extract<ProgramCommand, { readonly do: "cut" }>) {
  const scenario = all!.find((each) => each.name === name)!;
  const shape = scenario.geometries[geometry]!;
  const { start, points } = rehearse(scenario, shape);
  let left = 0;
  for (const { cut, make } of torn(scenario, start, points, shape, "few"))
    if (left-- === 0) {
      left = oneIn - 1;
      yield { id: historyId(scenario, shape, [cut]), history: make(), cut };
    }
}

function explore(command: Exploration): ProgramAnswer {
  const scenario = all!.find(({ name }) => name === command.scenario)!;
  const shape = scenario.geometries[command.geometry]!;
  const detail = command.detail ?? "units";
  const sample = { oneIn: command.oneIn ?? 1, seed: command.seed ?? 0 };
  switch (command.do) {
    case "singles":
      return exploreSingles(scenario, shape, detail, sample);
    case "pairs":
      return explorePairs(
        scenario,
        shape,
        { first: detail, second: detail },
        { first: sample, second: sample },
      );
    case "chains":
      return exploreChains(scenario, shape, sample.seed, command.histories ?? 10);
    case "refusals":
      return exploreRefusals(scenario, shape);
    case "wear":
      return exploreWear(scenario, shape, 2);
  }
}

/** As the XS worker calls it. */
(globalThis as unknown as { handleCommand(event: ArrayBuffer): ArrayBuffer }).handleCommand = (event) => {
  const command = JSON.parse(fromText(new Uint8Array(event))) as ProgramCommand;
  return toText(JSON.stringify(run(command))).buffer as ArrayBuffer;
};
