import type { AlexaModel, GatewaySlot } from "../../../examples/gateway/index.js";
import { type RegisteredDevice, registered } from "./harness.js";

/** One slot for each kind of sensor and measurement. */
export const MODEL: AlexaModel = {
  service: "alexa",
  name: "Dispenser",
  description: "Soap, towels and pods",
  manufacturer: "Everfull",
  sensors: {
    soap: {
      interface: "usage",
      instance: "Sensor.Soap",
      measurement: "Volume",
      unit: "US_FLUID_OUNCE",
      replenishmentId: "soap-of-amazon",
      names: { "en-US": "Hand soap", "de-DE": "Handseife" },
    },
    towels: {
      interface: "level",
      instance: "Sensor.Towels",
      measurement: "Percentage",
      names: { "en-US": "Towels" },
    },
    pods: { interface: "level", instance: "Sensor.Pods", measurement: "Count", names: { "en-US": "Pods" } },
  },
};

export const MODELS = { "successor-1": MODEL };

export const SLOTS: readonly GatewaySlot[] = [
  { id: "soap", unit: "ounce", stepsPerUnit: 10, capacity: 350, refill: 350 },
  { id: "towels", unit: "count", stepsPerUnit: 1, capacity: 500, refill: 250 },
  { id: "pods", unit: "count", stepsPerUnit: 1, capacity: 40, refill: 40 },
];

/** A device of {@link MODEL}. */
export function successor(serial: string, more: Partial<RegisteredDevice> = {}): RegisteredDevice {
  return registered(serial, { model: "successor-1", slots: SLOTS, ...more });
}
