import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { backoff } from "../../../sdk/uplink/backoff.js";
import { MAX_BODY } from "../../../sdk/uplink/guard.js";
import { PACKET } from "../../../sdk/uplink/mqtt.js";
import { SEAL_BYTES } from "../../../sdk/uplink/seal.js";
import { type Outgoing, Session } from "../../../sdk/uplink/session.js";
import { type FakeConnection, FakeMqtt, ManualClock } from "./support.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const PUBLISH = 0;
const DOWN = "everfull/EF-1/down";
/** Everything that a message of 20 bytes takes of the window: topic, headers. */
const MESSAGE_BYTES = 20 + "everfull/EF-1/up".length + 9;

/** A session with a queue that the test fills and acknowledges. */
class Setup {
  readonly clock = new ManualClock();
  readonly mqtt = new FakeMqtt();
  readonly received: Uint8Array[] = [];
  readonly warnings: string[] = [];
  readonly session: Session;
  queue: Outgoing[] = [];
  /** The gateway has more to come. */
  awaiting = false;
  random = 0.5;
  onReceive: (sealed: Uint8Array) => void = () => {};

  constructor(password?: string) {
    this.session = new Session({
      serial: "EF-1",
      broker: { host: "broker.example", port: 1883, ...(password === undefined ? {} : { password }) },
      connect: this.mqtt.connect,
      schedule: this.clock.schedule,
      random: () => this.random,
      outbox: () => this.queue,
      receive: (sealed) => {
        this.received.push(sealed);
        this.onReceive(sealed);
      },
      isSettled: () => this.queue.length === 0 && !this.awaiting,
      warn: (text) => this.warnings.push(text),
    });
  }

  /** Queues messages whose first byte is their sequence. */
  add(...sequences: number[]): void {
    for (const sequence of sequences) this.queue.push(message(sequence));
  }

  addAlone(sequence: number): void {
    this.queue.push({ ...message(sequence), alone: true });
  }

  get last(): FakeConnection {
    return this.mqtt.last;
  }

  /** Sequences that were published on the newest connection, once every turn of the loop that is due has been. */
  get sent(): number[] {
    this.clock.advance(0);
    return this.last.published.map((bytes) => bytes[0]!);
  }

  /** Connects until the subscription is granted. */
  open(): void {
    this.session.start();
    this.last.accept();
    this.last.grant();
  }

  /** The gateway acknowledges everything up to a sequence. */
  acknowledge(seen: number): void {
    this.onReceive = () => {
      this.queue = this.queue.filter(({ sequence }) => sequence > seen);
    };
    this.last.deliver(DOWN, Uint8Array.of(0xac, seen));
    this.onReceive = () => {};
  }

  /** The visit ends well. */
  leave(): void {
    this.queue = [];
    this.awaiting = false;
    this.acknowledge(0);
    this.clock.advance(SECOND);
  }
}

function message(sequence: number): Outgoing {
  return { sequence, alone: false, seal: () => new Uint8Array(20).fill(sequence) };
}

/** What holds after every test: the platform's rules were kept. */
function end(t: ExecutionContext, setup: Setup): void {
  t.deepEqual(setup.mqtt.violations, []);
  t.true(setup.mqtt.connections.slice(0, -1).every(({ alive }) => !alive));
}

test("a visit connects, subscribes, sends in order, waits for the acknowledgement, disconnects and closes", (t) => {
  const setup = new Setup();
  setup.add(1, 2, 3);
  setup.session.start();
  t.like(setup.last.options, {
    host: "broker.example",
    port: 1883,
    id: "EF-1",
    clean: true,
    keepAlive: 2 * MINUTE,
  });
  t.deepEqual(setup.last.written, []);
  t.is(setup.session.visits, 0);

  setup.last.accept();
  t.is(setup.session.visits, 1);
  t.deepEqual(setup.last.written, [
    { data: null, options: { operation: PACKET.SUBSCRIBE, id: 1, items: [{ topic: DOWN, QoS: 1 }] } },
  ]);

  setup.last.grant();
  t.deepEqual(setup.sent, [1, 2, 3]);
  t.deepEqual(
    setup.last.written.slice(1).map(({ options }) => options),
    [2, 3, 4].map((id) => ({ topic: "everfull/EF-1/up", QoS: 1, id })),
  );

  for (const id of [2, 3, 4]) setup.last.acknowledge(id);
  setup.acknowledge(2);
  // The broker's acknowledgement is not the gateway's.
  t.false(setup.last.packets.includes(PACKET.DISCONNECT));
  setup.acknowledge(3);
  t.deepEqual(setup.last.packets, [PACKET.SUBSCRIBE, PUBLISH, PUBLISH, PUBLISH, PACKET.DISCONNECT]);
  t.true(setup.last.alive);
  setup.clock.advance(SECOND);
  t.true(setup.last.closed);
  setup.clock.advance(60 * MINUTE);
  t.is(setup.mqtt.connections.length, 1);
  t.deepEqual(setup.clock.waits, []);
  t.deepEqual(setup.warnings, []);
  t.is(setup.received.length, 2);
  end(t, setup);
});

