import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { amountOf, discoverResponse, discoveryEndpoint } from "../../../examples/gateway/alexa-messages.js";
import { readDevices } from "../../../examples/gateway/devices-file.js";
import { type AlexaModel, GatewayError, type SlotSensor } from "../../../examples/gateway/index.js";
import { checkModels, checkSensors } from "../../../examples/gateway/models.js";
import { checkOptions } from "../../../examples/gateway/options.js";
import { MODEL, MODELS, SLOTS, successor } from "./alexa-model.js";
import { checkEndpoint } from "./event-gateway.js";

function soap(change: Partial<Record<keyof SlotSensor, unknown>>): AlexaModel {
  const sensor = { ...MODEL.sensors.soap!, ...change } as SlotSensor;
  return { ...MODEL, sensors: { ...MODEL.sensors, soap: sensor } };
}

test("a device is discovered with a sensor for each slot", (t) => {
  const endpoint = discoveryEndpoint(successor("FOUND"), MODEL);
  checkEndpoint(endpoint);
  t.like(endpoint, { endpointId: "FOUND", friendlyName: "Dispenser", displayCategories: ["OTHER"] });
  const { capabilities } = endpoint as { capabilities: object[] };
  t.deepEqual(capabilities.slice(1, 3), [
    {
      type: "AlexaInterface",
      interface: "Alexa.InventoryUsageSensor",
      version: "3",
      instance: "Sensor.Soap",
      capabilityResources: {
        friendlyNames: [
          { "@type": "text", value: { text: "Hand soap", locale: "en-US" } },
          { "@type": "text", value: { text: "Handseife", locale: "de-DE" } },
        ],
      },
      configuration: {
        measurement: { "@type": "Volume", unit: "US_FLUID_OUNCE" },
        replenishment: { "@type": "DashReplenishmentId", value: "soap-of-amazon" },
      },
    },
    {
      type: "AlexaInterface",
      interface: "Alexa.InventoryLevelSensor",
      version: "3",
      instance: "Sensor.Towels",
      properties: { supported: [{ name: "level" }], proactivelyReported: true, retrievable: true },
      capabilityResources: {
        friendlyNames: [{ "@type": "text", value: { text: "Towels", locale: "en-US" } }],
      },
      configuration: { measurement: { "@type": "Percentage" } },
    },
  ]);
  t.deepEqual(discoverResponse([endpoint], "id-1").event, {
    header: {
      namespace: "Alexa.Discovery",
      name: "Discover.Response",
      messageId: "id-1",
      payloadVersion: "3",
    },
    payload: { endpoints: [endpoint] },
  });
});

test("steps in the measurement of their sensor", (t) => {
  const [ounces, towels] = [SLOTS[0]!, SLOTS[1]!];
  const { soap: volume, towels: percentage, pods: count } = MODEL.sensors;
  t.deepEqual(amountOf(volume!, ounces, 123), { "@type": "Volume", value: 12.3, unit: "US_FLUID_OUNCE" });
  t.deepEqual(amountOf(percentage!, towels, 124), { "@type": "Percentage", value: 25 });
  t.deepEqual(amountOf(percentage!, towels, 600), { "@type": "Percentage", value: 100 }, "no more than full");
  t.deepEqual(amountOf(count!, towels, 3), { "@type": "Count", value: 3 });
});

