import type { ExecutionContext } from "ava";
import type { Page } from "playwright-core";
import { type Demo, type DemoHome, type HomeOptions, startDemo } from "../../../examples/companion/index.js";
import { chromiumPath, openPage } from "../drs-sandbox/browser.js";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Everything but the customer: one service and one gateway, and a home for each test, whose customer has the name of its device. */
export class World {
  readonly #names: readonly string[];
  #demo: Demo | undefined;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** For `test.before`. Without Chromium there is no use for it. */
  async start(flows: Readonly<Record<string, HomeOptions["flow"]>> = {}): Promise<void> {
    if (chromiumPath() === undefined) return;
    this.#demo = await startDemo({
      homes: this.#names.map((serial) => ({ serial, ...(flows[serial] && { flow: flows[serial] }) })),
      // Only the device of the test that runs has power: see `visit`.
      sandbox: { customers: this.#names.map((name) => ({ name })) },
    });
    for (const { device } of this.demo.homes) device.cutPower();
  }

  async close(): Promise<void> {
    await this.#demo?.close();
  }

  get demo(): Demo {
    return this.#demo!;
  }

  /** A customer at their phone. Undefined: there is no Chromium, and the test says so. */
  async visit(t: ExecutionContext, name: string): Promise<Customer | undefined> {
    const page = await openPage(t);
    if (page === undefined) return undefined;
    const home = this.demo.homes[this.#names.indexOf(name)]!;
    home.device.start();
    // Days that pass for others are not this device's.
    t.teardown(() => home.device.cutPower());
    return new Customer(this, page, home, name);
  }

  /** Lets time pass; what that brings about is done when it returns. */
  async pass(ms: number, step = Math.min(ms, HOUR)): Promise<void> {
    const { clock, gateway } = this.demo;
    for (let passed = 0; passed < ms; passed += step) {
      await clock.advance(step);
      await gateway.idle();
    }
  }

  /** Until device, gateway and service have told each other what there is. */
  settle(): Promise<void> {
    return this.pass(40 * SECOND, 5 * SECOND);
  }

  /** Lets hours pass until something is so. */
  async until(isSo: () => boolean, hours: number): Promise<boolean> {
    for (let hour = 0; hour < hours && !isSo(); hour++) await this.pass(HOUR);
    return isSo();
  }
}

export class Customer {
  readonly world: World;
  readonly page: Page;
  readonly home: DemoHome;
  readonly name: string;

  constructor(world: World, page: Page, home: DemoHome, name: string) {
    this.world = world;
    this.page = page;
    this.home = home;
    this.name = name;
  }

  get amazon(): string {
    return this.world.demo.sandbox.url;
  }

  open(path = "/"): Promise<unknown> {
    return this.page.goto(this.home.appUrl + path);
  }

  press(name: string): Promise<void> {
    return this.page.getByRole("button", { name, exact: true }).click();
  }

  follow(name: string): Promise<void> {
    return this.page.getByRole("link", { name, exact: true }).click();
  }

  heading(): Promise<string | null> {
    return this.page.getByRole("heading", { level: 1 }).textContent();
  }

  /** Waits for a page by its first heading. */
  async at(heading: string): Promise<void> {
    await this.page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor();
  }

  async text(): Promise<string> {
    return (await this.page.getByRole("main").textContent()) ?? "";
  }

  /** From the front of the app to Amazon's first page. */
  async seeOffer(): Promise<void> {
    await this.open();
    await this.follow("Set up a device");
    await this.press(`Set up Suds, ${this.name}`);
    await this.at("Never run out with Suds");
    await this.press("See the offer");
    await this.page.getByRole("link", { name: "Get started" }).waitFor();
  }

  /** From Amazon's first page back to the app. @param product undefined: nothing is chosen */
  async agree(product: string | undefined = "lemon"): Promise<void> {
    const { page } = this;
    await this.follow("Get started");
    await page.getByRole("heading", { level: 1 }).waitFor();
    if ((await this.heading()) === "Sign in") await this.press(`Sign in as ${this.name}`);
    await this.press("Allow");
    await this.at("Choose what to reorder");
    if (product !== undefined) await page.getByLabel(product).check();
    await this.press("Continue");
    await this.press(product === undefined ? "Finish without reordering" : "Confirm");
  }

  async pair(code = this.home.device.pairingCode): Promise<void> {
    await this.at("Enter the pairing code");
    await this.page.getByLabel("Pairing code").fill(code);
    await this.press("Pair");
  }

  /** The whole set-up, up to the product page. */
  async setUp(product?: string): Promise<void> {
    await this.seeOffer();
    await this.agree(product);
    await this.pair();
    await this.at("Suds is ready");
    await this.follow("Go to Suds");
    await this.at("Suds");
    await this.world.settle();
  }

  /** From the first screen, in one tap. */
  async openSettings(): Promise<void> {
    await this.open();
    await this.follow("Amazon Dash Replenishment");
    await this.page.getByRole("heading", { level: 1 }).waitFor();
  }
}
