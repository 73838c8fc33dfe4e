import test from "ava";
import fc from "fast-check";
import { NorFlash } from "../../../hal/simulator/nor-flash.js";
import { ByteReader, ByteWriter } from "../../../sdk/ledger/bytes.js";
import { Ledger } from "../../../sdk/ledger/ledger.js";
import { Codec } from "../../../sdk/uplink/codec.js";
import { Mailbox, NEVER_REPLACED } from "../../../sdk/uplink/mailbox.js";
import type {
  HealthRecord,
  Intent,
  Offered,
  Poll,
  Settled,
  Status,
  UplinkMessage,
} from "../../../sdk/uplink/messages.js";

const codec = new Codec();

const poll = (applied = 0): Poll => ({ kind: "poll", applied });
const status = (slot: number, day: number): Status => ({
  kind: "status",
  slot,
  day,
  consumed: 10 * day,
  remaining: 500,
  onHand: 0,
  runOut: 20,
  early: 2,
  late: 2,
  idle: 0,
  applied: 0,
});
const intent = (slot: number, cycle: number): Intent => ({
  kind: "intent",
  slot,
  cycle,
  day: 100,
  quantity: 1000,
  remaining: 200,
  runOut: 8,
  applied: 0,
});

const health = (day: number): HealthRecord => ({
  kind: "health",
  day,
  version: [1, 2, 3],
  resets: [0, 1, 0, 0, 0, 0, 0],
  leastFree: 20_000,
  mostErases: 4,
  worn: 0,
  damaged: 0,
  dropped: 0,
  clock: "trusted",
  utcOffset: 60,
  settings: 0,
  applied: 0,
});
const settled = (number: number, slot = 0): Settled => ({
  kind: "settled",
  number,
  outcome: slot > 0 ? "epsilon" : "applied",
  slot,
  applied: 0,
});

const offered = (image: number): Offered => ({ kind: "offered", image, outcome: "busy", applied: 0 });

/** A mailbox on a journal, which may be opened again at any moment. */
class Durable {
  readonly flash: NorFlash;
  mailbox!: Mailbox;
  #ledger!: Ledger;
  readonly warnings: string[] = [];

  constructor(flash = new NorFlash({ blockLength: 2048, blocks: 3 })) {
    this.flash = flash;
    this.reopen();
  }

  reopen(): void {
    this.mailbox = new Mailbox(codec);
    this.#ledger = new Ledger({
      flash: this.flash,
      parts: [this.mailbox],
      warn: (text) => this.warnings.push(text),
    });
    this.#ledger.open();
  }

  enqueue(...messages: UplinkMessage[]): void {
    this.#ledger.commit(this.mailbox.enqueue(messages));
  }

  acknowledge(seen: number): void {
    this.#ledger.commit(this.mailbox.acknowledge(seen));
  }

  withdraw(slot: number): void {
    this.#ledger.commit(this.mailbox.withdraw(slot));
  }

  receive(sequence: number, applied: number): void {
    this.#ledger.commit([this.mailbox.receive(sequence, applied)]);
  }

  get commits(): number {
    return this.#ledger.commits;
  }

  /** Sequence and message of everything queued. */
  get queue(): [sequence: number, message: UplinkMessage][] {
    return this.mailbox.queue.map(({ sequence, body }) => [sequence, codec.decodeUplink(body)]);
  }
}

test("sequences rise by one with every message, also across restarts and after everything was acknowledged", (t) => {
  const durable = new Durable();
  durable.enqueue(poll(), status(0, 1), intent(0, 1));
  t.deepEqual(
    durable.queue.map(([sequence]) => sequence),
    [1, 2, 3],
  );
  durable.reopen();
  durable.acknowledge(3);
  t.deepEqual(durable.queue, []);
  durable.reopen();
  durable.enqueue(status(0, 2));
  durable.reopen();
  t.deepEqual(durable.queue, [[4, status(0, 2)]]);
});

