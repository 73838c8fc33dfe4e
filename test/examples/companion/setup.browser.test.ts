import anyTest from "ava";
import { closeBrowser } from "../drs-sandbox/browser.js";
import { isFit } from "./fit.js";
import { DAY, MINUTE, World } from "./world.js";

// One browser: pages that wait for each other's processor time would be no faster.
const test = anyTest.serial;
const world = new World(["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn"]);
test.before(() => world.start({ Eve: "web" }));
test.after.always(async () => {
  await closeBrowser();
  await world.close();
});

test("subscribe: the offer comes before ready, and the device hears what was agreed to by its pairing code", async (t) => {
  const ada = await world.visit(t, "Ada");
  if (ada === undefined) return;
  const { page, home } = ada;
  const problems: string[] = [];
  page.on("console", (message) => {
    // a code that was not taken is a 400, of which the browser's log tells too
    if (message.type() === "error" && !message.text().includes("status of 400"))
      problems.push(message.text());
  });
  await ada.open();
  await isFit(t, page);
  await ada.follow("Set up a device");
  await isFit(t, page);
  await ada.press("Set up Suds, Ada");
  await ada.at("Never run out with Suds");
  await isFit(t, page);
  for (const path of ["/setup/Ada/ready", "/devices/Ada", "/setup/Ada/pair", "/setup/Ada"]) {
    await ada.open(path);
    t.is(await ada.heading(), "Never run out with Suds", `${path} does not lead around the offer`);
  }
  t.is(home.device.everfull?.registration, "new");
  await ada.press("See the offer");
  t.deepEqual(await page.getByRole("link").allTextContents(), ["Get started", "Remind me later", "Skip"]);
  t.is(home.device.everfull?.registration, "offered");
  const asked = page.waitForRequest(/\/ap\/oa\?/);
  await ada.agree();
  const query = new URL((await asked).url()).searchParams;
  t.is(query.get("code_challenge_method"), "S256");
  t.deepEqual(JSON.parse(query.get("scope_data") ?? ""), {
    "dash:replenish": { device_model: "dispenser-1", serial: "Ada" },
  });
  await ada.at("Enter the pairing code");
  t.false(page.url().includes("code="), "the code does not stay in the address bar");
  await isFit(t, page);
  await ada.pair("WRONG123");
  await page.getByRole("alert").filter({ hasText: "not the code" }).waitFor();
  await isFit(t, page);
  t.is(await page.getByLabel("Pairing code").getAttribute("aria-invalid"), "true");
  t.is(home.device.everfull?.registration, "offered");
  await ada.pair();
  await ada.at("Suds is ready");
  await isFit(t, page);
  await world.settle();
  t.is(home.device.everfull?.registration, "registered");
  await ada.follow("Go to Suds");
  await isFit(t, page);
  await page.getByText("Reordering is on").waitFor();
  await page.getByText("100 % left").waitFor();
  t.is(await page.getByText("Enough until").count(), 0, "the first day has no forecast yet");
  t.true((await ada.text()).includes("Identification numberAda"), "it is the serial that Amazon knows");
  await ada.open("/");
  t.is(await ada.heading(), "Suds", "the first screen is the product's");
  await world.pass(2 * DAY);
  await page.reload();
  await page.getByText("Enough until").waitFor();
  await isFit(t, page);
  t.deepEqual(problems, [], "no page breaks its own security policy");
});

test("decline: the device is ready, and what was declined is one tap away", async (t) => {
  const ben = await world.visit(t, "Ben");
  if (ben === undefined) return;
  await ben.seeOffer();
  await ben.follow("Skip");
  await ben.at("Suds is ready");
  await isFit(t, ben.page);
  t.true((await ben.text()).includes("Nothing is reordered"));
  t.is(ben.home.device.everfull?.registration, "declined");
  await ben.follow("Go to Suds");
  await ben.page.getByText("Reordering is off").waitFor();
  await ben.follow("Amazon Dash Replenishment");
  await ben.at("Never run out with Suds");
  await ben.press("See the offer");
  await ben.agree();
  await ben.pair();
  await ben.at("Suds is ready");
  await world.settle();
  t.is(ben.home.device.everfull?.registration, "registered");
});

