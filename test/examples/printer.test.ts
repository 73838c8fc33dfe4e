import { MemoryChip, PrinterLine } from "everfull/simulator";
import { encodeIdentity } from "../../hal/sensors/i2c/encode-identity.js";
import { testOnEngines } from "../hal/simulator/support.js";
import { DAY, MINUTE, ProductBench } from "./product-bench.js";

const COLOURS = ["black", "cyan", "magenta", "yellow"] as const;
const LETTERS = ["K", "C", "M", "Y"] as const;
const RECEIVE = 16;
const DATA = 21;
const FIRST_ADDRESS = 80;

/** The machine around the device: it counts its pages, and its cartridges have memories. */
class Machine {
  pages = 48_211;
  readonly #line = new PrinterLine(() => this.pages);
  readonly #chips = COLOURS.map(() => new MemoryChip());
  #serial = 0;

  constructor() {
    for (const colour of COLOURS) this.replace(colour);
  }

  replace(colour: (typeof COLOURS)[number], quantity = 1000): void {
    const index = COLOURS.indexOf(colour);
    const serial = (++this.#serial).toString(16).padStart(16, "0");
    const consumable = `INK-100-${LETTERS[index]}`;
    this.#chips[index]!.load(encodeIdentity({ consumable, quantity, serial }));
  }

  readonly wired = {
    readPin: () => undefined,
    serial: (pin: number, bytes: Uint8Array) => (pin === RECEIVE ? this.#line.take(bytes) : undefined),
    i2c: (data: number, address: number, written: Uint8Array, byteLength: number) =>
      data === DATA ? this.#chips[address - FIRST_ADDRESS]?.transfer(written, byteLength) : undefined,
  };
}

testOnEngines(
  "the printer counts four inks by pages, and knows a cartridge from another",
  async (t, engine) => {
    const machine = new Machine();
    const bench = await ProductBench.start(t, "printer", engine, machine.wired);
    const remaining = async () => Object.values(await bench.slots()).map((slot) => slot.remaining);
    await bench.pass(5 * MINUTE);
    t.deepEqual(await remaining(), [1000, 1000, 1000, 1000]);
    machine.pages += 400;
    await bench.pass(20 * MINUTE);
    t.deepEqual(await remaining(), [800, 750, 750, 750]);

    // Off, while it prints and cyan is exchanged: pages are looked at more often than cartridges, so they are the old one's.
    machine.pages += 80;
    await bench.restart(MINUTE);
    machine.replace("cyan");
    await bench.pass(5 * MINUTE);
    t.deepEqual(await remaining(), [760, 1000, 700, 700]);

    // A large cartridge has more.
    machine.replace("yellow", 1800);
    await bench.pass(5 * MINUTE);
    t.deepEqual(await remaining(), [760, 1000, 700, 1800]);
    const { yellow } = await bench.slots();
    t.is(yellow!.account.refills, 1800);
    t.is(yellow!.account.consumed, 1000);
  },
);

testOnEngines(
  "the ink that runs out is ordered, once and in time, and the others are not",
  async (t, engine) => {
    const machine = new Machine();
    const bench = await ProductBench.start(t, "printer", engine, machine.wired);
    await bench.pass(5 * MINUTE);
    machine.replace("cyan", 4000);
    machine.replace("magenta", 4000);
    machine.replace("yellow", 4000);
    for (let day = 0; day < 30 && !bench.received.some(({ kind }) => kind === "intent"); day++) {
      machine.pages += 80;
      await bench.pass(DAY);
      if (day === 9) await bench.restart(10 * MINUTE);
    }
    await bench.pass(DAY);
    const intents = bench.received.filter((message) => message.kind === "intent");
    t.deepEqual(
      intents.map(({ slot, cycle, quantity }) => ({ slot, cycle, quantity })),
      [{ slot: COLOURS.indexOf("black"), cycle: 1, quantity: 1000 }],
    );
    // 40 steps a day: a week before the last of them at the latest.
    t.true(intents[0]!.remaining >= 7 * 40, String(intents[0]!.remaining));
    t.true(bench.log.includes("printer: a cartridge of black is being ordered"));
    t.true(
      bench.log.some((text) => /^printer: black \d+ %, cyan \d+ %, magenta \d+ %, yellow \d+ %$/.test(text)),
    );
  },
);
