import test from "ava";
import { qrCode } from "everfull/firmware/qr-code";
import { settingsLink } from "everfull/settings-link";
import fc from "fast-check";
import jsQr from "jsqr";
import { fromText, toText } from "../../../hal/boards/desktop/text.js";
import { startProgram } from "../../hal/simulator/program-engine.js";
import { testOnXs } from "../../hal/simulator/support.js";

const MARGIN = 4;
const SCALE = 3;
const SHORT = "https://maker.example/d/EF-SOAP-0001";
/** As long as an access token of Amazon's at least. */
const LONG = settingsLink({
  base: "https://drs-web.amazon.com/settings",
  accessToken: `Atza|${"x".repeat(345)}`,
  exitUri: "https://maker.example/d/EF-SOAP-0001",
});

/** What a camera reads: an independent decoder, on a picture of the code. */
function read(text: string): string | undefined {
  const { size, isDark } = qrCode(text);
  const width = (size + 2 * MARGIN) * SCALE;
  const pixels = new Uint8ClampedArray(4 * width * width).fill(255);
  for (let y = 0; y < width; y++)
    for (let x = 0; x < width; x++) {
      const [column, row] = [Math.floor(x / SCALE) - MARGIN, Math.floor(y / SCALE) - MARGIN];
      const isInside = column >= 0 && row >= 0 && column < size && row < size;
      if (isInside && isDark(column, row)) pixels.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  return (jsQr as unknown as typeof jsQr.default)(pixels, width, width)?.data;
}

test("a code is read as the link that it was made of", (t) => {
  for (const link of [SHORT, LONG]) t.is(read(link), link);
  fc.assert(
    fc.property(fc.webUrl({ withQueryParameters: true }), (url) => {
      const link = encodeURI(decodeURI(url.replace(/%(?![0-9a-f]{2})/gi, "%25"))).slice(0, 300);
      t.is(read(link), link);
    }),
    { numRuns: 40 },
  );
});

test("a short link of the maker makes a code of a fifth of the modules of one with an access token", (t) => {
  t.is(qrCode(SHORT).size, 29);
  t.is(qrCode(LONG).size, 85);
});

test("what is no printable ASCII, nothing, and too much is refused", (t) => {
  for (const [text, length] of [
    ["", 0],
    ["https://maker.example/ü", 23],
    ["a\nb", 3],
    ["x".repeat(2332), 2332],
  ] as const)
    t.throws(() => qrCode(text), { code: "argument", message: new RegExp(`\\(got ${length} characters\\)`) });
  t.is(qrCode("x".repeat(2331)).size, 177);
});

testOnXs("XS makes the code that Node makes", async (t) => {
  const engine = await startProgram("xs", new URL("program.js", import.meta.url));
  t.teardown(() => engine.stop());
  for (const link of [SHORT, LONG]) {
    const { reply } = await engine.handle(toText(link));
    const { size, isDark } = qrCode(link);
    const rows = Array.from({ length: size * size }, (_, index) =>
      isDark(index % size, Math.floor(index / size)) ? "1" : "0",
    );
    t.is(fromText(reply), rows.join(""));
  }
});
