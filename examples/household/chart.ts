import type { SlotReport } from "./report.js";
import { type Colour, number, paint } from "./text.js";

export interface ChartOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly colour: boolean;
  /** Braille and box characters; otherwise ASCII only. */
  readonly unicode: boolean;
}

/** Odd, so that there is a middle row for the middle of the scale. */
const ROWS = 11;
const LEAST_COLUMNS = 10;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** Months from one label to the next. */
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120];
/** Columns that a label takes with the space after it: "2015 ". */
const LABEL_COLUMNS = 5;

interface Mark {
  readonly sign: string;
  readonly name: string;
  readonly colour: Colour;
  dates(slot: SlotReport): readonly (string | null)[];
}

const MARKS: readonly Mark[] = [
  {
    sign: "O",
    name: "ordered",
    colour: "yellow",
    dates: (slot) => slot.orders.map((order) => order.ordered),
  },
  { sign: "S", name: "shipped", colour: "blue", dates: (slot) => slot.orders.map((order) => order.shipped) },
  {
    sign: "D",
    name: "delivered",
    colour: "magenta",
    dates: (slot) => slot.orders.map((order) => order.delivered),
  },
  { sign: "R", name: "refilled", colour: "green", dates: (slot) => slot.refills },
  { sign: "X", name: "stock-out", colour: "red", dates: (slot) => slot.stockOuts.map((day) => day.date) },
];

/** How the dots of a line become characters. */
interface Dots {
  /** Dots side by side in a character. */
  readonly across: number;
  /** Dots one above the other in a character. */
  readonly down: number;
  /** The bit of the dot in this column and row of the character. */
  bit(column: number, row: number): number;
  character(bits: number): string;
}

const BRAILLE: Dots = {
  across: 2,
  down: 4,
  // The fourth row was added to braille later, behind the bits of both columns.
  bit: (column, row) => (row === 3 ? 0x40 << column : 1 << (row + 3 * column)),
  character: (bits) => (bits === 0 ? " " : String.fromCharCode(0x2800 + bits)),
};

const ASCII: Dots = {
  across: 1,
  down: 2,
  bit: (_, row) => 1 << row,
  character: (bits) => " '.:"[bits] ?? " ",
};

/** What the marks below a chart mean. */
export function legend(colour: boolean): string {
  return MARKS.map((mark) => `${paint(mark.sign, mark.colour, colour)} ${mark.name}`).join(", ");
}

/**
 * What remained in the slot at the end of each day: rows of a line chart, an axis, months, and marks on the days on
 * which something happened, in as many lines as the fullest column needs. Lines have no spaces at their ends.
 */
export function drawSlot(slot: SlotReport, options: ChartOptions): string[] {
  const days = slot.history.length;
  if (days === 0) return [];
  const { colour, unicode } = options;
  const top = Math.max(slot.capacity, ...slot.history.map((day) => day.remaining));
  const labels = [top, top / 2, 0].map((value) => number(value, 2));
  const margin = Math.max(...labels.map((label) => label.length));
  const columns = Math.max(LEAST_COLUMNS, options.width - margin - 2);
  const columnOf = (day: number) => Math.floor((day * columns) / days);
  const indent = " ".repeat(margin + 2);

  const [tick, bar, corner, line, notch] = unicode ? ["┤", "│", "└", "─", "┬"] : ["+", "|", "+", "-", "+"];
  const rows = plot(slot, top, columns, unicode ? BRAILLE : ASCII).map((row, at) => {
    const label =
      at === 0 ? labels[0] : at === (ROWS - 1) / 2 ? labels[1] : at === ROWS - 1 ? labels[2] : undefined;
    const axis = `${(label ?? "").padStart(margin)} ${label === undefined ? bar : tick}`;
    return paint(axis, "dim", colour) + paint(row, "cyan", colour);
  });

  const months = monthLabels(slot.history, columns, columnOf);
  const axis = new Array<string>(columns).fill(line as string);
  for (const month of months) axis[month.column] = notch as string;
  const names = new Array<string>(columns).fill(" ");
  for (const month of months) write(names, month.column, month.text);

  return [
    ...rows,
    paint(`${" ".repeat(margin + 1)}${corner}${axis.join("")}`, "dim", colour),
    paint((indent + names.join("")).trimEnd(), "dim", colour),
    ...marks(slot, columns, columnOf, colour).map((row) => indent + row),
  ];
}

