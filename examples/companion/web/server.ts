import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { CompanionError } from "../errors.js";

/** Largest form, in bytes. */
const MOST_BYTES = 16 * 1024;

export interface WebCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The form that was sent; undefined: it is too large, or no form. */
  form(): Promise<URLSearchParams | undefined>;
}

export interface WebReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type WebHandler = (call: WebCall) => Promise<WebReply>;

export interface WebServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** From now on; before, and when a handler rejects, visitors are told to try again. */
  serve(handler: WebHandler): void;
  close(): Promise<void>;
}

export interface WebServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Told what a handler rejected with. */
  readonly onError?: (error: unknown) => void;
}

/** @throws {CompanionError} `listen` */
export async function openServer(options: WebServerOptions = {}): Promise<WebServer> {
  const { host = "127.0.0.1", port = 0, onError = () => {} } = options;
  const later: WebReply = {
    status: 503,
    headers: { "Content-Type": "text/plain; charset=utf-8", "Retry-After": "5" },
    body: "Something went wrong here. Please try again.\n",
  };
  let handle: WebHandler = async () => later;
  const server = createServer((request, response) => {
    const [path = "", ...more] = (request.url ?? "").split("?");
    const call: WebCall = {
      method: request.method ?? "",
      path,
      query: new URLSearchParams(more.join("?")),
      headers: request.headers,
      form: () => readForm(request),
    };
    handle(call)
      .catch((error) => {
        onError(error);
        return later;
      })
      .then(({ status, headers = {}, body = "" }) => {
        response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) }).end(body);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new CompanionError("listen", `${host}:${port}: cannot listen: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`,
    serve(handler) {
      handle = handler;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The rest is read and thrown away: a browser that is still sending would not see the answer.
    if (length <= MOST_BYTES) chunks.push(chunk);
  }
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers["content-type"] ?? "");
  return isForm && length <= MOST_BYTES
    ? new URLSearchParams(Buffer.concat(chunks).toString("utf8"))
    : undefined;
}
