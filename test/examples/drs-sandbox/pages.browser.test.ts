import anyTest, { type ExecutionContext } from "ava";
import type { Page } from "playwright-core";
import { closeBrowser, openPage } from "./browser.js";
import {
  authorizeUrl,
  CLIENT_ID,
  CLIENT_SECRET,
  COMPOSITE_ID,
  loginTokens,
  type Maker,
  SERIAL,
  startMaker,
  type Tokens,
  token,
} from "./maker.js";
import { callService, DAY, MINUTE } from "./support.js";

// One browser: pages that wait for each other's processor time would be no faster.
const test = anyTest.serial;
test.after.always(closeBrowser);

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
const heading = (page: Page) => page.getByRole("heading", { level: 1 }).textContent();

/** What every page owes its customers. */
async function isFit(t: ExecutionContext, page: Page): Promise<void> {
  t.true(await page.getByText("Local sandbox.").isVisible(), `${page.url()} is marked`);
  t.is(await page.getByRole("heading", { level: 1 }).count(), 1);
  for (const landmark of ["banner", "main"] as const)
    t.is(await page.getByRole(landmark).count(), 1, landmark);
  const problems = await page.evaluate(() => {
    const found: string[] = [];
    // a type of its own: tests know nothing of a document
    const { document, innerWidth } = globalThis as unknown as {
      document: {
        documentElement: { scrollWidth: number; lang: string };
        scripts: { length: number };
        querySelectorAll(
          selector: string,
        ): Iterable<{ labels: { length: number }; outerHTML: string; textContent: string; tabIndex: number }>;
      };
      innerWidth: number;
    };
    if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the screen");
    if (document.documentElement.lang !== "en") found.push("without a language");
    if (document.scripts.length > 0) found.push("has a script");
    for (const field of document.querySelectorAll("input:not([type=hidden]),select"))
      if (field.labels.length === 0) found.push(`no label: ${field.outerHTML}`);
    for (const each of document.querySelectorAll("body > :not(header,main)"))
      found.push(`outside of all landmarks: ${each.outerHTML}`);
    for (const each of document.querySelectorAll("[tabindex],a:not([href])"))
      if (each.tabIndex !== 0) found.push(`out of the order of the keyboard: ${each.outerHTML}`);
    for (const each of document.querySelectorAll("button,a"))
      if (each.textContent.trim() === "") found.push(`no name: ${each.outerHTML}`);
    return found;
  });
  t.deepEqual(problems, [], page.url());
}

async function fetchTokens(maker: Maker, url: string): Promise<Tokens> {
  const response = await token(maker, {
    grant_type: "authorization_code",
    code: new URL(url).searchParams.get("code") ?? "",
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    redirect_uri: maker.returnUrl,
  });
  return (await response.json()) as Tokens;
}

const settingsUrl = ({ sandbox, app }: Maker, { access_token }: Tokens) =>
  `${sandbox.url}/settings?${new URLSearchParams({ access_token, exitUri: `${app}/device` })}`;

test("from the teaser to a subscription, in the order that a customer sees it", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const maker = await startMaker(t);
  const errors: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  const query = new URLSearchParams({
    compositeId: COMPOSITE_ID,
    loginUri: authorizeUrl(maker),
    remindLaterUri: `${maker.app}/later`,
    skipUri: `${maker.app}/skip`,
  });
  await page.goto(`${maker.sandbox.url}/teaser?${query}`);
  await isFit(t, page);
  t.deepEqual(await page.getByRole("link").allTextContents(), ["Get started", "Remind me later", "Skip"]);
  await page.getByRole("link", { name: "Skip" }).click();
  t.is(await heading(page), "app /skip");
  await page.goBack();

  await page.getByRole("link", { name: "Get started" }).click();
  t.is(await heading(page), "Sign in");
  await isFit(t, page);
  await press(page, "Sign in as Ada");
  t.is(await heading(page), "Register Suds");
  await isFit(t, page);
  await maker.clock.advance(0);
  t.deepEqual(maker.news(), [], "nothing is registered before the customer agrees");
  await press(page, "Allow");
  t.is(await heading(page), "Choose what to reorder");
  await isFit(t, page);
  await maker.clock.advance(0);
  t.deepEqual(
    maker.news().map(({ type }) => type),
    ["DeviceRegisteredNotification"],
    "before products are chosen",
  );
  await page.getByRole("group", { name: "Hand soap" }).getByLabel("Pine soap").check();
  await press(page, "Continue");
  t.is(await heading(page), "Confirm");
  await isFit(t, page);
  await page.getByText("Pine soap, 4 count").waitFor();
  await page.getByText("Nothing is reordered").waitFor();
  await page.getByRole("link", { name: "Change products" }).click();
  t.true(await page.getByLabel("Pine soap").isChecked(), "what was chosen is still there");
  await press(page, "Continue");
  await page.getByLabel("Shipping address").selectOption({ index: 1 });
  await press(page, "Confirm");
  t.is(await heading(page), "app /callback");
  t.is(new URL(page.url()).searchParams.get("state"), "a state & more");
  t.is((await fetchTokens(maker, page.url())).token_type, "bearer");
  await maker.clock.advance(0);
  t.like(maker.news()[1], {
    type: "SubscriptionChangedNotification",
    message: {
      subscriptionInfo: {
        slotsSubscriptionStatus: {
          soap: { subscribed: true, productInfoList: [{ asin: "B000SOAP02", quantity: 4, unit: "count" }] },
          foam: { subscribed: false, productInfoList: [] },
        },
      },
    },
  });
  t.deepEqual(errors, [], "no page breaks its own security policy");
});

