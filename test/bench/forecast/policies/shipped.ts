import { Forecast } from "../../../../sdk/forecast/index.js";
import { EPSILON, LEAD, type PolicyKind } from "./policy.js";

/** The SDK's own forecast. All that the bench knows of its interface is here. */
export const shipped: PolicyKind = {
  id: "everfull",
  name: "everfull",
  threshold: EPSILON,
  start({ priorRate, unit, noise }) {
    const forecast = new Forecast({ priorRate, unit, noise });
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
