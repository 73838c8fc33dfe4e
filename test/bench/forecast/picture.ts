import { PACK_DAYS } from "./cases.js";
import { EQUAL_SERVICE, type Figures, type Service } from "./figures.js";
import type { CaseResult, PolicyResult, Results } from "./results.js";

/*
 * The tables as a picture (SVG): for each length of a pack what a policy's thresholds lead to, the errors of its dates, and its
 * stock-outs in every case.
 */

const WIDTH = 1224;
export const MARGIN = 24;
const PANEL = { width: 330, height: 250, gap: 54, left: 60 } as const;
/** Stock-outs shown, %; the curves go on to the right. */
const MOST_OUT = 20;
const COLOURS: Readonly<Record<string, string>> = {
  "moving-average-28": "#888888",
  "ses-0.03": "#b07aa1",
  "lamp-20": "#e0a100",
  "busiest-week": "#2a9d8f",
  "section-2": "#3b6fb6",
  everfull: "#d1495b",
  "true-rate": "#222222",
};
const OTHER = "#bbbbbb";

export function picture(results: Results): string {
  const parts: string[] = [];
  let top = MARGIN + 10;
  const paired = results.cases.find(({ of }) => of.id === "paired");
  const shown = (results.cases[0]?.policies ?? [])
    .map(({ policy }) => policy)
    .filter(({ id }) => id in COLOURS);
  parts.push(
    legend(
      shown.map(({ id, name }) => [name, colourOf(id)]),
      top,
    ),
  );
  top += 34;
  if (paired !== undefined) {
    parts.push(
      title("Paired packs: what every threshold of a policy leads to. Dots: the threshold it uses", top),
    );
    top += 36;
    parts.push(...PACK_DAYS.map((_, at) => tradeOff(paired, at, panelLeft(at), top)));
    top += PANEL.height + 72;
    parts.push(title("Paired packs: error of the median date when half is left, days", top));
    top += 36;
    parts.push(...PACK_DAYS.map((_, at) => errors(paired, at, panelLeft(at), top)));
    top += paired.policies.length * ROW + 46;
  }
  parts.push(title("Stock-outs in every case, % of orders, at the threshold that the policy uses", top));
  top += 36;
  parts.push(...PACK_DAYS.map((_, at) => stockOuts(results.cases, at, panelLeft(at), top)));
  top += results.cases.length * ROW + 56;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" font-family="sans-serif" font-size="12" fill="#222222">`,
    `<rect width="${WIDTH}" height="${top}" fill="#ffffff"/>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

const ROW = 18;

function panelLeft(at: number): number {
  return MARGIN + PANEL.left + at * (PANEL.width + PANEL.gap);
}

function panelName(at: number, left: number, top: number): string {
  return text(left, top - 8, `packs of ${PACK_DAYS[at]} days`, 'font-weight="bold"');
}

function colourOf(id: string): string {
  return COLOURS[id] ?? OTHER;
}

function figuresAt({ figures: { all, tune, report } }: PolicyResult, at: number): Figures | undefined {
  return (all ?? tune ?? report)?.[at];
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A tenth of a pixel is finer than any screen. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

export function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${px(x)}" y="${px(y)}"${attributes && ` ${attributes}`}>${escaped(content)}</text>`;
}

export function line(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  attributes = "",
): string {
  return `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" stroke="${stroke}"${attributes && ` ${attributes}`}/>`;
}

export function title(content: string, y: number): string {
  return text(MARGIN, y, content, 'font-weight="bold" font-size="14"');
}

function legend(entries: readonly (readonly [name: string, colour: string])[], y: number): string {
  let x = MARGIN;
  return entries
    .map(([name, colour]) => {
      const entry = `<circle cx="${px(x + 5)}" cy="${px(y - 4)}" r="5" fill="${colour}"/>${text(x + 15, y, name)}`;
      x += 36 + 6.6 * name.length;
      return entry;
    })
    .join("\n");
}

/** Round numbers from 0, about five, that reach at least `most`. */
export function ticks(most: number): number[] {
  const rough = Math.max(most, 1e-9) / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * size).find((each) => each >= rough)!;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

