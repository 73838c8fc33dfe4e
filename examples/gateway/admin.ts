import { Endpoint } from "./endpoint.js";
import type { Readiness } from "./readiness.js";

/** Longest wait for a request that is under way when the endpoint closes, in milliseconds. */
const CLOSE_MS = 1_000;

export interface AdminOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: () => string;
}

/** What operators and their tools ask over HTTP; on an address of its own, as it is not for the public. */
export class Admin extends Endpoint {
  readonly #options: AdminOptions;

  constructor(options: AdminOptions) {
    const { host, port } = options;
    super({
      name: "admin",
      host,
      port,
      patience: CLOSE_MS,
      handle: (request, response) => {
        this.#answer(request.method, request.url?.split("?")[0]).then(
          ([status, type, text]) => {
            // One connection each: a question every few seconds is not worth one that is kept.
            response.writeHead(status, {
              "content-type": type,
              "cache-control": "no-store",
              connection: "close",
            });
            response.end(request.method === "HEAD" ? undefined : text);
          },
          () => response.destroy(),
        );
      },
    });
    this.#options = options;
  }

  async #answer(method = "", path = ""): Promise<[status: number, type: string, text: string]> {
    const plain = "text/plain; charset=utf-8";
    if (method !== "GET" && method !== "HEAD") return [405, plain, "only GET and HEAD are accepted\n"];
    // Alive is whoever answers: what is wrong with the database or the broker, a restart does not cure.
    if (path === "/healthz") return [200, plain, "ok\n"];
    if (path === "/readyz") {
      const { ready, parts } = await this.#options.readiness();
      return [ready ? 200 : 503, "application/json", `${JSON.stringify({ ready, ...parts })}\n`];
    }
    if (path === "/metrics")
      return [200, "text/plain; version=0.0.4; charset=utf-8", this.#options.metrics()];
    return [404, plain, "/healthz, /readyz and /metrics are here\n"];
  }
}