test("no turn of the loop seals more than one message", (t) => {
  const setup = new Setup();
  let sealed = 0;
  for (let sequence = 1; sequence <= 5; sequence++) {
    setup.queue.push({
      ...message(sequence),
      seal() {
        sealed++;
        return message(sequence).seal();
      },
    });
  }
  setup.open();
  t.is(sealed, 1);
  for (let expected = 2; expected <= 5; expected++) {
    setup.clock.advance(0, () => true);
    t.is(sealed, expected);
  }
  // What the broker says meanwhile is no reason to go faster.
  setup.last.acknowledge(2);
  t.is(sealed, 5);
  t.deepEqual(setup.sent, [1, 2, 3, 4, 5]);
  end(t, setup);
});

test("a turn that is due when the connection is lost sends nothing, and holds nothing up", (t) => {
  const setup = new Setup();
  setup.add(1, 2, 3);
  setup.open();
  setup.last.lose();
  t.deepEqual(setup.sent, [1]);
  setup.clock.advance(MINUTE);
  setup.last.accept();
  setup.last.grant();
  t.deepEqual(setup.sent, [1, 2, 3]);
  end(t, setup);
});

test("nothing is sent before the subscription is granted, whatever the broker says before", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.session.start();
  setup.last.grant();
  setup.last.accept();
  setup.last.acknowledge(1);
  setup.last.writable(1000);
  t.deepEqual(setup.sent, []);
  setup.last.deliver(DOWN, Uint8Array.of(5));
  t.deepEqual(setup.sent, []);
  t.deepEqual(setup.received, [Uint8Array.of(5)]);
  setup.last.grant();
  t.deepEqual(setup.sent, [1]);
  end(t, setup);
});

test("a visit that finds nothing to do leaves at once", (t) => {
  const setup = new Setup();
  setup.open();
  t.deepEqual(setup.last.packets, [PACKET.SUBSCRIBE, PACKET.DISCONNECT]);
  end(t, setup);
});

test("a visit stays while something is still to come, although everything was acknowledged", (t) => {
  const setup = new Setup();
  setup.awaiting = true;
  setup.open();
  setup.last.deliver(DOWN, Uint8Array.of(1));
  t.false(setup.last.packets.includes(PACKET.DISCONNECT));
  setup.awaiting = false;
  setup.last.deliver(DOWN, Uint8Array.of(2));
  t.true(setup.last.packets.includes(PACKET.DISCONNECT));
  end(t, setup);
});

test("after a message that goes alone nothing is sent until it is acknowledged", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.addAlone(2);
  setup.add(3);
  setup.addAlone(4);
  setup.add(5, 6);
  setup.open();
  t.deepEqual(setup.sent, [1, 2]);
  setup.acknowledge(1);
  setup.last.writable(1528);
  setup.session.start();
  t.deepEqual(setup.sent, [1, 2]);
  setup.acknowledge(2);
  t.deepEqual(setup.sent, [1, 2, 3, 4]);
  setup.acknowledge(4);
  t.deepEqual(setup.sent, [1, 2, 3, 4, 5, 6]);
  setup.acknowledge(6);
  t.true(setup.last.packets.includes(PACKET.DISCONNECT));
  end(t, setup);
});

test("a message that goes alone is sent again first in the next visit, and still alone", (t) => {
  const setup = new Setup();
  setup.addAlone(1);
  setup.add(2);
  setup.open();
  setup.last.lose();
  setup.clock.advance(MINUTE);
  setup.last.accept();
  setup.last.grant();
  t.deepEqual(setup.sent, [1]);
  end(t, setup);
});

