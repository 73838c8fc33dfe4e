const UEL = "\x1b%-12345X";
const QUESTION = "@PJL INFO PAGECOUNT";
/** Longer lines are not kept: a print job has no lines. */
const LONGEST_LINE = 80;

/** The printer at the other end of a serial line, as far as it is asked for its page count by PJL. */
export class PrinterLine {
  readonly #pages: () => number;
  #isInPjl = false;
  #line = "";

  /** @param pages printed in its life until now */
  constructor(pages: () => number) {
    this.#pages = pages;
  }

  /** Takes what comes in. @returns what it answers; empty when that is nothing */
  take(bytes: Uint8Array): Uint8Array {
    let answer = "";
    for (let i = 0; i < bytes.length; i++) {
      if (this.#line.length < LONGEST_LINE) this.#line += String.fromCharCode(bytes[i]!);
      if (this.#line.endsWith(UEL)) {
        // Ends whatever was there; only `@PJL` that follows at once enters PJL.
        this.#line = "";
        this.#isInPjl = true;
      } else if (this.#line.endsWith("\n")) {
        answer += this.#answer(this.#line.trim());
        this.#line = "";
      }
    }
    return Uint8Array.from(answer, (letter) => letter.charCodeAt(0));
  }

  #answer(line: string): string {
    if (!line.startsWith("@PJL")) this.#isInPjl = false;
    if (!this.#isInPjl || line !== QUESTION) return "";
    return `${QUESTION}\r\nPAGECOUNT=${this.#pages()}\r\n\f`;
  }
}
