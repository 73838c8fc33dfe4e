import anyTest, { type ExecutionContext } from "ava";
import jsQr from "jsqr";
import type { Locator } from "playwright-core";
import { closeBrowser } from "../drs-sandbox/browser.js";
import { isFit } from "./fit.js";
import { type Customer, DAY, World } from "./world.js";

const test = anyTest.serial;
const world = new World(["Gus", "Hal", "Ida", "Jan"]);
test.before(() => world.start());
test.after.always(async () => {
  await closeBrowser();
  await world.close();
});

test("change product and unsubscribe: on Amazon's settings, one tap from the first screen, and back", async (t) => {
  const gus = await world.visit(t, "Gus");
  if (gus === undefined) return;
  const { page, home } = gus;
  await gus.setUp("lemon");
  await gus.openSettings();
  t.is(await gus.heading(), "Settings of Suds");
  t.false(page.url().includes("Atza"), "the token does not stay in the address bar");
  t.true((await gus.text()).includes("Gus"), "Amazon knows the device by the number that the app shows");
  await page.getByRole("group", { name: "Product for Hand soap" }).getByLabel("pine").check();
  await gus.press("Save product for Hand soap");
  await page.getByRole("status").filter({ hasText: "pine is chosen" }).waitFor();
  await gus.press("Turn off reordering of Hand soap");
  await page.getByRole("status").filter({ hasText: "not reordered any more" }).waitFor();
  await gus.follow("Exit");
  await gus.at("Suds");
  await world.settle();
  await page.reload();
  await page.getByText("Reordering is off").waitFor();
  t.is(await page.getByLabel("Notices").count(), 0, "of subscriptions Amazon tells");
  t.true(await world.until(() => home.device.everfull?.slot("soap").decision === "not-subscribed", 25));

  await gus.openSettings();
  await gus.press("Turn on reordering of Hand soap");
  await gus.follow("Exit");
  await world.settle();
  await page.reload();
  await page.getByText("Reordering is on").waitFor();
});

/** What a phone reads of a code on a display. */
async function scan(code: Locator): Promise<string | undefined> {
  const picture = (await code.screenshot()).toString("base64");
  const blank = await code.page().context().newPage();
  const { width, height, data } = await blank.evaluate<{ width: number; height: number; data: number[] }>(
    `(async () => {
      const image = new Image();
      image.src = "data:image/png;base64,${picture}";
      await image.decode();
      const canvas = document.createElement("canvas");
      const { width, height } = image;
      Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      return { width, height, data: [...context.getImageData(0, 0, width, height).data] };
    })()`,
  );
  await blank.close();
  return (jsQr as unknown as typeof jsQr.default)(Uint8ClampedArray.from(data), width, height)?.data;
}

test("the device's own display leads to the pairing, and then to Amazon's settings, by codes for a phone", async (t) => {
  const jan = await world.visit(t, "Jan");
  if (jan === undefined) return;
  const { page, home } = jan;
  await jan.seeOffer();
  const display = await page.context().newPage();
  await display.goto(home.displayUrl);
  const pairing = await scan(display.getByRole("link", { name: "Scan it with the app" }).locator("svg"));
  await jan.agree();
  await jan.at("Enter the pairing code");
  await page.goto(pairing!);
  await jan.press("Pair");
  await jan.at("Suds is ready");
  await world.settle();
  await display.reload();
  const settings = await scan(display.getByRole("link", { name: /settings/ }).locator("svg"));
  t.regex(settings ?? "nothing", /\/devices\/Jan\/dash$/);
  t.false(settings!.includes("Atza"), "no token is shown");
  await page.goto(settings!);
  t.is(await jan.heading(), "Settings of Suds");
});

/** An order is placed, and the customer cancels it at Amazon. */
async function cancelOrder(t: ExecutionContext, customer: Customer, hours: number): Promise<void> {
  const { page, amazon, name } = customer;
  const { sandbox } = world.demo;
  const placed = () => sandbox.orders.some(({ serial, state }) => serial === name && state === "placed");
  t.true(await world.until(placed, hours), "an order is placed");
  await customer.open();
  await customer.at("Suds");
  t.notRegex(await customer.text(), /placed|shipped|deliver|on its way/i, "of orders Amazon tells");
  await page.goto(`${amazon}/your-orders`);
  await page.getByRole("button", { name: /^Cancel order/ }).click();
  await page.getByText("The order is cancelled.").waitFor();
  await world.settle();
  await customer.open();
  await customer.at("Suds");
}

test("cancel once and twice: the notices say what follows, in the customer's language, until it is full", async (t) => {
  const hal = await world.visit(t, "Hal");
  if (hal === undefined) return;
  const { page, home } = hal;
  const notices = page.getByLabel("Notices");
  await hal.setUp();
  await world.pass(DAY);
  home.device.everfull?.consume("soap", 880);

  await cancelOrder(t, hal, 49);
  t.is(
    await notices.textContent(),
    "Hand soap: your cancellation is recorded. Amazon Dash Replenishment will reorder in 5 days.",
  );
  await isFit(t, page);
  const context = await page.context().browser()!.newContext({ locale: "de-AT" });
  const german = await context.newPage();
  await german.goto(`${home.appUrl}/devices/Hal`);
  const told = german.getByLabel("Notices");
  t.is(await told.getAttribute("lang"), "de");
  t.regex((await told.textContent()) ?? "", /bestellt in 5 Tagen erneut/);
  await context.close();

  const cancelled = world.demo.clock.now();
  await cancelOrder(t, hal, 8 * 24);
  const [first, second] = world.demo.sandbox.orders.filter(({ serial }) => serial === "Hal");
  t.true(second!.acceptedAt >= first!.cancelledAt! + 4 * DAY && second!.acceptedAt > cancelled);
  t.is(
    await notices.textContent(),
    "Hand soap: your second cancellation is recorded. Amazon Dash Replenishment will not reorder until it is filled to 100 %.",
  );
  await world.pass(7 * DAY);
  t.is(
    world.demo.sandbox.orders.filter(({ serial }) => serial === "Hal").length,
    2,
    "nothing until it is full",
  );

  await page.goto(home.displayUrl);
  await hal.press("Fill it up");
  await world.pass(2 * DAY);
  await hal.open();
  t.is(await notices.count(), 0);
  await page.getByText("100 % left").waitFor();
});

test("help: questions about orders go to Amazon, all others to the maker", async (t) => {
  const ida = await world.visit(t, "Ida");
  if (ida === undefined) return;
  const { page } = ida;
  await ida.seeOffer();
  await ida.follow("Skip");
  await ida.follow("Go to Suds");
  await ida.follow("Help");
  await isFit(t, page);
  const target = (name: string) => page.getByRole("link", { name, exact: true }).getAttribute("href");
  t.is(await target("Contact Amazon"), "https://www.amazon.com/gp/help/contact-us");
  t.is(await target("Contact us"), "https://suds.example/help");
  t.regex((await page.getByRole("contentinfo").textContent()) ?? "", /Not made by or endorsed by Amazon/);
});