test("no more is written than there is room for, and the rest follows when there is room again", (t) => {
  const setup = new Setup();
  setup.add(1, 2, 3, 4);
  setup.session.start();
  setup.last.room = 2 * MESSAGE_BYTES;
  setup.last.accept();
  setup.last.grant();
  t.deepEqual(setup.sent, [1, 2]);
  setup.last.writable(MESSAGE_BYTES - 1);
  t.deepEqual(setup.sent, [1, 2]);
  setup.last.writable(MESSAGE_BYTES);
  t.deepEqual(setup.sent, [1, 2, 3]);
  setup.last.writable(1528);
  t.deepEqual(setup.sent, [1, 2, 3, 4]);
  setup.acknowledge(4);
  t.true(setup.last.packets.includes(PACKET.DISCONNECT));
  end(t, setup);
});

test("a window of any sizes sends every message once, in order", (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 30 }), (rooms) => {
      const setup = new Setup();
      setup.add(1, 2, 3, 4, 5, 6);
      setup.session.start();
      setup.last.room = rooms[0]!;
      setup.last.accept();
      setup.last.grant();
      for (const room of rooms) setup.last.writable(room);
      const expected = [1, 2, 3, 4, 5, 6].slice(0, setup.sent.length);
      t.deepEqual(setup.sent, expected);
      setup.last.writable(1528);
      t.deepEqual(setup.sent, [1, 2, 3, 4, 5, 6]);
      end(t, setup);
    }),
  );
});

test("messages that come down in fragments are put together", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  const payload = Uint8Array.from({ length: 133 }, (_, i) => i);
  for (const fragment of [1, 7, 132, 133, 500]) setup.last.deliver(DOWN, payload, fragment);
  t.deepEqual(setup.received, new Array(5).fill(payload));
  end(t, setup);
});

test("a message is taken once it is whole, not while more is to come", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  setup.last.fragment(Uint8Array.of(1, 2), { more: true, topic: DOWN, byteLength: 4 });
  t.deepEqual(setup.received, []);
  setup.last.fragment(Uint8Array.of(3), { more: true });
  t.deepEqual(setup.received, []);
  setup.last.fragment(Uint8Array.of(4), { more: false });
  t.deepEqual(setup.received, [Uint8Array.of(1, 2, 3, 4)]);
  end(t, setup);
});

test("fragments that do not fit together do no harm, and the next message is read", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  // Without a beginning.
  setup.last.fragment(Uint8Array.of(9), { more: false });
  t.deepEqual(setup.received, []);
  // Longer than announced.
  setup.last.fragment(Uint8Array.of(1, 2, 3), { more: true, topic: DOWN, byteLength: 2 });
  setup.last.fragment(Uint8Array.of(4, 5, 6, 7), { more: true });
  setup.last.fragment(Uint8Array.of(8), { more: false });
  // Interrupted by another beginning.
  setup.last.fragment(Uint8Array.of(1), { more: true, topic: DOWN, byteLength: 9 });
  // Without a length: this is all of it.
  setup.last.fragment(Uint8Array.of(5, 6), { more: false, topic: DOWN });
  t.deepEqual(setup.received, [Uint8Array.of(1, 2), Uint8Array.of(5, 6)]);
  end(t, setup);
});

test("a fragment of a message that began on an earlier connection is not part of one", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  setup.last.fragment(Uint8Array.of(1, 2), { more: true, topic: DOWN, byteLength: 4 });
  setup.last.lose();
  setup.open();
  setup.last.fragment(Uint8Array.of(3, 4), { more: false });
  t.deepEqual(setup.received, []);
  end(t, setup);
});

test("a message that is longer than any may be is passed over without room being made for it", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  const largest = new Uint8Array(SEAL_BYTES + MAX_BODY).fill(3);
  setup.last.deliver(DOWN, new Uint8Array(SEAL_BYTES + MAX_BODY + 1), 100);
  setup.last.fragment(new Uint8Array(10), { more: true, topic: DOWN, byteLength: 0xffffffff });
  setup.last.fragment(new Uint8Array(10), { more: false });
  t.deepEqual(setup.received, []);
  t.deepEqual(setup.warnings, [
    "uplink: a message of 278 bytes came down; it is passed over",
    "uplink: a message of 4294967295 bytes came down; it is passed over",
  ]);
  setup.last.deliver(DOWN, largest, 100);
  t.deepEqual(setup.received, [largest]);
  end(t, setup);
});