test("a customer who cancels is back in the app, and nothing is registered", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const maker = await startMaker(t);
  for (const step of ["Sign in", "Register Suds"]) {
    await page.goto(authorizeUrl(maker));
    if (step !== "Sign in") await press(page, "Sign in as Ada");
    t.is(await heading(page), step);
    await press(page, "Cancel");
    t.is(await heading(page), "app /callback");
    const query = new URL(page.url()).searchParams;
    t.is(query.get("error"), "access_denied");
    t.is(query.get("state"), "a state & more");
    t.false(query.has("code"));
  }
  await maker.clock.advance(0);
  t.deepEqual(maker.news(), []);
});

test("a login can be gone through by keyboard, and finished without a subscription", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const maker = await startMaker(t);
  await page.goto(authorizeUrl(maker));
  const focused = () => page.locator(":focus");
  await page.keyboard.press("Tab");
  t.is(await focused().textContent(), "Sign in as Ada");
  await page.keyboard.press("Enter");
  await page.getByText("Register Suds").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Choose what to reorder" }).waitFor();
  for (let tabs = 0; tabs < 3; tabs += 1) await page.keyboard.press("Tab");
  t.is(await focused().textContent(), "Continue");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Confirm" }).waitFor();
  await press(page, "Finish without reordering");
  t.is(await heading(page), "app /callback");
  await maker.clock.advance(0);
  t.deepEqual(
    maker.news().map(({ type }) => type),
    ["DeviceRegisteredNotification", "SubscriptionChangedNotification"],
  );
});

test("the settings of a device: subscription, product, account, orders and the way back", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const maker = await startMaker(t);
  const { clock, sandbox } = maker;
  await page.goto(authorizeUrl(maker));
  await press(page, "Sign in as Ada");
  await press(page, "Allow");
  await page.getByLabel("Lemon soap").check();
  await press(page, "Continue");
  await press(page, "Confirm");
  const tokens = await fetchTokens(maker, page.url());
  const subscribed = () =>
    callService(sandbox.url, "SubscriptionInfo", { token: `Bearer ${tokens.access_token}` }).then(
      (response) => response.json(),
    );
  await page.goto(settingsUrl(maker, tokens));
  t.false(page.url().includes("Atza"), "the token does not stay in the address bar");
  t.is(await heading(page), "Settings of Suds");
  await isFit(t, page);
  await page.getByText(SERIAL).waitFor();

  await press(page, "Turn off reordering of Hand soap");
  await page.getByRole("status").filter({ hasText: "not reordered any more" }).waitFor();
  t.like(await subscribed(), {
    slotsSubscriptionStatus: { soap: { subscribed: false, productInfoList: [{ asin: "B000SOAP01" }] } },
  });
  await press(page, "Turn on reordering of Hand soap");
  await page.getByRole("group", { name: "Product for Foam" }).getByLabel("Rose foam").check();
  await press(page, "Save product for Foam");
  await page.getByRole("status").filter({ hasText: "Rose foam is chosen" }).waitFor();
  await page.getByRole("group", { name: "Product for Hand soap" }).getByLabel("No product").check();
  await press(page, "Save product for Hand soap");
  t.is(await page.getByRole("button", { name: "Turn on reordering of Hand soap" }).count(), 0, "of nothing");
  t.like(await subscribed(), {
    slotsSubscriptionStatus: {
      soap: { subscribed: false, productInfoList: [] },
      foam: { subscribed: true, productInfoList: [{ asin: "B000FOAM01" }] },
    },
  });
  await clock.advance(0);
  t.is(maker.news().filter(({ type }) => type === "SubscriptionChangedNotification").length, 5);

  await callService(sandbox.url, "Replenish", {
    path: "/replenish/foam",
    token: `Bearer ${tokens.access_token}`,
  });
  await clock.advance(MINUTE);
  await page.reload();
  await page.getByText("It can be cancelled until").waitFor();
  await press(page, "Cancel order of Rose foam");
  await page.getByText("The order is cancelled.").waitFor();
  t.is(sandbox.orders[0]?.state, "cancelled");
  await isFit(t, page);
  await page.getByRole("link", { name: "Exit" }).click();
  t.is(await heading(page), "app /device");
});

