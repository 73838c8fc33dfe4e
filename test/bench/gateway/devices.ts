import { createHash } from "node:crypto";
import type { GatewayDevice } from "../../../examples/gateway/index.js";

/** The same devices in each process of the bench. */
export function benchDevices(count: number): (GatewayDevice & { readonly accessToken: string })[] {
  return Array.from({ length: count }, (_, n) => {
    const serial = `BENCH-${n}`;
    return {
      serial,
      model: "bench",
      key: { number: 1, secret: new Uint8Array(createHash("sha256").update(serial).digest()) },
      accessToken: accessTokenOf(serial),
      utcOffsetMinutes: 0,
      slots: [{ id: "soap", unit: "count", stepsPerUnit: 1, capacity: 1000, refill: 1000 }],
    };
  });
}

export function accessTokenOf(serial: string): string {
  return `token-${serial}`;
}