test("a status replaces the one of its slot that was not acknowledged, and is counted as dropped", (t) => {
  const durable = new Durable();
  durable.enqueue(status(0, 1), status(1, 1));
  durable.enqueue(status(0, 2));
  t.deepEqual(durable.queue, [
    [2, status(1, 1)],
    [3, status(0, 2)],
  ]);
  t.is(durable.mailbox.dropped, 1);
  durable.reopen();
  t.is(durable.mailbox.dropped, 1);
  durable.acknowledge(3);
  durable.enqueue(status(0, 3));
  t.is(durable.mailbox.dropped, 1);
});

test("a poll replaces a poll, and nothing else", (t) => {
  const durable = new Durable();
  durable.enqueue(poll(1), status(0, 1), status(22, 1), poll(2));
  t.deepEqual(durable.queue, [
    [2, status(0, 1)],
    [3, status(22, 1)],
    [4, poll(2)],
  ]);
  t.is(durable.mailbox.dropped, 1);
});

test("a health record replaces a health record, an answer to settings or to an image one of its kind, and nothing else", (t) => {
  const durable = new Durable();
  durable.enqueue(offered(1), health(1), settled(1), status(22, 1), poll(1));
  durable.enqueue(health(2), settled(2, 22), offered(2));
  const left = [
    [4, status(22, 1)],
    [5, poll(1)],
    [6, health(2)],
    [7, settled(2, 22)],
    [8, offered(2)],
  ];
  t.deepEqual(durable.queue, left as typeof durable.queue);
  t.is(durable.mailbox.dropped, 3);
  durable.reopen();
  t.deepEqual(durable.queue, left as typeof durable.queue);
  durable.withdraw(22);
  t.is(durable.queue.length, 5);
});

test("it is reported when no status waits, whatever else does", (t) => {
  const durable = new Durable();
  durable.enqueue(poll(1), intent(22, 1), health(1), settled(1), offered(1));
  t.true(durable.mailbox.isReported);
  for (const slot of [0, 22]) {
    durable.enqueue(status(slot, 1));
    t.false(durable.mailbox.isReported);
    durable.reopen();
    t.false(durable.mailbox.isReported);
    durable.acknowledge(durable.mailbox.lastSequence);
    t.true(durable.mailbox.isReported);
  }
});

test("intents stay until they are acknowledged, also several of one slot, and only they are never replaced", (t) => {
  const durable = new Durable();
  for (let cycle = 1; cycle <= 5; cycle++) durable.enqueue(status(0, cycle), intent(0, cycle));
  durable.reopen();
  t.deepEqual(
    durable.mailbox.queue.map(({ replaces, sequence }) => [sequence, replaces === NEVER_REPLACED]),
    [
      [2, true],
      [4, true],
      [6, true],
      [8, true],
      [9, false],
      [10, true],
    ],
  );
  t.deepEqual(
    durable.queue.flatMap(([, message]) => (message.kind === "intent" ? [message.cycle] : [])),
    [1, 2, 3, 4, 5],
  );
});

test("an order that is withdrawn is gone, its sequence is not given again, and the rest stays", (t) => {
  const durable = new Durable();
  durable.enqueue(poll(), intent(0, 1), status(0, 1), intent(1, 1));
  durable.withdraw(1);
  durable.withdraw(2);
  const left = [
    [1, poll()],
    [2, intent(0, 1)],
    [3, status(0, 1)],
  ];
  t.deepEqual(durable.queue, left);
  durable.reopen();
  t.deepEqual(durable.queue, left);
  durable.enqueue(intent(1, 2));
  t.deepEqual(durable.queue.at(-1), [5, intent(1, 2)]);
  durable.acknowledge(5);
  t.deepEqual(durable.mailbox.withdraw(1), []);
});