/** The line, without its axes; a step wherever the quantity changed. */
function plot(slot: SlotReport, top: number, columns: number, dots: Dots): string[] {
  const days = slot.history.length;
  const across = columns * dots.across;
  const down = ROWS * dots.down;
  const cells = Array.from({ length: ROWS }, () => new Array<number>(columns).fill(0));
  const set = (x: number, y: number) => {
    const row = cells[Math.floor(y / dots.down)] as number[];
    const column = Math.floor(x / dots.across);
    row[column] = (row[column] ?? 0) | dots.bit(x % dots.across, y % dots.down);
  };
  let before: number | undefined;
  slot.history.forEach((day, at) => {
    const share = top > 0 ? Math.min(1, Math.max(0, day.remaining / top)) : 0;
    const y = Math.round((1 - share) * (down - 1));
    const first = Math.floor((at * across) / days);
    const next = Math.floor(((at + 1) * across) / days);
    for (let x = first; x < Math.max(next, first + 1); x++) set(x, y);
    for (let step = Math.min(y, before ?? y); step < Math.max(y, before ?? y); step++) set(first, step);
    before = y;
  });
  return cells.map((row) =>
    row
      .map((bits) => dots.character(bits))
      .join("")
      .trimEnd(),
  );
}

interface MonthLabel {
  readonly column: number;
  readonly text: string;
}

/** The month of the first day with its year, then as many beginnings of months as fit, January as its year. */
function monthLabels(
  history: SlotReport["history"],
  columns: number,
  columnOf: (day: number) => number,
): MonthLabel[] {
  const [year = "", month = 1] = yearAndMonth(history[0]?.date ?? "");
  const labels: MonthLabel[] = [{ column: 0, text: `${MONTHS[month - 1] ?? ""} ${year}` }];
  const perMonth = (columns * 365.25) / 12 / history.length;
  const step = MONTH_STEPS.find((months) => months * perMonth >= LABEL_COLUMNS) ?? 120;
  history.forEach((day, at) => {
    if (at === 0 || !day.date.endsWith("-01")) return;
    const [inYear, inMonth] = yearAndMonth(day.date);
    if ((Number(inYear) * 12 + inMonth - 1) % step !== 0) return;
    const text = inMonth === 1 ? inYear : (MONTHS[inMonth - 1] ?? "");
    const column = columnOf(at);
    const last = labels.at(-1) as MonthLabel;
    if (column > last.column + last.text.length && column + text.length <= columns)
      labels.push({ column, text });
  });
  return labels;
}

function yearAndMonth(date: string): [string, number] {
  return [date.slice(0, 4), Number(date.slice(5, 7))];
}

/** Marks under the columns of their days; those that meet in a column go below each other. */
function marks(
  slot: SlotReport,
  columns: number,
  columnOf: (day: number) => number,
  colour: boolean,
): string[] {
  const dayOf = new Map(slot.history.map((day, at) => [day.date, at]));
  const rows: string[][] = [];
  for (const mark of MARKS) {
    const at = new Set<number>();
    for (const date of mark.dates(slot)) {
      const day = date === null ? undefined : dayOf.get(date.slice(0, 10));
      if (day !== undefined) at.add(columnOf(day));
    }
    for (const column of at) {
      let row = rows.find((cells) => cells[column] === " ");
      if (row === undefined) {
        row = new Array<string>(columns).fill(" ");
        rows.push(row);
      }
      row[column] = paint(mark.sign, mark.colour, colour);
    }
  }
  return rows.map((row) => row.join("").trimEnd());
}

function write(cells: string[], column: number, text: string): void {
  for (let at = 0; at < text.length; at++) cells[column + at] = text[at] as string;
}
