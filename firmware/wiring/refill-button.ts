import { type Described, type Device, optional, type Part, PIN } from "./kind.js";

/** Pin of the button, in the description of kinds that do not see a refill. */
export const REFILL_BUTTON = Object.freeze(optional(PIN));

/** @returns what closes the button */
export function wireRefillButton(
  { board }: Device,
  part: Part<Described & { readonly refillButton?: number }>,
): () => void {
  const pin = part.wiring.refillButton;
  if (pin === undefined) return () => {};
  const button = new board.io.Button({
    pin,
    onReadable(this: { read(): number | undefined }) {
      if (this.read() === 1) part.refill();
    },
  });
  return () => button.close();
}
