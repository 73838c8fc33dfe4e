import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { GatewayError, reason } from "./errors.js";

export interface EndpointOptions {
  /** For messages, such as `admin`. */
  readonly name: string;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** How long requests that are under way may take when it closes, in milliseconds. */
  readonly patience: number;
  readonly handle: RequestListener;
}

/** Where the gateway is asked over HTTP. */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #server: Server;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#server = createServer(options.handle);
  }

  /** @throws {GatewayError} `endpoint` */
  async listen(): Promise<void> {
    const { name, host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) =>
        reject(
          new GatewayError(
            "endpoint",
            `${name} endpoint ${host}:${port}: cannot listen: ${reason(error)}`,
            error,
          ),
        ),
      );
      this.#server.listen(port, host, resolve);
    });
  }

  /** Without a slash at the end. */
  get url(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("the endpoint does not listen");
    const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${host}:${address.port}`;
  }

  /** Takes no further requests, and resolves when those under way are answered. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    // A sender that has stopped in the middle of a request would hold the gateway open.
    const timer = setTimeout(() => this.#server.closeAllConnections(), this.#options.patience);
    await closed;
    clearTimeout(timer);
  }
}

/** The body of a request as text. Undefined: it is longer than `most` bytes. */
export async function bodyOf(request: IncomingMessage, most: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // The rest is read and thrown away: a sender that is still sending would not see the answer.
    if (length <= most) chunks.push(chunk);
  }
  return length <= most ? Buffer.concat(chunks).toString("utf8") : undefined;
}
