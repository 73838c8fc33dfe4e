/** Reading JSON that others have written: what is missing or of another type is undefined. */

export function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A member of what may or may not be an object. */
export function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** A text member; PostgreSQL stores no NUL, so that a text with one counts as missing. */
export function text(value: unknown, name: string): string | null {
  const found = member(value, name);
  return typeof found === "string" && !found.includes("\0") ? found : null;
}
