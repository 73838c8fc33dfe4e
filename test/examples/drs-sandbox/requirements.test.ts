import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import test from "ava";

const ROOT = new URL("../../../../", import.meta.url);
const README = new URL("examples/drs-sandbox/README.md", ROOT);

const numbers = (kind: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${kind}-${String(index + 1).padStart(2, "0")}`);

interface Row {
  readonly id: string;
  readonly metBy: string;
  /** From the project's folder. */
  readonly tests: readonly string[];
}

function rows(): Row[] {
  const text = readFileSync(README, "utf8");
  return [...text.matchAll(/^\| ((?:CX|OP|BZ)-\d+) +\|[^|]*\|([^|]*)\|([^|]*)\|$/gm)].map(
    ([, id, metBy, tests]) => ({
      id: id!,
      metBy: metBy!.trim(),
      tests: [...tests!.matchAll(/\]\(\.\.\/\.\.\/([^)]+)\)/g)].map(([, path]) => path!),
    }),
  );
}

test("the table has every requirement once, and for each a test or the reason why there is none", (t) => {
  t.deepEqual(
    rows().map(({ id }) => id),
    [...numbers("CX", 10), ...numbers("OP", 16), ...numbers("BZ", 6)],
  );
  for (const { id, metBy, tests } of rows()) t.is(tests.length === 0, metBy === "not software", id);
});

test("every test that the table names is there", (t) => {
  for (const { id, tests } of rows())
    for (const path of tests) t.true(existsSync(fileURLToPath(new URL(path, ROOT))), `${id}: ${path}`);
});