const REFUSED: readonly [model: unknown, message: RegExp][] = [
  [{ service: "dash" }, /^model "m": service: drs or alexa is accepted \(got "dash"\)$/],
  [{ ...MODEL, manufacturer: "" }, /^model "m": manufacturer must not be empty$/],
  [{ ...MODEL, displayCategories: [] }, /displayCategories must not be empty/],
  [{ ...MODEL, sensors: {} }, /sensors: one or more are accepted \(got none\)/],
  [
    soap({ interface: "wear" }),
    /^model "m", slot "soap": interface: level or usage is accepted \(got "wear"\)$/,
  ],
  [soap({ instance: "" }), /slot "soap": instance must not be empty/],
  [
    soap({ instance: "Sensor.Pods" }),
    /slot "pods": instance: accepted only once per model \(got "Sensor.Pods"\)/,
  ],
  [soap({ measurement: "Length" }), /measurement: Count, .* are accepted \(got "Length"\)/],
  [soap({ measurement: "Percentage", unit: undefined }), /Percentage is accepted for levels only/],
  [soap({ unit: "OUNCE" }), /unit: LITER, .* is accepted for Volume \(got "OUNCE"\)/],
  [
    soap({ measurement: "Weight", unit: undefined }),
    /unit: KILOGRAM, .* is accepted for Weight \(got nothing\)/,
  ],
  [soap({ measurement: "Count" }), /unit: none is accepted for Count \(got "US_FLUID_OUNCE"\)/],
  [soap({ replenishmentId: "" }), /replenishmentId must not be empty/],
  [soap({ names: {} }), /names: one or more are accepted \(got none\)/],
  [soap({ names: { english: "Soap" } }), /names: .* is accepted \(got {"english":"Soap"}\)/],
];

test("a model that is not acceptable is refused with the member and its value", (t) => {
  for (const [model, message] of REFUSED)
    t.throws(() => checkModels({ m: model as AlexaModel }), {
      instanceOf: GatewayError,
      code: "options",
      message,
    });
  t.notThrows(() => checkModels({ ...MODELS, "dispenser-1": { service: "drs" } }));
});

test("where events go, and the skill's client, are checked", (t) => {
  const options = { devices: [successor("CHECKED")], models: MODELS, drs: "https://drs" };
  t.notThrows(() => checkOptions({ ...options, alexa: { events: "https://events" } }, []));
  t.throws(() => checkOptions({ ...options, alexa: { events: "ftp://events" } }, []), {
    message: /^alexa: events: .*ftp:\/\/events/,
  });
  t.throws(() => checkOptions({ ...options, alexa: { lwa: { clientId: "", clientSecret: "x" } } }, []), {
    message: "alexa: lwa: clientId must not be empty",
  });
  const slots = [{ ...SLOTS[0]!, id: "lotion" }];
  t.throws(() => checkOptions({ ...options, devices: [successor("BARE", { slots })] }, []), {
    message: /has no sensor for it/,
  });
});

test("each slot of a device needs a sensor of its model", (t) => {
  const slots = [...SLOTS, { ...SLOTS[0]!, id: "lotion" }];
  t.throws(() => checkSensors(MODELS, successor("BARE", { slots })), {
    code: "options",
    message: 'device "BARE", slot "lotion": model "successor-1" has no sensor for it',
  });
  t.notThrows(() => checkSensors(MODELS, successor("OTHER", { slots, model: "toString" })));
});

test("models are read from the devices file", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "everfull-models-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "devices.json");
  const read = (models: unknown) => {
    writeFileSync(file, JSON.stringify({ devices: [], models }));
    return readDevices(file).models;
  };
  const models = { ...MODELS, old: { service: "drs" }, grouped: { ...MODEL, displayCategories: ["OTHER"] } };
  t.deepEqual(read(models), models as typeof MODELS);
  t.deepEqual(read(undefined), {});
  for (const [wrong, where] of [
    [{ m: { service: "dash" } }, "models.m.service: drs or alexa is accepted"],
    [{ m: { service: "drs", sensors: {} } }, "models.m.sensors: nothing of this name is accepted"],
    [
      { m: soap({ measurement: 1 }) },
      "models.m.sensors.soap.measurement: Count or Percentage or Volume or Weight",
    ],
    [{ m: soap({ names: { "en-US": 1 } }) }, "models.m.sensors.soap.names.en-US: a text is accepted"],
    [
      { m: { ...MODEL, displayCategories: "OTHER" } },
      "models.m.displayCategories: a list of texts is accepted",
    ],
  ] as const)
    t.throws(() => read(wrong), { code: "options", message: new RegExp(where.replaceAll(".", "\\.")) });
});