test("everything up to the acknowledged sequence goes, and nothing after it", (t) => {
  const durable = new Durable();
  durable.enqueue(status(0, 1), intent(0, 1), status(1, 1), poll());
  durable.acknowledge(2);
  t.deepEqual(
    durable.queue.map(([sequence]) => sequence),
    [3, 4],
  );
  durable.reopen();
  t.deepEqual(
    durable.queue.map(([sequence]) => sequence),
    [3, 4],
  );
});

test("an acknowledgement of what has long been acknowledged writes nothing", (t) => {
  const durable = new Durable();
  durable.enqueue(poll());
  durable.acknowledge(1);
  const { commits } = durable;
  durable.acknowledge(1);
  durable.acknowledge(0);
  t.is(durable.commits, commits);
  durable.enqueue(poll());
  durable.acknowledge(1);
  t.is(durable.commits, commits + 1);
});

test("when the gateway has seen more than was ever sent, the queue is numbered anew, bodies unchanged, without intents", (t) => {
  const durable = new Durable();
  durable.enqueue(status(0, 1), intent(0, 1), status(1, 1));
  durable.acknowledge(5000);
  const expected: [number, UplinkMessage][] = [
    [5001, status(0, 1)],
    [5002, status(1, 1)],
  ];
  t.deepEqual(durable.queue, expected);
  durable.reopen();
  t.deepEqual(durable.queue, expected);
  durable.acknowledge(5001);
  durable.enqueue(poll());
  t.deepEqual(
    durable.queue.map(([sequence]) => sequence),
    [5002, 5003],
  );
});

test("with nothing queued, what comes after a higher sequence of the gateway is above it", (t) => {
  const durable = new Durable();
  durable.acknowledge(77);
  durable.enqueue(poll());
  t.deepEqual(durable.queue, [[78, poll()]]);
});

test("what was received and applied lasts", (t) => {
  const durable = new Durable();
  durable.receive(9, 4);
  t.deepEqual([durable.mailbox.received, durable.mailbox.applied], [9, 4]);
  durable.reopen();
  t.deepEqual([durable.mailbox.received, durable.mailbox.applied], [9, 4]);
});

test("a message outside its bounds is refused before anything is queued", (t) => {
  const durable = new Durable();
  t.throws(() => durable.enqueue(poll(), status(23, 1)), { code: "range", message: /^slot: .*\(got 23\)$/ });
  t.deepEqual(durable.queue, []);
  durable.enqueue(poll());
  t.deepEqual(durable.queue, [[1, poll()]]);
});

test("a queued body holds on to nothing but its bytes, also after a restart", (t) => {
  const durable = new Durable();
  durable.enqueue(status(0, 1), intent(0, 1));
  for (let i = 0; i < 2; i++) {
    for (const { body } of durable.mailbox.queue) t.is(body.buffer.byteLength, body.length);
    durable.reopen();
  }
});

test("records of other parts are left to them", (t) => {
  t.false(new Mailbox(codec).replay(1, new ByteReader(new Uint8Array(8))));
});

type Step =
  | { readonly kind: "enqueue"; readonly messages: readonly UplinkMessage[] }
  /** Share of what was given out that is acknowledged; above 1 by a gateway that has seen more. */
  | { readonly kind: "acknowledge"; readonly share: number }
  | { readonly kind: "withdraw"; readonly slot: number }
  | { readonly kind: "receive"; readonly applied: number }
  | { readonly kind: "reopen" };

