import test from "ava";
import fc from "fast-check";
import { NOT_BEGUN, NorFlash } from "../../../hal/simulator/nor-flash.js";
import {
  type ByteReader,
  type ByteWriter,
  Ledger,
  LedgerError,
  type LedgerRecord,
  type Part,
  RECORD,
} from "../../../sdk/ledger/index.js";

const ADD = 101;
const PUSH = 102;
const DROP = 103;
const UNKNOWN = 200;

/** A part that is a sum. */
class Sum implements Part {
  value = 0;

  replay(kind: number, record: ByteReader): boolean {
    if (kind !== ADD) return false;
    this.value += record.signed();
    return true;
  }

  save(to: ByteWriter): void {
    to.signed(this.value);
  }

  load(from: ByteReader): void {
    this.value = from.signed();
  }
}

/** A part that is a queue of texts. */
class Queue implements Part {
  texts: string[] = [];

  replay(kind: number, record: ByteReader): boolean {
    if (kind === PUSH) this.texts.push(Buffer.from(record.bytes()).toString());
    else if (kind === DROP) this.texts.splice(0, record.count());
    else return false;
    return true;
  }

  save(to: ByteWriter): void {
    to.count(this.texts.length);
    for (const text of this.texts) to.bytes(Buffer.from(text));
  }

  load(from: ByteReader): void {
    this.texts = Array.from({ length: from.count() }, () => Buffer.from(from.bytes()).toString());
  }
}

function add(value: number): LedgerRecord {
  return { kind: ADD, write: (to) => to.signed(value) };
}

function push(text: string): LedgerRecord {
  return { kind: PUSH, write: (to) => to.bytes(Buffer.from(text)) };
}

function drop(count: number): LedgerRecord {
  return { kind: DROP, write: (to) => to.count(count) };
}

function unknown(bytes: Uint8Array): LedgerRecord {
  return {
    kind: UNKNOWN,
    write: (to) => {
      for (const byte of bytes) to.byte(byte);
    },
  };
}

class Opened {
  readonly sum = new Sum();
  readonly queue = new Queue();
  readonly warnings: string[] = [];
  readonly ledger: Ledger;

  constructor(flash: NorFlash) {
    this.ledger = new Ledger({
      flash,
      parts: [this.sum, this.queue],
      warn: (text) => this.warnings.push(text),
    });
    this.ledger.open();
  }

  get state(): string {
    return JSON.stringify([this.sum.value, this.queue.texts]);
  }
}

test("checkpoint and replay give the live state, after any history with reopening anywhere", (t) => {
  const record = fc.oneof(
    fc.record({ type: fc.constant("add" as const), value: fc.integer({ min: -1e9, max: 1e9 }) }),
    fc.record({ type: fc.constant("push" as const), value: fc.string({ maxLength: 12 }) }),
    fc.record({ type: fc.constant("drop" as const), value: fc.nat(6) }),
    fc.record({ type: fc.constant("unknown" as const), value: fc.uint8Array({ maxLength: 20 }) }),
  );
  const step = fc.record({
    records: fc.array(record, { maxLength: 5 }),
    reopen: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 3, max: 5 }), (steps, blocks) => {
      const flash = new NorFlash({ blocks, blockLength: 512 });
      let opened = new Opened(flash);
      let sum = 0;
      let texts: string[] = [];
      for (const { records, reopen } of steps) {
        opened.ledger.commit(
          records.map((each) => {
            switch (each.type) {
              case "add":
                sum += each.value;
                return add(each.value);
              case "push":
                texts.push(each.value);
                return push(each.value);
              case "drop":
                texts = texts.slice(each.value);
                return drop(each.value);
              default:
                return unknown(each.value);
            }
          }),
        );
        // The state must fit in a block.
        if (texts.length > 8) {
          opened.ledger.commit([drop(8)]);
          texts = texts.slice(8);
        }
        if (opened.state !== JSON.stringify([sum, texts])) return false;
        if (!reopen) continue;
        opened = new Opened(flash);
        if (opened.state !== JSON.stringify([sum, texts]) || opened.warnings.length > 0) return false;
      }
      return new Opened(flash).state === JSON.stringify([sum, texts]);
    }),
    { numRuns: 200 },
  );
  t.pass();
});

test("records of a kind that this firmware does not know are passed over", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  new Opened(flash).ledger.commit([
    add(1),
    unknown(Uint8Array.of(ADD, 1, 2, 3)),
    add(2),
    unknown(new Uint8Array()),
  ]);
  t.is(new Opened(flash).sum.value, 3);
  const older = new Sum();
  const ledger = new Ledger({ flash, parts: [older], warn: () => {} });
  ledger.open();
  ledger.commit([push("for a part that is not there"), add(4)]);
  t.is(older.value, 7);
});

test("what a part leaves unread of its record does not reach the next", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const longer: LedgerRecord = {
    kind: ADD,
    write: (to) => {
      to.signed(5);
      to.bytes(Uint8Array.of(PUSH, 1, 2, 3));
    },
  };
  const opened = new Opened(flash);
  opened.ledger.commit([longer, add(6)]);
  t.is(opened.state, "[11,[]]");
  t.is(new Opened(flash).state, "[11,[]]");
});

test("an empty commit writes nothing", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const { ledger } = new Opened(flash);
  const { written } = flash;
  ledger.commit([]);
  t.deepEqual([flash.written, ledger.commits], [written, 0]);
});

test("commits and erases are counted since opening", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 256 });
  const { ledger } = new Opened(flash);
  t.deepEqual([ledger.commits, ledger.erases], [0, 2]);
  for (let i = 0; i < 40; i++) ledger.commit([add(i), add(1000)]);
  t.is(ledger.commits, 40);
  t.is(
    ledger.erases,
    flash.erases.reduce((sum, each) => sum + each, 0),
  );
  t.true(ledger.erases > 2);
});

test("a refused commit changes no part", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 256 });
  const opened = new Opened(flash);
  opened.ledger.commit([add(1)]);
  flash.refuse = ({ kind }) => (kind === "write" ? NOT_BEGUN : undefined);
  const before = opened.state;
  t.is(t.throws(() => opened.ledger.commit([add(2), push("x")]), { instanceOf: LedgerError }).code, "flash");
  t.is(opened.state, before);
  flash.refuse = undefined;
  t.is(
    t.throws(() => opened.ledger.commit([push("x".repeat(300))]), { instanceOf: LedgerError }).code,
    "full",
  );
  t.is(t.throws(() => opened.ledger.commit([add(2), drop(-1)]), { instanceOf: LedgerError }).code, "record");
  t.deepEqual([opened.state, opened.ledger.commits], [before, 1]);
});

test("a checkpoint of fewer parts than this firmware has is read, as is one of more", (t) => {
  const flash = new NorFlash({ blocks: 3, blockLength: 512 });
  const warn = () => {};
  new Opened(flash).ledger.commit([add(9)]);
  const first = new Sum();
  new Ledger({ flash, parts: [first], warn }).open();
  t.is(first.value, 9);
  const parts = [new Sum(), new Queue(), new Sum()] as const;
  new Ledger({ flash, parts, warn }).open();
  t.deepEqual([parts[0].value, parts[2].value], [9, new Sum().value]);
});

test("no two record kinds have the same number, and each fits in a byte", (t) => {
  const numbers = Object.values(RECORD);
  t.is(new Set(numbers).size, numbers.length);
  t.true(numbers.every((number) => Number.isInteger(number) && number > 0 && number < 256));
  t.true(Object.isFrozen(RECORD));
});
