/** Which sequences of a device's messages were seen. */
export interface Seen {
  /** The highest. */
  readonly highWater: number;
  /** Bit n is set when `highWater - 1 - n` was seen; those before the {@link WINDOW} pass for seen. */
  readonly recent: number;
}

/** So many sequences below the highest are told apart: as many as the bits of a positive 32-bit number. */
export const WINDOW = 31;
export const ALL_SEEN = 2 ** WINDOW - 1;

/**
 * With several gateways behind a shared subscription, messages of one device may overtake each other by a few: one that is late is as welcome
 * as any, once.
 *
 * @returns what was seen with `sequence`; undefined: it was seen before, or is too old to tell
 */
export function see({ highWater, recent }: Seen, sequence: number): Seen | undefined {
  const ahead = sequence - highWater;
  if (ahead > WINDOW) return { highWater: sequence, recent: 0 };
  if (ahead > 0) return { highWater: sequence, recent: ((recent << ahead) | (1 << (ahead - 1))) & ALL_SEEN };
  const bit = -ahead - 1;
  if (bit < 0 || bit >= WINDOW || recent & (1 << bit)) return undefined;
  return { highWater, recent: recent | (1 << bit) };
}