const anyMessage = fc.oneof(
  fc.nat(9).map(poll),
  fc.nat(400).map(health),
  fc.nat(9).map(offered),
  fc.tuple(fc.integer({ min: 1, max: 99 }), fc.nat(3)).map(([number, slot]) => settled(number, slot)),
  fc.tuple(fc.nat(3), fc.nat(400)).map(([slot, day]) => status(slot, day)),
  fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 9 })).map(([slot, cycle]) => intent(slot, cycle)),
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(anyMessage, { minLength: 1, maxLength: 3 })
      .map((messages) => ({ kind: "enqueue" as const, messages })),
  },
  {
    weight: 3,
    arbitrary: fc
      .double({ min: 0, max: 1.2, noNaN: true })
      .map((share) => ({ kind: "acknowledge" as const, share })),
  },
  { weight: 1, arbitrary: fc.nat(3).map((slot) => ({ kind: "withdraw" as const, slot })) },
  { weight: 1, arbitrary: fc.nat(60_000).map((applied) => ({ kind: "receive" as const, applied })) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

/** What a mailbox is, in the words of the README. */
class Model {
  queue: [sequence: number, message: UplinkMessage][] = [];
  last = 0;
  dropped = 0;
  received = 0;
  applied = 0;

  enqueue(message: UplinkMessage): void {
    const kept = this.queue.filter(([, { kind, ...fields }]) => {
      if (kind !== message.kind || kind === "intent") return true;
      return kind === "status" && "slot" in fields && fields.slot !== (message as Status).slot;
    });
    this.dropped += this.queue.length - kept.length;
    this.queue = [...kept, [++this.last, message]];
  }

  acknowledge(seen: number): void {
    if (seen <= this.last) this.queue = this.queue.filter(([sequence]) => sequence > seen);
    else {
      this.last = seen;
      this.queue = this.queue
        .filter(([, { kind }]) => kind !== "intent")
        .map(([, message]) => [++this.last, message]);
    }
  }
}

test("after any history the mailbox is what its model is, before and after a restart", (t) => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 10, maxLength: 60 }), (steps) => {
      const durable = new Durable();
      const model = new Model();
      const given = new Set<number>();
      let highest = 0;
      const check = () => {
        t.deepEqual(durable.queue, model.queue);
        t.is(durable.mailbox.dropped, model.dropped);
        t.is(durable.mailbox.received, model.received);
        t.is(durable.mailbox.applied, model.applied);
      };
      for (const [index, step] of steps.entries()) {
        switch (step.kind) {
          case "enqueue":
            durable.enqueue(...step.messages);
            for (const message of step.messages) model.enqueue(message);
            break;
          case "acknowledge": {
            const seen = Math.floor(model.last * step.share);
            durable.acknowledge(seen);
            model.acknowledge(seen);
            break;
          }
          case "withdraw":
            durable.withdraw(step.slot);
            model.queue = model.queue.filter(
              ([, message]) => message.kind !== "intent" || message.slot !== step.slot,
            );
            break;
          case "receive":
            durable.receive(index + 1, step.applied);
            model.received = index + 1;
            model.applied = step.applied;
            break;
          case "reopen":
            durable.reopen();
        }
        check();
        for (const { sequence } of durable.mailbox.queue)
          if (!given.has(sequence)) {
            t.true(sequence > highest, "a sequence is never given twice");
            given.add(sequence);
            highest = sequence;
          }
      }
      durable.reopen();
      check();
      t.deepEqual(durable.warnings, []);
    }),
    { numRuns: 60 },
  );
});

test("a mailbox that is saved and loaded is the same, to the byte and ever after", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyMessage, { maxLength: 4 }), { maxLength: 8 }),
      fc.nat(40),
      (batches, seen) => {
        const durable = new Durable();
        for (const batch of batches) durable.enqueue(...batch);
        durable.acknowledge(seen);
        durable.receive(3, 2);
        const saved = new ByteWriter();
        durable.mailbox.save(saved);
        const other = new Mailbox(codec);
        other.load(new ByteReader(saved.view()));
        t.deepEqual(other.queue, durable.mailbox.queue);
        const again = new ByteWriter();
        other.save(again);
        t.deepEqual(again.view(), saved.view());
        const records = [durable.mailbox, other].map((mailbox) => {
          const to = new ByteWriter();
          for (const record of mailbox.enqueue([intent(1, 1)])) record.write(to);
          return to.view();
        });
        t.deepEqual(records[0], records[1]);
      },
    ),
    { numRuns: 50 },
  );
});