/** Every way in which a visit fails, up to the moment that the session has noticed. */
const FAILURES: readonly [name: string, warning: RegExp, fail: (setup: Setup) => void][] = [
  [
    "the connection cannot be opened",
    /the connection could not be opened: no network; trying again in 3 s$/,
    (setup) => {
      setup.mqtt.throws = true;
      setup.session.start();
      setup.mqtt.throws = false;
    },
  ],
  [
    "the connection is refused",
    /the connection was refused or lost/,
    (setup) => {
      setup.session.start();
      setup.last.lose();
    },
  ],
  [
    "the broker does not answer",
    /the broker did not answer/,
    (setup) => {
      setup.session.start();
      setup.clock.advance(MINUTE);
    },
  ],
  [
    "the subscription is not granted",
    /the broker did not answer/,
    (setup) => {
      setup.session.start();
      setup.clock.advance(30 * SECOND);
      setup.last.accept();
      setup.clock.advance(30 * SECOND);
    },
  ],
  [
    "the connection is lost while subscribing",
    /the connection was refused or lost/,
    (setup) => {
      setup.session.start();
      setup.last.accept();
      setup.last.lose();
    },
  ],
  [
    "the connection is lost before the acknowledgement",
    /the connection was refused or lost/,
    (setup) => {
      setup.open();
      setup.last.lose();
    },
  ],
  [
    "the gateway does not acknowledge",
    /the gateway did not acknowledge/,
    (setup) => {
      setup.open();
      setup.last.acknowledge(2);
      setup.clock.advance(MINUTE);
    },
  ],
];

for (const [name, warning, fail] of FAILURES) {
  test(`when ${name}, the visit is repeated after a wait, and everything is sent again`, (t) => {
    const setup = new Setup();
    setup.add(1, 2);
    fail(setup);
    t.is(setup.session.failures, 1);
    t.is(setup.warnings.length, 1);
    t.regex(setup.warnings[0]!, warning);
    t.true(setup.mqtt.connections.every(({ alive }) => !alive));
    const before = setup.mqtt.connections.length;
    const wait = backoff(1, 0.5);
    t.deepEqual(setup.clock.waits, [wait]);
    setup.clock.advance(wait - 1);
    t.is(setup.mqtt.connections.length, before);
    setup.clock.advance(1);
    t.is(setup.mqtt.connections.length, before + 1);
    setup.last.accept();
    setup.last.grant();
    t.deepEqual(setup.sent, [1, 2]);
    setup.acknowledge(2);
    setup.clock.advance(SECOND);
    t.is(setup.session.failures, 0);
    t.deepEqual(setup.clock.waits, []);
    end(t, setup);
  });

  test(`when ${name} again and again, waits grow to the cap with the jitter of each, with one warning`, (t) => {
    const setup = new Setup();
    setup.add(1);
    for (let failures = 1; failures <= 14; failures++) {
      setup.random = (failures * 0.37) % 1;
      // start() cuts the wait short.
      fail(setup);
      t.is(setup.session.failures, failures);
      t.deepEqual(setup.clock.waits, [backoff(failures, setup.random)]);
    }
    t.is(setup.warnings.length, 1);
    setup.random = 1 - 2 ** -53;
    fail(setup);
    t.deepEqual(setup.clock.waits, [60 * MINUTE]);
    end(t, setup);
  });
}

test("a visit that went well starts the waits over, and the next failure is told of again", (t) => {
  const setup = new Setup();
  setup.add(1);
  for (let i = 0; i < 6; i++) {
    setup.session.start();
    setup.last.lose();
  }
  setup.open();
  t.is(setup.session.failures, 6);
  setup.leave();
  t.is(setup.session.failures, 0);
  setup.add(2);
  setup.session.start();
  setup.last.lose();
  t.deepEqual(setup.clock.waits, [backoff(1, 0.5)]);
  t.is(setup.warnings.length, 2);
  end(t, setup);
});

test("the time for an answer runs from the last message sent or received", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  setup.clock.advance(59 * SECOND);
  setup.last.deliver(DOWN, Uint8Array.of(1));
  setup.clock.advance(59 * SECOND);
  setup.add(2);
  setup.session.start();
  setup.clock.advance(59 * SECOND);
  t.is(setup.session.failures, 0);
  setup.clock.advance(SECOND);
  t.is(setup.session.failures, 1);
  end(t, setup);
});

