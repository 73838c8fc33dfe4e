import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "./errors.js";
import type { Agenda } from "./state/agenda.js";
import { uuid } from "./state/identifiers.js";

/** Largest request body, in bytes. */
export const BODY_LIMIT = 65_536;

/** What a handler gets to see of a request. */
export interface HttpCall {
  /** Repeated to the client in X-Amzn-Requestid. */
  readonly requestId: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body, or undefined when it is larger than {@link BODY_LIMIT}. */
  body(): Promise<string | undefined>;
}

export interface HttpReply {
  readonly status: number;
  /** Reason phrase, where it is not the usual one. */
  readonly phrase?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; this and `text` left out: a body of length 0. */
  readonly json?: unknown;
  readonly text?: string;
  /** Of `text`. */
  readonly type?: string;
  /** Ms of the host's time that the answer is held back. */
  readonly delay?: number;
  /** The connection is closed in place of an answer. */
  readonly isLost?: boolean;
}

export interface HttpOptions {
  host: string;
  port: number;
  agenda: Agenda;
  /** Goes into every request id, see SandboxOptions.run. */
  run: string;
  /** Has to answer whatever happens; if it rejects, the connection is dropped. */
  handle: (call: HttpCall) => Promise<HttpReply>;
}

export interface HttpListener {
  /** Without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws SandboxError LISTEN_FAILED */
export async function listen(options: HttpOptions): Promise<HttpListener> {
  const { host, port, agenda, run, handle } = options;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const requestId = uuid("request", run, requests);
    const [path = "", ...more] = (request.url ?? "").split("?");
    const query = more.join("?");
    const call: HttpCall = {
      requestId,
      method: request.method ?? "",
      path,
      query: new URLSearchParams(query),
      headers: request.headers,
      body: () => readBody(request),
    };
    handle(call).then(
      async (reply) => {
        if (reply.delay !== undefined) await delay(reply.delay, undefined, { ref: false });
        if (reply.isLost) {
          response.destroy();
          return;
        }
        const date = new Date(agenda.now()).toUTCString();
        const body = reply.json === undefined ? (reply.text ?? "") : JSON.stringify(reply.json);
        const headers: Record<string, string | number> = {
          "X-Amzn-Requestid": requestId,
          "X-Amz-Date": date,
          // or Node would add the host's own time, which nothing else in a simulation runs on
          Date: date,
          ...reply.headers,
          "Content-Length": Buffer.byteLength(body),
        };
        if (body !== "") headers["Content-Type"] = reply.type ?? "application/json";
        if (reply.phrase === undefined) response.writeHead(reply.status, headers);
        else response.writeHead(reply.status, reply.phrase, headers);
        response.end(body);
      },
      () => response.destroy(),
    );
  });
  await listening(server, host, port);
  const address = server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return { url: `http://${name}:${address.port}`, close: () => closed(server) };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new SandboxError("LISTEN_FAILED", `cannot listen on ${host}, port ${port}: ${cause.message}`, {
          cause,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) {
        chunks.push(chunk);
        return;
      }
      // keep reading and forget: a client that is still sending would miss the answer if the socket closed
      chunks.length = 0;
      resolve(undefined);
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}
