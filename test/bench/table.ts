/** A cell: numbers are printed with thousands apart and to the right, texts to the left. */
export type Cell = string | number | undefined;

/** Rows under a head, in aligned columns. */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(shown));
  const isRight = head.map((_, column) =>
    rows.every((row) => typeof row[column] !== "string" || /^[<>~]?[-\d,.]+$|^-$/.test(row[column])),
  );
  const widths = head.map((name, column) =>
    Math.max(name.length, ...texts.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, at) => (isRight[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))).join("  ")}`.trimEnd();
  return [line(head), `  ${widths.map((width) => "-".repeat(width)).join("  ")}`, ...texts.map(line)].join(
    "\n",
  );
}

function shown(cell: Cell): string {
  if (cell === undefined) return "-";
  if (typeof cell === "string") return cell;
  const digits = Math.abs(cell) >= 100 || Number.isInteger(cell) ? 0 : Math.abs(cell) >= 1 ? 1 : 3;
  return cell.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
