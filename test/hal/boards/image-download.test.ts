import { register } from "node:module";
import test from "ava";
import type { FetchImage } from "../../../sdk/update/index.js";

interface Request {
  readonly path: string;
  readonly headers: Map<string, string>;
  onHeaders(status: number): void;
  onReadable(this: { read(count: number): ArrayBuffer | undefined }, count: number): void;
  onDone(error: Error | null): void;
}

/** What stands for the SDK's HTTP client. */
class FakeClient {
  static opened: FakeClient[] = [];
  readonly options: {
    host: string;
    port: number;
    dns: { io: new () => { resolve(request: object): void } };
    onError(): void;
  };
  readonly requests: Request[] = [];
  isClosed = false;

  constructor(options: FakeClient["options"]) {
    this.options = options;
    FakeClient.opened.push(this);
  }

  request(options: Request): void {
    this.requests.push(options);
  }

  close(): void {
    this.isClosed = true;
  }

  /** An answer in parts, as the SDK's client gives it. */
  answer(status: number, ...parts: readonly Uint8Array[]): void {
    const request = this.requests.at(-1)!;
    request.onHeaders(status);
    for (const part of parts)
      request.onReadable.call({ read: () => part.slice().buffer as ArrayBuffer }, part.length);
    request.onDone(null);
  }
}

const timers: (() => void)[] = [];
const lookups: { onResolved(host: string, address: string): void }[] = [];
const stand = {
  client: FakeClient,
  timer: { set: (task: () => void) => void timers.push(task) },
  resolver: class {
    resolve(request: (typeof lookups)[number]) {
      lookups.push(request);
    }
  },
  none: class {},
};
(globalThis as Record<string, unknown>).downloadStand = stand;
const NAMES: Record<string, keyof typeof stand> = {
  "embedded:network/http/client": "client",
  "embedded:network/dns/resolver/udp": "resolver",
  "embedded:io/socket/tcp": "none",
  "embedded:io/socket/udp": "none",
  timer: "timer",
};
const hooks = `
const names = ${JSON.stringify(NAMES)};
export async function resolve(specifier, context, next) {
  return specifier in names ? { url: "stand-in:" + specifier, shortCircuit: true } : next(specifier, context);
}
export async function load(url, context, next) {
  if (!url.startsWith("stand-in:")) return next(url, context);
  const source = "export default globalThis.downloadStand." + names[url.slice("stand-in:".length)] + ";";
  return { format: "module", shortCircuit: true, source };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
const { imageDownload } = (await import(
  "../../../hal/boards/moddable/download/image-download.js" as string
)) as { imageDownload(source: object): FetchImage };

const DIGEST = Uint8Array.from({ length: 32 }, (_, i) => i);

function start(isConnected = true) {
  FakeClient.opened = [];
  timers.length = lookups.length = 0;
  const fetch = imageDownload({
    host: "images.example",
    folder: "/soap/",
    servers: ["1.1.1.1"],
    isConnected: () => isConnected,
  });
  const results: (Uint8Array | undefined)[] = [];
  const ask = (offset = 4096, length = 6) =>
    fetch({ digest: DIGEST, offset, length, onDone: (bytes) => results.push(bytes) });
  const turn = () => {
    for (const task of timers.splice(0)) task();
  };
  return { ask, results, turn, client: () => FakeClient.opened.at(-1)! };
}

test.serial("a part is asked for by the image's digest, and put together", (t) => {
  const { ask, results, client } = start();
  ask();
  const { options, requests } = client();
  t.is(options.host, "images.example");
  t.is(options.port, 80);
  t.is(requests[0]!.path, `/soap/${Buffer.from(DIGEST).toString("hex")}`);
  t.deepEqual([...requests[0]!.headers], [["range", "bytes=4096-4101"]]);
  client().answer(206, Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4, 5, 6));
  t.deepEqual(results, [Uint8Array.of(1, 2, 3, 4, 5, 6)]);
  // The next one over the same connection.
  ask(8192);
  client().answer(206, new Uint8Array(6));
  t.is(results.length, 2);
  t.is(FakeClient.opened.length, 1);
});

test.serial(
  "the whole image, an error, too little and too much are no answer, and end the connection",
  (t) => {
    for (const [status, ...parts] of [
      [200, new Uint8Array(9000)],
      [404, new Uint8Array(6)],
      [206, new Uint8Array(5)],
      [206, new Uint8Array(6), new Uint8Array(1)],
    ] as const) {
      const { ask, results, turn, client } = start();
      ask();
      const first = client();
      first.answer(status, ...parts);
      t.deepEqual(results, [undefined]);
      // Not from within its callback.
      t.false(first.isClosed);
      turn();
      t.true(first.isClosed);
      ask();
      t.not(client(), first);
      client().answer(206, new Uint8Array(6));
      t.is(results.length, 2);
      t.truthy(results[1]);
    }
  },
);

test.serial("a connection that is lost ends the request once, and another is opened for the next", (t) => {
  const { ask, results, client } = start();
  ask();
  const first = client();
  first.requests[0]!.onHeaders(206);
  first.requests[0]!.onDone(new Error());
  first.options.onError();
  t.deepEqual(results, [undefined]);
  ask();
  t.not(client(), first);

  // Lost between two requests.
  const other = start();
  other.ask();
  other.client().answer(206, new Uint8Array(6));
  const idle = other.client();
  idle.options.onError();
  t.is(other.results.length, 1);
  other.ask();
  t.not(other.client(), idle);
});

test.serial("a request that was given up is not heard of again", (t) => {
  const { ask, results, turn, client } = start();
  const request = ask();
  const first = client();
  request.cancel();
  first.answer(206, new Uint8Array(6));
  turn();
  t.true(first.isClosed);
  t.deepEqual(results, []);
});

test.serial("without a network nothing is asked for", (t) => {
  const { ask, results, turn } = start(false);
  ask();
  t.deepEqual(results, []);
  turn();
  t.deepEqual(results, [undefined]);
  t.deepEqual(FakeClient.opened, []);
});

test.serial("a name that is found after the connection was closed opens nothing", (t) => {
  const { ask, turn, client } = start();
  const request = ask();
  const resolved: string[] = [];
  const lookup = { host: "images.example", onResolved: () => resolved.push("yes"), onError: () => {} };
  new (client().options.dns.io)().resolve(lookup);
  request.cancel();
  turn();
  lookups[0]!.onResolved("images.example", "10.0.0.1");
  t.deepEqual(resolved, []);
});