test("orders can be cancelled for a day, and a payment that is declined is solved on its page", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const maker = await startMaker(t, {
    customers: [
      {
        id: "amzn1.account.ADA",
        name: "Ada",
        payments: [{ label: "Old card", isGood: false }, { label: "New card" }],
      },
    ],
  });
  const { clock, sandbox } = maker;
  const bearer = { token: `Bearer ${(await loginTokens(maker)).access_token}` };
  await callService(sandbox.url, "Replenish", bearer);
  await clock.advance(DAY);
  await page.goto(`${sandbox.url}/your-orders`);
  t.is(await heading(page), "Sign in");
  await press(page, "Sign in as Ada");
  t.is(await heading(page), "Your orders");
  await isFit(t, page);
  await page.getByRole("link", { name: "Solve the problem" }).click();
  await isFit(t, page);
  await press(page, "Save");
  await page.getByRole("status").filter({ hasText: "declined, too" }).waitFor();
  await page.getByLabel("Payment method").selectOption("New card");
  await press(page, "Save");
  await page.getByRole("status").filter({ hasText: "solved" }).waitFor();
  await clock.advance(DAY - 1);
  t.is(maker.news().at(-1)?.type, "OrderPlacedNotification");
  await page.reload();
  t.is(await page.getByRole("button", { name: "Cancel order of Lemon soap" }).count(), 1);
  await clock.advance(1);
  await press(page, "Cancel order of Lemon soap");
  await page.getByText("The order cannot be cancelled any more.").waitFor();
  t.is(await page.getByRole("button", { name: "Cancel order of Lemon soap" }).count(), 0);
  t.is(sandbox.orders[0]?.state, "placed");
});

test("devices are deregistered one by one, or with their maker's app", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const maker = await startMaker(t);
  const first = await loginTokens(maker, { scope: { serial: "S-1" } });
  await loginTokens(maker, { scope: { serial: "S-2" } });
  await loginTokens(maker, { scope: { serial: "S-3" }, customer: "amzn1.account.BEN" });
  await page.goto(`${maker.sandbox.url}/MYCD/`);
  await press(page, "Sign in as Ada");
  t.is(await heading(page), "Your devices");
  await isFit(t, page);
  await page.getByText("S-2", { exact: true }).waitFor();
  t.is(await page.getByText("S-3").count(), 0, "another customer's");
  await press(page, "Settings of S-1");
  t.is(await heading(page), "Settings of Suds");
  t.is(await page.getByRole("link", { name: "Exit" }).count(), 0);
  await page.goBack();
  await press(page, "Deregister S-1");
  await page.getByRole("status").filter({ hasText: "S-1, is deregistered" }).waitFor();
  t.is(
    (await callService(maker.sandbox.url, "DeviceStatus", { token: `Bearer ${first.access_token}` })).status,
    400,
  );
  await page.getByRole("link", { name: "Apps that you have allowed" }).click();
  await isFit(t, page);
  await press(page, "Remove Suds App");
  await page.getByText("There are none.").waitFor();
  await maker.clock.advance(0);
  const ended = maker.news().filter(({ type }) => type === "DeviceDeregisteredNotification");
  t.deepEqual(
    ended.map(({ message }) => message.deviceInfo),
    ["S-1", "S-2"].map((serialNumber) => ({
      deviceIdentifier: { serialNumber },
      productIdentifier: { modelId: "dispenser-2" },
    })),
  );

  // The link of the device that is not registered any more leads to a registration, as the settings page of Amazon does.
  await page.goto(settingsUrl(maker, first));
  t.is(await heading(page), "Register Suds");
  await press(page, "Allow");
  await press(page, "Continue");
  await press(page, "Finish without reordering");
  t.is(await heading(page), "app /callback");
});

test("the settings of another customer's device are not shown", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const maker = await startMaker(t);
  const tokens = await loginTokens(maker);
  await page.goto(settingsUrl(maker, tokens));
  await press(page, "Sign in as Ben");
  await page.getByText("Suds is registered to another customer.").waitFor();
  await isFit(t, page);
  await press(page, "Sign in as someone else");
  await press(page, "Sign in as Ada");
  t.is(await heading(page), "Settings of Suds");
});
