import test from "ava";
import { parseCodeSize, roomsOf } from "./code-size.js";

const SAID = `moddable: esp32 in 20.1 s
  /tmp/mc.xs.c (3163248 bytes)
  bytecode by room, in bytes:
         50  SDK
         10  HAL
          5  firmware
         40  codec (cbor-x)
         30  crypto (tweetnacl)
         20  platform (Moddable)
    sdk/everfull: 25
    sdk/ledger/journal: 20
    hal/boards/esp32/board: 10
    sdk/ledger/bytes: 4
    firmware/app: 5
    sdk/slot: 1
  preloaded objects: 15661 slots, of 16 bytes each on a 32-bit chip
`;

test("what the build says of sizes is read, and modules make rooms", (t) => {
  const size = parseCodeSize(SAID)!;
  t.is(size.everfull, 65);
  t.is(size.beside, 70);
  t.deepEqual(size.modules[0], ["sdk/everfull", 25]);
  t.is(
    size.modules.reduce((sum, [, bytes]) => sum + bytes, 0),
    size.everfull,
  );
  t.deepEqual(roomsOf(size.modules), [
    ["sdk", 26],
    ["sdk/ledger", 24],
    ["hal/boards", 10],
    ["firmware", 5],
  ]);
});

test("a build that says nothing of sizes has none", (t) => {
  t.is(parseCodeSize("moddable: skipped esp32: MODDABLE is not set"), undefined);
});
