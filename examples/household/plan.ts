import { DAY, dateOf, timeOf } from "./dates.js";
import type { Series } from "./series.js";

/** One device of a simulated household, and the use that drives it. */
export interface DevicePlan {
  readonly kind: "tablets" | "soap";
  readonly serial: string;
  readonly title: string;
  /** Daily use. */
  readonly series: Series;
  /** What one pack holds, in the series' units; the device holds one pack. */
  readonly pack: number;
  /** Days that the maker says a pack lasts: all that the device knows at first. */
  readonly ratedLife: number;
}

/** The household of the demonstration: one real home's dishwasher and washing machine. */
export function demonstration(series: readonly Series[]): DevicePlan[] {
  const [dishwasher, washing] = together(
    find(series, "refit_h2_dishwasher_p0"),
    find(series, "refit_h2_washing_p0"),
  );
  return [
    {
      kind: "tablets",
      serial: "EF-TABLETS-0001",
      title: "Dishwasher-tablet dispenser",
      series: dishwasher,
      pack: 30,
      ratedLife: 30,
    },
    {
      kind: "soap",
      serial: "EF-SOAP-0001",
      title: "Laundry-soap dispenser",
      series: washing,
      pack: 20,
      ratedLife: 30,
    },
  ];
}

/** One dispenser on any series. Its maker's rating is taken to be right on average. */
export function tabletDispenser(series: Series, pack: number): DevicePlan {
  const total = series.quantities.reduce((sum, quantity) => sum + quantity, 0);
  const mean = total / series.quantities.length;
  return {
    kind: "tablets",
    serial: "EF-DISPENSER-0001",
    title: `Dispenser on ${series.id}`,
    series,
    pack,
    // A series without any use has no rating; anything does.
    ratedLife: mean > 0 ? Math.min(9999, Math.max(1, Math.round(pack / mean))) : 365,
  };
}

/** Two series on the dates that both have. */
function together(a: Series, b: Series): [Series, Series] {
  const first = Math.max(timeOf(a.start), timeOf(b.start));
  const end = Math.min(...[a, b].map(({ start, quantities }) => timeOf(start) + quantities.length * DAY));
  const cut = ({ id, start, quantities }: Series): Series => ({
    id,
    start: dateOf(first),
    quantities: quantities.slice((first - timeOf(start)) / DAY, (end - timeOf(start)) / DAY),
  });
  return [cut(a), cut(b)];
}

function find(series: readonly Series[], id: string): Series {
  const found = series.find((candidate) => candidate.id === id);
  if (!found)
    throw new Error(`series: ${id} is not among ${series.map((candidate) => candidate.id).join(", ")}`);
  return found;
}