test("start() opens one connection, however often it is called and in whatever phase", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.session.start();
  setup.session.start();
  t.is(setup.mqtt.connections.length, 1, "connecting");
  setup.last.accept();
  setup.session.start();
  t.is(setup.mqtt.connections.length, 1, "subscribing");
  t.deepEqual(setup.sent, []);
  setup.last.grant();
  setup.session.start();
  t.deepEqual(setup.sent, [1], "open: nothing is sent twice");
  setup.add(2);
  setup.session.start();
  t.deepEqual(setup.sent, [1, 2], "open: what is new is sent");
  setup.acknowledge(2);
  setup.session.start();
  t.is(setup.mqtt.connections.length, 1, "leaving");
  setup.clock.advance(SECOND);
  t.is(setup.mqtt.connections.length, 1, "idle");
  setup.session.start();
  t.is(setup.mqtt.connections.length, 2, "idle: another visit");
  setup.last.lose();
  setup.session.start();
  t.is(setup.mqtt.connections.length, 3, "waiting: at once");
  t.true(setup.last.alive);
  setup.clock.advance(30 * SECOND);
  t.is(setup.mqtt.connections.length, 3, "the wait that was cut short does not open another");
  setup.session.close();
  setup.session.start();
  t.is(setup.mqtt.connections.length, 3, "closed");
  t.deepEqual(setup.clock.waits, []);
  end(t, setup);
});

test("what is queued while leaving is sent in a visit of its own right after", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  setup.acknowledge(1);
  const [first] = setup.mqtt.connections;
  setup.add(2);
  setup.session.start();
  t.deepEqual(setup.sent, [1]);
  setup.clock.advance(SECOND);
  t.true(first!.closed);
  t.is(setup.mqtt.connections.length, 2);
  setup.last.accept();
  setup.last.grant();
  t.deepEqual(setup.sent, [2]);
  setup.acknowledge(2);
  setup.clock.advance(SECOND);
  t.is(setup.mqtt.connections.length, 2);
  end(t, setup);
});

test("a message that still comes while leaving is taken, and nothing is written after DISCONNECT", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  setup.acknowledge(1);
  setup.last.deliver(DOWN, Uint8Array.of(7));
  setup.last.writable(1528);
  setup.last.grant();
  t.deepEqual(setup.received.at(-1), Uint8Array.of(7));
  t.is(setup.last.packets.at(-1), PACKET.DISCONNECT);
  end(t, setup);
});

test("a broker that closes after DISCONNECT is no failure", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  setup.acknowledge(1);
  setup.last.lose();
  t.is(setup.session.failures, 0);
  t.deepEqual(setup.warnings, []);
  setup.clock.advance(60 * MINUTE);
  t.is(setup.mqtt.connections.length, 1);
  // The client closed itself: there is nothing left to close.
  t.false(setup.last.closed);
  setup.open();
  t.is(setup.mqtt.connections.length, 2);
  end(t, setup);
});

/** Brings a session to where its first connection is over, in each way. */
const OVER: readonly [name: string, setup: () => Setup][] = [
  [
    "another visit has begun",
    () => {
      const setup = new Setup();
      setup.add(1);
      setup.open();
      setup.clock.advance(MINUTE);
      setup.clock.advance(3 * SECOND);
      setup.last.accept();
      setup.last.grant();
      return setup;
    },
  ],
  [
    "the next attempt is waited for",
    () => {
      const setup = new Setup();
      setup.add(1);
      setup.open();
      setup.clock.advance(MINUTE);
      return setup;
    },
  ],
  [
    "the visit is over",
    () => {
      const setup = new Setup();
      setup.open();
      setup.clock.advance(SECOND);
      return setup;
    },
  ],
  [
    "the session is closed",
    () => {
      const setup = new Setup();
      setup.add(1);
      setup.open();
      setup.session.close();
      return setup;
    },
  ],
];

