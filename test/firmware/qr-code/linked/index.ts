import { doseCounter } from "everfull/firmware/dose-counter";
import type { Product } from "everfull/firmware/kind";
import { qrCode } from "everfull/firmware/qr-code";

/** A product that shows the way to its page at the maker, for the builds that link it. */
const product: Product = {
  kinds: [doseCounter],
  onEvent(event, { board, everfull }) {
    if (event.kind !== "dayClosed") return;
    const { size, isDark } = qrCode(`https://maker.example/d/${everfull.slotIds[0]}`);
    for (let row = 0; row < size; row++) {
      let line = "";
      for (let column = 0; column < size; column++) line += isDark(column, row) ? "##" : "  ";
      board.log(line);
    }
  },
};

export default product;
