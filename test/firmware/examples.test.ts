import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "ava";

const EXAMPLES = new URL("../../../examples/", import.meta.url);
/** What a product adds to the firmware fits on a page. */
const MOST_LINES = 100;

test("an example product is one module of fewer than 100 lines", (t) => {
  const products = readdirSync(EXAMPLES).filter((name) =>
    existsSync(new URL(`${name}/manifest.json`, EXAMPLES)),
  );
  t.true(
    ["dispenser", "printer"].every((name) => products.includes(name)),
    products.join(", "),
  );
  for (const name of products) {
    const folder = new URL(`${name}/`, EXAMPLES);
    const modules = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
      /\.[cm]?[jt]sx?$/.test(file),
    );
    t.deepEqual(modules, ["index.ts"], name);
    const lines = readFileSync(new URL("index.ts", folder), "utf8").split("\n").length;
    t.true(lines < MOST_LINES, `${name}: ${lines} lines`);
  }
});
