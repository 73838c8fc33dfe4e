import { Forecast } from "../../../../sdk/forecast/index.js";
import { EPSILON, LEAD, type PolicyKind } from "./policy.js";

/** A forecast of the SDK as a policy. All that the figures of the bench know of its interface is here. */
export function forecastPolicy(id: string, name: string, kind: typeof Forecast): PolicyKind {
  return {
    id,
    name,
    threshold: EPSILON,
    start({ priorRate, unit, noise }) {
      const forecast = new kind({ priorRate, unit, noise });
      return {
        learn: ({ weekday, used }) => forecast.learn(weekday, used, 1),
        urgency: (remaining, weekday) => forecast.runOutProbability(remaining, LEAD, weekday),
        dates(remaining, weekday, cap) {
          const { low, median, high } = forecast.runOut(remaining, weekday, cap);
          return { median, interval: [low, high] };
        },
      };
    },
  };
}

/** The SDK's own. */
export const shipped: PolicyKind = forecastPolicy("everfull", "everfull", Forecast);
