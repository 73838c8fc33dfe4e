export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";

const CODES: Readonly<Record<Colour, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};

/** The text in a colour of the terminal, or as it is. */
export function paint(text: string, colour: Colour, on: boolean): string {
  return on && text !== "" ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** At most `decimals` decimals, thousands set apart: 9,464 or 0.25; "-" for what is no number. */
export function number(value: number | null, decimals = 0): string {
  if (value === null || !Number.isFinite(value)) return "-";
  const text = value.toLocaleString("en-US", { maximumFractionDigits: decimals });
  return text === "-0" ? "0" : text;
}

/** A quantity in the unit of its slot. */
export function quantity(value: number, unit: string): string {
  return `${number(value, 3)} ${unit}`.trimEnd();
}

/** "1 order", "2 orders". */
export function count(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Columns of text, two spaces apart, without spaces at the end of a line. */
export function table(rows: readonly (readonly string[])[], align: readonly ("left" | "right")[]): string[] {
  const widths = align.map((_, column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return align[column] === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}