for (const [name, over] of OVER)
  test(`late callbacks of a connection are ignored when ${name}`, (t) => {
    const setup = over();
    const [first] = setup.mqtt.connections;
    const { failures, visits } = setup.session;
    const { waits } = setup.clock;
    const written = setup.mqtt.connections.map((connection) => connection.written.length);
    setup.add(9);
    const { onControl, onReadable, onWritable, onError } = first!.options;
    onWritable(1528);
    onControl({ operation: PACKET.SUBACK });
    onReadable(2, { more: false, topic: DOWN, byteLength: 2 });
    onError();
    t.deepEqual(setup.received, []);
    t.is(setup.session.failures, failures);
    t.is(setup.session.visits, visits);
    t.deepEqual(setup.clock.waits, waits);
    t.deepEqual(
      setup.mqtt.connections.map((connection) => connection.written.length),
      written,
    );
    end(t, setup);
  });

test("a task that runs although it was cancelled does nothing", (t) => {
  const setup = new Setup();
  const late: (() => void)[] = [];
  const session = new Session({
    serial: "EF-1",
    broker: { host: "broker.example", port: 1883 },
    connect: setup.mqtt.connect,
    schedule: (_delay, task) => {
      late.push(task);
      return { cancel: () => {} };
    },
    random: () => 0,
    outbox: () => [],
    receive: () => {},
    isSettled: () => false,
    warn: (text) => setup.warnings.push(text),
  });
  session.start();
  setup.last.lose();
  session.start();
  t.is(setup.mqtt.connections.length, 2);
  late[0]!();
  late[1]!();
  t.is(setup.mqtt.connections.length, 2);
  t.is(session.failures, 1);
  session.close();
  for (const task of late) task();
  t.is(setup.mqtt.connections.length, 2);
  t.is(session.failures, 1);
});

for (const [phase, reach] of [
  ["idle", () => {}],
  ["connecting", (setup: Setup) => setup.session.start()],
  [
    "open",
    (setup: Setup) => {
      setup.add(1);
      setup.open();
    },
  ],
  ["leaving", (setup: Setup) => setup.open()],
  [
    "waiting",
    (setup: Setup) => {
      setup.session.start();
      setup.last.lose();
    },
  ],
] as const)
  test(`closing while ${phase} closes the connection and leaves nothing scheduled`, (t) => {
    const setup = new Setup();
    reach(setup);
    setup.session.close();
    setup.session.close();
    t.true(setup.mqtt.connections.every(({ alive }) => !alive));
    t.deepEqual(setup.clock.waits, []);
    end(t, setup);
  });

test("closing from within a message that came down closes the connection when the client's callback is over", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.open();
  setup.onReceive = () => setup.session.close();
  setup.last.deliver(DOWN, Uint8Array.of(1));
  t.deepEqual(setup.mqtt.violations, []);
  setup.clock.advance(0);
  t.true(setup.last.closed);
  t.deepEqual(setup.sent, [1]);
  t.deepEqual(setup.clock.waits, []);
});

test("packet identifiers are never 0 and start over after 65535", (t) => {
  const setup = new Setup();
  setup.awaiting = true;
  setup.open();
  const seen: number[] = [];
  for (let i = 0; i < 65_540; i++) {
    setup.queue = [{ ...message(i + 1), seal: () => Uint8Array.of(1) }];
    setup.last.room = 1528;
    setup.last.options.onWritable(1528);
    seen.push(setup.last.written.pop()!.options.id!);
  }
  t.is(seen[0], 2);
  t.is(Math.min(...seen.slice(0, 65_534)), 2);
  t.deepEqual(seen.slice(65_533, 65_536), [65_535, 1, 2]);
});

test("the broker is told a password with the serial for a user name, and neither without one", (t) => {
  const told = (password?: string) => {
    const setup = new Setup(password);
    setup.session.start();
    const { user, password: sent } = setup.last.options;
    return [user, sent];
  };
  t.deepEqual(told("swordfish"), ["EF-1", "swordfish"]);
  t.deepEqual(told(), [undefined, undefined]);
});

const LASTING: readonly (readonly [code: number, what: RegExp])[] = [
  [1, /the broker refuses: protocol version; trying again in 1801 s$/],
  [2, /the broker refuses: client identifier; trying again in 1801 s$/],
  [4, /the broker refuses: user name or password; trying again in 1801 s$/],
  [5, /the broker refuses: not authorised; trying again in 1801 s$/],
];

