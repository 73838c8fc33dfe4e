import { GatewayError } from "./errors.js";
import type { GatewayDevice } from "./options.js";

/** Units of the successor's inventory reports. */
const UNITS: Readonly<Record<Measurement, readonly string[]>> = Object.freeze({
  Count: [],
  Percentage: [],
  Volume:
    "LITER MILLILITER METRIC_CUP METRIC_TEASPOON UK_TABLESPOON AU_TABLESPOON CUBIC_CENTIMETER CUBIC_METER UK_GALLON UK_QUART UK_PINT UK_CUP UK_GILL UK_FLUID_OUNCE UK_FLUID_DRAM CUBIC_INCH CUBIC_FOOT CUBIC_YARD US_FLUID_GALLON US_FLUID_QUART US_FLUID_PINT US_FLUID_CUP US_FLUID_OUNCE US_GILL US_TABLESPOON US_TEASPOON US_DRAM US_DRY_GALLON US_DRY_QUART US_DRY_PINT".split(
      " ",
    ),
  Weight: "KILOGRAM GRAM MILLIGRAM MICROGRAM METRIC_POUND POUND OUNCE DRAM".split(" "),
});

export type Measurement = "Count" | "Percentage" | "Volume" | "Weight";

/** How Alexa is told of one slot. */
export interface SlotSensor {
  /** What is left (`Alexa.InventoryLevelSensor`), or what was used since the last report (`Alexa.InventoryUsageSensor`). */
  readonly interface: "level" | "usage";
  /** The same for this sensor of all customers, one of its own for each sensor of the model. */
  readonly instance: string;
  /** What one unit of the slot is; a percentage is of the slot's capacity, and of levels only. */
  readonly measurement: Measurement;
  /** For Volume and Weight, and only for them. */
  readonly unit?: string;
  /** What Amazon has issued for the slot; until it is there, customers cannot set replenishment up. */
  readonly replenishmentId?: string;
  /** What the customer sees, by locale: `{"en-US": "Hand soap"}`. */
  readonly names: Readonly<Record<string, string>>;
}

export interface AlexaModel {
  readonly service: "alexa";
  /** What customers see of the device. */
  readonly name: string;
  readonly description: string;
  readonly manufacturer: string;
  /** Default: OTHER. */
  readonly displayCategories?: readonly string[];
  /** By the slots' ids: one for each slot that a device of the model has. */
  readonly sensors: Readonly<Record<string, SlotSensor>>;
}

/** Which service the devices of a model are with: classic DRS, or its successor, which decides on orders itself. */
export type DeviceModel = { readonly service: "drs" } | AlexaModel;

/** By model ids; a model that is not there is with DRS. */
export type DeviceModels = Readonly<Record<string, DeviceModel>>;

/** How Alexa is told of a device; undefined: the device is with DRS. */
export function alexaModelOf(
  models: DeviceModels,
  device: Pick<GatewayDevice, "model">,
): AlexaModel | undefined {
  const model = Object.hasOwn(models, device.model) ? models[device.model] : undefined;
  return model?.service === "alexa" ? model : undefined;
}

/** @throws {GatewayError} `options`: the model, the slot, the member, what is accepted and what was given */
export function checkModels(models: DeviceModels): void {
  for (const [id, model] of Object.entries(models)) {
    const name = `model "${id}"`;
    if (model.service !== "drs" && model.service !== "alexa")
      refuse(`${name}: service: drs or alexa is accepted (got ${show((model as DeviceModel).service)})`);
    if (model.service === "alexa") checkAlexaModel(name, model);
  }
}

/** @throws {GatewayError} `options`: a slot without a sensor */
export function checkSensors(models: DeviceModels, device: GatewayDevice): void {
  const model = alexaModelOf(models, device);
  for (const { id } of model ? device.slots : [])
    if (!Object.hasOwn(model!.sensors, id))
      refuse(`device "${device.serial}", slot "${id}": model "${device.model}" has no sensor for it`);
}

function checkAlexaModel(name: string, model: AlexaModel): void {
  for (const field of ["name", "description", "manufacturer"] as const)
    if (!model[field]) refuse(`${name}: ${field} must not be empty`);
  if (model.displayCategories?.length === 0) refuse(`${name}: displayCategories must not be empty`);
  const instances = new Set<string>();
  for (const [slot, sensor] of Object.entries(model.sensors)) {
    const where = `${name}, slot "${slot}"`;
    checkSensor(where, sensor);
    if (instances.has(sensor.instance))
      refuse(`${where}: instance: accepted only once per model (got ${show(sensor.instance)})`);
    instances.add(sensor.instance);
  }
  if (instances.size === 0) refuse(`${name}: sensors: one or more are accepted (got none)`);
}

function checkSensor(where: string, sensor: SlotSensor): void {
  const { measurement, unit } = sensor;
  if (sensor.interface !== "level" && sensor.interface !== "usage")
    refuse(`${where}: interface: level or usage is accepted (got ${show(sensor.interface)})`);
  if (!sensor.instance) refuse(`${where}: instance must not be empty`);
  if (!Object.hasOwn(UNITS, measurement))
    refuse(`${where}: measurement: ${Object.keys(UNITS).join(", ")} are accepted (got ${show(measurement)})`);
  if (measurement === "Percentage" && sensor.interface === "usage")
    refuse(`${where}: measurement: Percentage is accepted for levels only`);
  const units = UNITS[measurement];
  if (units.length === 0 ? unit !== undefined : !units.includes(unit!))
    refuse(
      `${where}: unit: ${units.join(", ") || "none"} is accepted for ${measurement} (got ${show(unit)})`,
    );
  if (sensor.replenishmentId === "") refuse(`${where}: replenishmentId must not be empty`);
  if (Object.keys(sensor.names).length === 0) refuse(`${where}: names: one or more are accepted (got none)`);
  for (const [locale, text] of Object.entries(sensor.names))
    if (!/^[a-z]{2}-[A-Z]{2}$/.test(locale) || text === "")
      refuse(
        `${where}: names: {"en-US": "Hand soap"} and the like is accepted (got ${show({ [locale]: text })})`,
      );
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}

function refuse(message: string): never {
  throw new GatewayError("options", message);
}
