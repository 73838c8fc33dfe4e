import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { ExecutionContext } from "ava";
import { type Browser, chromium, type Page } from "playwright-core";

/** Chromium of this machine; undefined: there is none. */
export function chromiumPath(): string | undefined {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .flatMap((folder) => ["chromium", "chromium-browser"].map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** Ms: a machine may be busy with other tests. */
const PATIENCE = 120_000;

let launched: Promise<Browser> | undefined;

/** A page on a phone-sized screen, without cookies of other tests. Undefined: there is no Chromium, and the test says so. */
export async function openPage(t: ExecutionContext): Promise<Page | undefined> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) {
    t.pass("skipped: no Chromium in PATH");
    t.log("skipped: no Chromium in PATH");
    return undefined;
  }
  launched ??= chromium.launch({
    executablePath,
    timeout: PATIENCE,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
  const browser = await launched;
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en-US" });
  context.setDefaultTimeout(PATIENCE);
  t.teardown(() => context.close());
  return context.newPage();
}

/** For `test.after.always`. */
export async function closeBrowser(): Promise<void> {
  await (await launched)?.close();
}
