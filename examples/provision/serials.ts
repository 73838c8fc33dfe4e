/** What Amazon accepts for a serial and for a model. */
const AMAZON = /^[A-Za-z0-9+_-]{1,64}$/;
const ACCEPTED = "1 to 64 of A-Z a-z 0-9 - + _";

/** What is wrong with a model; undefined: nothing. */
export function wrongModel(model: string): string | undefined {
  return AMAZON.test(model) ? undefined : `${ACCEPTED} are accepted (got "${model}")`;
}

/** What is wrong with a serial; undefined: nothing. */
export function wrongSerial(serial: string): string | undefined {
  if (!AMAZON.test(serial)) return `${ACCEPTED} are accepted (got "${serial}")`;
  if (serial.includes("+"))
    return `a + is not accepted, as the serial is a level of the device's topics (got "${serial}")`;
  return undefined;
}

/** @throws {Error} `message` names the line: a serial that is not accepted, or one that is there twice; there is none */
export function readSerials(text: string): string[] {
  const lines = text.split(/\r?\n/);
  // Compared without case: they become names of files, which some systems do not tell apart.
  const seen = new Map<string, number>();
  const serials: string[] = [];
  lines.forEach((serial, index) => {
    if (serial === "") return;
    const wrong = wrongSerial(serial);
    if (wrong) throw new Error(`line ${index + 1}: ${wrong}`);
    const before = seen.get(serial.toLowerCase());
    if (before !== undefined)
      throw new Error(`line ${index + 1}: "${serial}" is there already, in line ${before}`);
    seen.set(serial.toLowerCase(), index + 1);
    serials.push(serial);
  });
  if (serials.length === 0) throw new Error("a serial on a line is accepted (got none)");
  return serials;
}
