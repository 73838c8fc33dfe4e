import type { SandboxSettings } from "./settings-file.js";

/** Two products of one maker and two customers, for a sandbox that is only to be there. */
export const HOUSEHOLD: SandboxSettings = Object.freeze({
  devices: [],
  lwa: [
    {
      clientId: "amzn1.application-oa2-client.00000000000000000000000000000001",
      clientSecret: "sandbox-secret",
      name: "Everfull Home",
      returnUrls: ["http://127.0.0.1:8070/callback", "http://localhost:8070/callback"],
    },
  ],
  customers: [{ name: "Ada" }, { name: "Ben" }],
  models: [
    {
      id: "dispenser-1",
      name: "Soap dispenser",
      compositeId: "amzn1.dash.v1.composite.5a0d0000-0000-4000-8000-000000000001",
      slots: [
        {
          id: "soap",
          name: "Hand soap",
          products: [
            { asin: "B0SANDSOAP", title: "Sample soap, lemon", unit: "count", quantity: 1, price: "$9.99" },
            { asin: "B0SANDPINE", title: "Sample soap, pine", unit: "count", quantity: 2, price: "$17.99" },
          ],
        },
      ],
    },
    {
      id: "printer-1",
      name: "Printer",
      compositeId: "amzn1.dash.v1.composite.5a0d0000-0000-4000-8000-000000000002",
      slots: ["black", "colour"].map((id) => ({
        id,
        name: `Cartridge, ${id}`,
        products: [
          {
            asin: `B0SAND${id.toUpperCase()}1`,
            title: `Sample cartridge, ${id}`,
            unit: "count",
            quantity: 1,
          },
          {
            asin: `B0SAND${id.toUpperCase()}2`,
            title: `Sample cartridge, ${id}, large`,
            unit: "count",
            quantity: 1,
          },
        ],
      })),
    },
  ],
});
