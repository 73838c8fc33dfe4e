import type { Server } from "node:http";

/** Where a server listens, as a URL without a path. */
export function originOf(server: Server): string {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the endpoint does not listen");
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