for (const [code, warning] of LASTING)
  test(`a refusal with code ${code} is warned of once, and waited out as long as any failure at most`, (t) => {
    const setup = new Setup();
    setup.add(1);
    setup.session.start();
    for (const random of [0.5, 0, 0.9, 0.25]) {
      setup.random = random;
      setup.last.lose(code);
      t.deepEqual(setup.clock.waits, [Math.floor(HOUR * random) + 1]);
      setup.clock.advance(HOUR, () => true);
    }
    t.is(setup.warnings.length, 1);
    t.regex(setup.warnings[0]!, warning);
    t.is(setup.session.visits, 0);
    t.is(setup.session.failures, 4);
    // Put right, it serves; refused once more, it is news again.
    setup.last.accept();
    setup.last.grant();
    t.deepEqual(setup.sent, [1]);
    setup.leave();
    setup.add(2);
    setup.random = 0.5;
    setup.session.start();
    setup.last.lose(code);
    t.is(setup.warnings.length, 2);
    t.regex(setup.warnings[1]!, warning);
    end(t, setup);
  });

test("another refusal than before is news, also after an outage", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.session.start();
  for (const code of [0, 4, 3, 4, 5, 0, 5]) {
    setup.last.lose(code);
    setup.clock.advance(HOUR, () => true);
  }
  t.deepEqual(
    setup.warnings.map((text) => /refuses: ([^;]*)|refused or lost/.exec(text)![1]),
    [undefined, "user name or password", "not authorised"],
  );
  end(t, setup);
});

for (const code of [3, 0, 6, 255])
  test(`a refusal with code ${code} is an outage as any other`, (t) => {
    const setup = new Setup();
    setup.add(1);
    setup.session.start();
    for (let failures = 1; failures <= 5; failures++) {
      setup.last.lose(code);
      t.deepEqual(setup.clock.waits, [backoff(failures, 0.5)]);
      setup.clock.advance(HOUR, () => true);
    }
    t.is(setup.warnings.length, 1);
    t.regex(setup.warnings[0]!, /the connection was refused or lost; trying again in 3 s$/);
    end(t, setup);
  });

test("what is urgent does not wait for the end of a refusal", (t) => {
  const setup = new Setup();
  setup.add(1);
  setup.session.start();
  setup.last.lose(5);
  setup.session.start();
  t.is(setup.mqtt.connections.length, 2);
  t.true(setup.last.alive);
  end(t, setup);
});

/** What a broker can withhold, and how far it goes with a connection that was just opened. */
const WITHHELD: readonly [what: string, go: (connection: FakeConnection) => void][] = [
  ["answers to connections", () => {}],
  ["subscriptions", (connection) => connection.accept()],
  [
    "acknowledgements",
    (connection) => {
      connection.accept();
      connection.grant();
    },
  ],
];

for (const [what, go] of WITHHELD)
  test(`of a broker that withholds ${what}, a fleet is spread over intervals that double up to an hour`, (t) => {
    const DEVICES = 200;
    const CONNECTS = 14;
    const times = Array.from({ length: DEVICES }, (_, device) => {
      const setup = new Setup();
      const random = mulberry32(device);
      Object.defineProperty(setup, "random", { get: random });
      setup.add(1);
      const at: number[] = [];
      setup.session.start();
      while (at.length < CONNECTS) {
        if (setup.mqtt.connections.length > at.length) {
          at.push(setup.clock.now);
          go(setup.last);
        }
        setup.clock.advance(24 * HOUR, () => setup.mqtt.connections.length > at.length);
      }
      t.is(setup.warnings.length, 1);
      end(t, setup);
      return at;
    });
    for (let n = 1; n < CONNECTS; n++) {
      const bound = Math.min(5 * SECOND * 2 ** (n - 1), HOUR);
      // A minute of it is for the answer that does not come.
      const waits = times.map((at) => at[n]! - at[n - 1]! - MINUTE);
      t.true(
        waits.every((wait) => wait >= 0 && wait <= bound),
        `${n}`,
      );
      // Full jitter: even over all of it. A quarter of 200 is 50, with a standard deviation of 6.
      for (let quarter = 0; quarter < 4; quarter++) {
        const within = waits.filter((wait) => Math.min(3, Math.floor((4 * wait) / bound)) === quarter).length;
        t.true(within >= 25 && within <= 80, `connect ${n}: ${within} of ${DEVICES} in quarter ${quarter}`);
      }
    }
    // At the end nobody keeps step with anybody.
    t.is(new Set(times.map((at) => at.at(-1))).size, DEVICES);
  });

/** Repeatable random numbers from 0 up to but not 1. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