test("abandon and come back: however the customer leaves, the offer is made again before ready", async (t) => {
  const cleo = await world.visit(t, "Cleo");
  if (cleo === undefined) return;
  const { page, home } = cleo;
  const state = () => home.device.everfull?.registration;
  const resume = async () => {
    await cleo.open();
    await isFit(t, page);
    t.is(await page.getByRole("link", { name: "Open Suds" }).count(), 0);
    await cleo.follow("Continue set-up of Suds");
    await cleo.at("Never run out with Suds");
    await cleo.press("See the offer");
  };
  await cleo.seeOffer();
  await cleo.follow("Remind me later");
  await cleo.at("Your devices");
  await page.getByRole("status").filter({ hasText: "whenever you like" }).waitFor();
  t.is(state(), "abandoned");

  await resume();
  await cleo.follow("Get started");
  await cleo.press("Sign in as Cleo");
  await cleo.press("Cancel");
  await cleo.at("Never run out with Suds");
  await page.getByRole("status").filter({ hasText: "not finished" }).waitFor();
  t.is(state(), "abandoned");

  await resume();
  home.device.cutPower();
  home.device.start();
  t.is(state(), "abandoned", "the power went in the middle of it");
  await cleo.open("/setup/Cleo/ready");
  await cleo.at("Never run out with Suds");

  await resume();
  await cleo.agree();
  await cleo.at("Enter the pairing code");
  const code = home.device.pairingCode;
  await world.pass(15 * MINUTE);
  await cleo.pair(code);
  await cleo.at("Never run out with Suds");
  await page.getByRole("status").filter({ hasText: "not good any more" }).waitFor();

  // What was agreed to at Amazon stands there, and goes on from where it was.
  await cleo.press("See the offer");
  await cleo.agree("pine");
  await cleo.pair();
  await cleo.at("Suds is ready");
  await world.settle();
  t.is(state(), "registered");
});

test("the whole set-up can be gone through by keyboard", async (t) => {
  const dan = await world.visit(t, "Dan");
  if (dan === undefined) return;
  const { page, home } = dan;
  /** Tabs to what has a name, as somebody does who hears it, and presses a key. */
  const go = async (name: string, key = "Enter") => {
    for (let tabs = 0; tabs < 20; tabs++) {
      await page.keyboard.press("Tab");
      const focused = page.locator(":focus");
      const text = await focused.evaluate((element) => {
        const { labels, textContent, ariaLabel } = element as unknown as {
          labels?: ArrayLike<{ textContent: string }>;
          textContent: string;
          ariaLabel: string | null;
        };
        return (ariaLabel ?? labels?.[0]?.textContent ?? textContent).trim();
      });
      if (!text.startsWith(name)) continue;
      const outline = await focused.evaluate((element) => {
        const { getComputedStyle } = globalThis as unknown as {
          getComputedStyle(of: unknown): { outlineStyle: string };
        };
        return getComputedStyle(element).outlineStyle;
      });
      t.not(outline, "none", `${name}: the focus can be seen`);
      if (key !== "") await page.keyboard.press(key);
      return;
    }
    t.fail(`${name} is not reached at ${page.url()}`);
  };
  await dan.open();
  await page.keyboard.press("Tab");
  t.is(await page.locator(":focus").textContent(), "Skip to content");
  await page.keyboard.press("Enter");
  await go("Set up a device");
  await dan.at("Find your device");
  await go("Set up Suds");
  await dan.at("Never run out with Suds");
  await go("See the offer");
  await page.getByRole("link", { name: "Get started" }).waitFor();
  await go("Get started");
  await dan.at("Sign in");
  await go("Sign in as Dan");
  await dan.at("Register Suds");
  await go("Allow");
  await dan.at("Choose what to reorder");
  // Tab reaches the chosen one of a group, the arrows go to the others.
  await go("Nothing for now", "ArrowUp");
  t.true(await page.getByLabel("pine").isChecked());
  await go("Continue");
  await dan.at("Confirm");
  await go("Confirm");
  await dan.at("Enter the pairing code");
  await go("Pairing code", "");
  await page.keyboard.type(home.device.pairingCode.toLowerCase());
  await page.keyboard.press("Enter");
  await dan.at("Suds is ready");
  await go("Go to Suds");
  await dan.at("Suds");
  await world.settle();
  t.is(home.device.everfull?.registration, "registered");
});

test("web flow: the gateway redeems with its secret, and the device hears of it", async (t) => {
  const eve = await world.visit(t, "Eve");
  if (eve === undefined) return;
  await eve.seeOffer();
  const asked = eve.page.waitForRequest(/\/ap\/oa\?/);
  await eve.agree();
  t.false(new URL((await asked).url()).searchParams.has("code_challenge"));
  await eve.at("Suds is ready");
  await eve.follow("Go to Suds");
  await eve.page.getByText("Reordering is on").waitFor();
  t.true(await world.until(() => eve.home.device.everfull?.registration === "registered", 25));
});

test("a sign-up that Amazon does not take is told, and offered again", async (t) => {
  const finn = await world.visit(t, "Finn");
  if (finn === undefined) return;
  const { page, home } = finn;
  await finn.seeOffer();
  await finn.agree();
  await finn.at("Enter the pairing code");
  // Codes are good for five minutes, an offer for fifteen.
  await world.pass(6 * MINUTE);
  await finn.pair();
  await finn.at("Suds is ready");
  await world.settle();
  t.is(home.device.everfull?.registration, "abandoned");
  t.false(home.device.everfull?.mayFinishSetup());
  await finn.open();
  await page.getByText("did not work").waitFor();
  await finn.follow("Amazon Dash Replenishment");
  await finn.at("Never run out with Suds");
  await page.getByRole("alert").filter({ hasText: "did not work" }).waitFor();
  await isFit(t, page);
  await finn.press("See the offer");
  await finn.agree();
  await finn.pair();
  await world.settle();
  t.is(home.device.everfull?.registration, "registered");
});
