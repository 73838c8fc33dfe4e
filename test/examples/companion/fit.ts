import type { ExecutionContext } from "ava";
import type { Page } from "playwright-core";

/** What the browser tells assistive technology of an element, as far as it matters here. */
interface AxNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
}

const CONTROLS: readonly string[] = ["button", "link", "textbox", "radio", "checkbox", "combobox", "meter"];
/** WCAG 2.2, success criteria 1.4.3 (text up to 24 px) and 2.5.8. */
const LEAST_CONTRAST = 4.5;
const LEAST_TARGET = 24;
/** Looks at the tree, and milliseconds between them, until the page is in it. */
const LOOKS = 100;
const PAUSE = 100;

/** What every page of the app owes its customers. */
export async function isFit(t: ExecutionContext, page: Page): Promise<void> {
  await page.waitForLoadState("load");
  const url = page.url();
  const client = await page.context().newCDPSession(page);
  let shown: readonly AxNode[] = [];
  const count = (role: string) => shown.filter((node) => node.role?.value === role).length;
  // The tree is made after the page, on a busy machine some time after it.
  for (let looks = 0; looks < LOOKS && count("contentinfo") === 0; looks++) {
    if (looks > 0) await page.waitForTimeout(PAUSE);
    const { nodes } = (await client.send("Accessibility.getFullAXTree")) as { nodes: readonly AxNode[] };
    shown = nodes.filter(({ ignored }) => !ignored);
  }
  await client.detach();
  for (const landmark of ["banner", "main", "contentinfo"]) t.is(count(landmark), 1, `${landmark}: ${url}`);
  const nameless = shown.filter(
    ({ role, name }) => CONTROLS.includes(role?.value ?? "") && !name?.value.trim(),
  );
  t.deepEqual(nameless, [], `every control has a name: ${url}`);
  const problems = await page.evaluate(
    ({ leastContrast, leastTarget }) => {
      // types of their own: tests know nothing of a document
      interface Element {
        readonly tagName: string;
        readonly textContent: string;
        readonly outerHTML: string;
        readonly parentElement: Element | null;
        readonly childNodes: Iterable<{ readonly nodeType: number; readonly textContent: string }>;
        getBoundingClientRect(): { readonly width: number; readonly height: number; readonly x: number };
      }
      const { document, getComputedStyle, innerWidth } = globalThis as unknown as {
        document: {
          readonly documentElement: Element & { readonly scrollWidth: number; readonly lang: string };
          readonly scripts: { readonly length: number };
          querySelectorAll(selector: string): Iterable<Element>;
        };
        getComputedStyle(element: Element): { readonly color: string; readonly backgroundColor: string };
        innerWidth: number;
      };
      const found: string[] = [];
      if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the screen");
      if (document.documentElement.lang !== "en") found.push("without a language");
      if (document.scripts.length > 0) found.push("has a script");
      const levels = [...document.querySelectorAll("h1,h2,h3,h4")].map(({ tagName }) => Number(tagName[1]));
      if (levels[0] !== 1 || levels.filter((level) => level === 1).length !== 1)
        found.push("not one h1, first");
      levels.forEach((level, at) => {
        if (at > 0 && level > levels[at - 1]! + 1)
          found.push(`a heading of level ${level} after ${levels[at - 1]}`);
      });
      const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
      const background = (element: Element | null): number[] => {
        if (element === null) return [255, 255, 255];
        const color = channels(getComputedStyle(element).backgroundColor);
        return (color[3] ?? 1) === 0 ? background(element.parentElement) : color;
      };
      const luminance = (color: readonly number[]) => {
        const [r, g, b] = color.slice(0, 3).map((channel) => {
          const part = channel / 255;
          return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
      };
      for (const element of document.querySelectorAll("body *")) {
        const hasText = [...element.childNodes].some(
          (node) => node.nodeType === 3 && node.textContent.trim() !== "",
        );
        if (!hasText || element.tagName === "STYLE") continue;
        const pair = [channels(getComputedStyle(element).color), background(element)].map(luminance);
        const [light, dark] = [Math.max(...pair), Math.min(...pair)];
        const contrast = (light + 0.05) / (dark + 0.05);
        if (contrast < leastContrast) found.push(`contrast ${contrast.toFixed(2)}: ${element.outerHTML}`);
      }
      for (const element of document.querySelectorAll("main a,button,input:not([type=hidden])")) {
        const { width, height } = element.getBoundingClientRect();
        if (Math.min(width, height) < leastTarget) found.push(`small target: ${element.outerHTML}`);
      }
      return found;
    },
    { leastContrast: LEAST_CONTRAST, leastTarget: LEAST_TARGET },
  );
  t.deepEqual(problems, [], url);
}