/** Curves of days early over stock-outs. */
function tradeOff({ policies }: CaseResult, at: number, left: number, top: number): string {
  const drawn = policies.filter(({ policy }) => policy.id in COLOURS);
  const inside = (curve: readonly Service[]) => curve.filter(({ stockOuts }) => stockOuts <= MOST_OUT);
  // As high as every curve is at 2 % stock-outs: to avoid the last ones, some go up to the whole pack.
  const most = Math.max(
    1,
    ...drawn.map(
      ({ curves }) => inside(curves[at] ?? []).find(({ stockOuts }) => stockOuts <= 2)?.early ?? 0,
    ),
  );
  const scale = ticks(most);
  const highest = scale.at(-1)!;
  const x = (out: number) => left + (PANEL.width * out) / MOST_OUT;
  const y = (early: number) => top + PANEL.height - (PANEL.height * early) / highest;
  const axes = [
    panelName(at, left, top),
    ...scale.map(
      (early) =>
        line(left, y(early), left + PANEL.width, y(early), "#e5e5e5") +
        text(left - 6, y(early) + 4, String(early), 'text-anchor="end"'),
    ),
    ...[0, 5, 10, 15, MOST_OUT].map((out) =>
      text(x(out), top + PANEL.height + 16, `${out} %`, 'text-anchor="middle"'),
    ),
    line(x(EQUAL_SERVICE), top, x(EQUAL_SERVICE), top + PANEL.height, "#999999", 'stroke-dasharray="4 3"'),
    text(left + PANEL.width / 2, top + PANEL.height + 34, "stock-outs", 'text-anchor="middle"'),
    text(
      left - 36,
      top + PANEL.height / 2,
      "days early",
      `text-anchor="middle" transform="rotate(-90 ${px(left - 36)} ${px(top + PANEL.height / 2)})"`,
    ),
  ];
  const curves = drawn.map((result) => {
    const colour = colourOf(result.policy.id);
    const points = corners(
      inside(result.curves[at] ?? [])
        .filter(({ early }) => early <= highest)
        .map(({ stockOuts, early }) => `${px(x(stockOuts))},${px(y(early))}`),
    );
    const figures = figuresAt(result, at);
    const { stockOuts = Number.POSITIVE_INFINITY, early = Number.POSITIVE_INFINITY } = figures ?? {};
    const dot =
      stockOuts <= MOST_OUT && early <= highest
        ? `<circle cx="${px(x(stockOuts))}" cy="${px(y(early))}" r="4" fill="${colour}"/>`
        : "";
    const wide = result.policy.id === "everfull" ? 2.5 : 1.3;
    return `<polyline fill="none" stroke="${colour}" stroke-width="${wide}" points="${points.join(" ")}"/>${dot}`;
  });
  return [...axes, ...curves].join("\n");
}

/** Points without those that repeat the one before. */
function corners(points: readonly string[]): string[] {
  return points.filter((point, at) => point !== points[at - 1]);
}

function errors({ policies }: CaseResult, at: number, left: number, top: number): string {
  const values = policies.map((result) => figuresAt(result, at)?.error);
  const most = Math.max(1e-9, ...values.map((value) => value ?? 0));
  const names = 150;
  const width = PANEL.width - names - 30 + PANEL.left - 16;
  const from = left - PANEL.left + 16 + names;
  const bars = policies.map(({ policy }, i) => {
    const y = top + i * ROW;
    const value = values[i];
    const name = text(from - 6, y + 12, shortName(policy.name), 'text-anchor="end" font-size="11"');
    if (value === undefined) return name;
    const bar = (width * value) / most;
    return `${name}<rect x="${px(from)}" y="${px(y + 2)}" width="${px(bar)}" height="${ROW - 5}" fill="${colourOf(policy.id)}"/>${text(from + bar + 4, y + 12, value.toFixed(2), 'font-size="11"')}`;
  });
  return [panelName(at, from, top), ...bars].join("\n");
}

function shortName(name: string): string {
  return name.replace("(sees the true rate of +-28 days)", "(sees the true rate)");
}

function stockOuts(cases: readonly CaseResult[], at: number, left: number, top: number): string {
  const names = 150;
  const from = left - PANEL.left + 16 + names;
  const width = PANEL.width + PANEL.left - 16 - names;
  const x = (out: number) => from + (width * out) / MOST_OUT;
  const bottom = top + cases.length * ROW;
  const axis = [0, 5, 10, 15, MOST_OUT].map(
    (out) =>
      line(x(out), top, x(out), bottom, out === EQUAL_SERVICE ? "#999999" : "#e5e5e5") +
      text(x(out), bottom + 16, `${out} %`, 'text-anchor="middle"'),
  );
  const rows = cases.map(({ of, policies }, i) => {
    const y = top + i * ROW + ROW / 2;
    const name = of.id === "cold-first" ? "Cold start, first packs" : of.title;
    const dots = policies.map((result) => {
      const out = figuresAt(result, at)?.stockOuts;
      if (!(result.policy.id in COLOURS) || out === undefined || out > MOST_OUT) return "";
      return `<circle cx="${px(x(out))}" cy="${px(y)}" r="4" fill="${colourOf(result.policy.id)}" fill-opacity="0.85"/>`;
    });
    return text(from - 8, y + 4, name, 'text-anchor="end" font-size="11"') + dots.join("");
  });
  return [panelName(at, from, top), ...axis, ...rows].join("\n");
}
