import { type Cell, table } from "../table.js";
import { PACK_DAYS } from "./cases.js";
import type { Figures } from "./figures.js";
import { type CaseResult, homesOf, type PolicyResult, type Results } from "./results.js";

/* What is printed and what is written as JSON. */

const HEAD = [
  "policy",
  "error, days",
  "80 % cover, %",
  "stock-outs, %",
  "days early",
  "days early at 5 %",
  "orders",
];

interface Column {
  /** Decimals below 10, and from there; as many as mean something. */
  readonly decimals: readonly [below10: number, from10: number];
  of(figures: Figures): number | undefined;
}

const COLUMNS: readonly Column[] = [
  { decimals: [2, 1], of: ({ error }) => error },
  { decimals: [0, 0], of: ({ cover }) => cover },
  { decimals: [1, 0], of: ({ stockOuts }) => stockOuts },
  { decimals: [1, 1], of: ({ early }) => early },
  { decimals: [1, 1], of: ({ earlyAtFive }) => earlyAtFive },
  { decimals: [0, 0], of: ({ orders }) => orders },
];

function fixed(value: number, [below10, from10]: Column["decimals"]): string {
  return value.toFixed(Math.abs(value) < 10 ? below10 : from10);
}

/** "2.35 / 4.63 / 8.23": one figure for each length of a pack; "-" where there is none for any. */
function cell({ decimals, of }: Column, figures: readonly Figures[]): string {
  const values = figures.map(of);
  if (values.every((value) => value === undefined)) return "-";
  return values.map((value) => (value === undefined ? "-" : fixed(value, decimals))).join(" / ");
}

function row(name: string, figures: readonly Figures[]): Cell[] {
  return [name, ...COLUMNS.map((column) => cell(column, figures))];
}

const HALVED: ReadonlySet<string> = new Set(["section-2", "everfull"]);

/**
 * The table of a case under its title.
 *
 * @param halved ids of the policies that are also shown for either half of the homes
 */
export function caseText({ of, policies }: CaseResult, halved: ReadonlySet<string> = HALVED): string {
  const rows = policies.flatMap(({ policy, figures: { all, tune, report } }) => {
    const asked = all ?? tune ?? report ?? [];
    const lines = [row(policy.name, asked)];
    if (all !== undefined && halved.has(policy.id))
      lines.push(row("  homes for tuning", tune ?? []), row("  homes for reporting", report ?? []));
    return lines;
  });
  return [of.title, `  ${of.about}`, "", table(HEAD, rows)].join("\n");
}

/** What was read, and what the figures in the tables are. */
export function headText({ homes, halves, subjects }: Results, file: string): string {
  const days = subjects.reduce((sum, { use }) => sum + use.length, 0);
  const list = (half: "tune" | "report") => homesOf(halves, half).join(", ") || "none";
  return [
    `${file}: ${subjects.length} series, ${days.toLocaleString("en-US")} days${homes === "all" ? "" : `, of the homes for ${homes === "tune" ? "tuning" : "reporting"} only`}`,
    `  Homes for tuning: ${list("tune")}. For reporting: ${list("report")}.`,
    `  Figures are for packs of ${PACK_DAYS.join(" / ")} days. Error: of the median date on the first evening with at most half left. Cover: of the`,
    "  80 % interval then. Days early: of orders, late ones count 0; at 5 %: with the policy's own threshold moved to 5 % stock-outs.",
    "  Take differences under 0.1 day as none.",
  ].join("\n");
}

/** Characters of the longest bar. */
const BAR = 40;

/** Bars of the figure that compares policies at equal service. Undefined where a case has none. */
export function barsText({ of, policies }: CaseResult): string | undefined {
  const figures = policies.map(({ policy, figures: { all, tune, report } }) => ({
    name: policy.name,
    early: (all ?? tune ?? report ?? []).map(({ earlyAtFive }) => earlyAtFive),
  }));
  if (figures.every(({ early }) => early.every((value) => value === undefined))) return undefined;
  const width = Math.max(...figures.map(({ name }) => name.length));
  const lines = PACK_DAYS.flatMap((days, at) => {
    const most = Math.max(...figures.map(({ early }) => early[at] ?? 0));
    return [
      "",
      `  packs of ${days} days`,
      ...figures.map(({ name, early }) => {
        const value = early[at];
        const bar =
          value === undefined ? "-" : `${"█".repeat(Math.round((BAR * value) / most))} ${value.toFixed(1)}`;
        return `  ${name.padEnd(width)}  ${bar}`;
      }),
    ];
  });
  return [`${of.title}: days early at 5 % stock-outs, less is better`, ...lines].join("\n");
}

/** Everything that was measured, unrounded. `null` where there was nothing to judge. */
export function json({ homes, halves, subjects, cases }: Results): string {
  const figuresOf = ({ figures }: PolicyResult) =>
    Object.fromEntries(
      Object.entries(figures).map(([part, list]) => [
        part,
        list.map((each, at) => ({
          packDays: PACK_DAYS[at],
          orders: each.orders,
          error: each.error ?? null,
          cover: each.cover ?? null,
          stockOuts: each.stockOuts ?? null,
          early: each.early ?? null,
          earlyAtFive: each.earlyAtFive ?? null,
        })),
      ]),
    );
  const content = {
    data: {
      series: subjects.length,
      days: subjects.reduce((sum, { use }) => sum + use.length, 0),
      homes,
      tune: homesOf(halves, "tune"),
      report: homesOf(halves, "report"),
    },
    cases: cases.map(({ of, policies }) => ({
      id: of.id,
      title: of.title,
      about: of.about,
      policies: policies.map((each) => ({
        id: each.policy.id,
        name: each.policy.name,
        figures: figuresOf(each),
      })),
    })),
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}
