/** Puts a value into the first `length` ones, which rise, where it belongs. */
export function insert(sorted: Float64Array, length: number, value: number): void {
  let at = length;
  for (; at > 0 && sorted[at - 1]! > value; at--) sorted[at] = sorted[at - 1]!;
  sorted[at] = value;
}

/** Median of the first `length` values, which rise; NaN of none. */
export function middle(sorted: Float64Array, length: number): number {
  const half = length >> 1;
  return length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
