import anyTest, { type ExecutionContext } from "ava";
import { closeBrowser } from "../drs-sandbox/browser.js";
import { isFit } from "./fit.js";
import { type Customer, HOUR, World } from "./world.js";

const test = anyTest.serial;
const world = new World(["Jan", "Kim", "Lea", "Mia", "Ned", "Ola", "Pia"]);
test.before(() => world.start());
test.after.always(async () => {
  await closeBrowser();
  await world.close();
});

/** The registration has ended everywhere. */
async function isOver(t: ExecutionContext, { name, home, page, amazon }: Customer): Promise<void> {
  await world.settle();
  t.true(
    await world.until(() => home.device.everfull?.registration === "deregistered", 25),
    "the device knows",
  );
  await page.goto(`${amazon}/mn/dcw/myx.html`);
  await page.getByText("No device is registered.").waitFor();
  t.is(world.demo.sandbox.orders.filter(({ serial }) => serial === name).length, 0);
}

/** The app goes on with the device, and its entry leads to the sign-up. */
async function leadsToSignUp(t: ExecutionContext, customer: Customer): Promise<void> {
  await customer.open();
  await customer.at("Suds");
  await customer.page.getByText("Reordering is off").waitFor();
  await customer.follow("Amazon Dash Replenishment");
  t.is(await customer.heading(), "Never run out with Suds");
}

test("deregister on Amazon's list of devices: the app and the device stop, and another customer can begin", async (t) => {
  const jan = await world.visit(t, "Jan");
  if (jan === undefined) return;
  const { page, amazon, home } = jan;
  await jan.setUp();
  await jan.openSettings();
  await jan.follow("All your devices");
  await jan.press("Deregister Jan");
  await page.getByRole("status").filter({ hasText: "is deregistered" }).waitFor();
  await isOver(t, jan);
  await leadsToSignUp(t, jan);

  await page.goto(`${amazon}/mn/dcw/myx.html`);
  await jan.press("Sign in as someone else");
  await jan.press("Sign in as Kim");
  await jan.open("/setup/Jan/offer");
  await jan.press("See the offer");
  await jan.agree();
  await jan.pair();
  await jan.at("Suds is ready");
  await world.settle();
  t.is(home.device.everfull?.registration, "registered");
  await page.goto(`${amazon}/mn/dcw/myx.html`);
  await jan.press("Deregister Jan");
});

test("deregister by taking the app's permission back at Amazon", async (t) => {
  const kim = await world.visit(t, "Kim");
  if (kim === undefined) return;
  await kim.setUp();
  await kim.page.goto(`${kim.amazon}/manage-apps`);
  await kim.press("Remove Suds");
  await isOver(t, kim);
  await leadsToSignUp(t, kim);
});

test("unlink in the app: the device stays, Amazon is told, and that is said", async (t) => {
  const lea = await world.visit(t, "Lea");
  if (lea === undefined) return;
  const { page, home } = lea;
  await lea.setUp();
  await lea.follow("Unlink from Amazon");
  await lea.at("Unlink Suds?");
  await isFit(t, page);
  await lea.follow("Keep it");
  t.is(home.device.everfull?.registration, "registered");
  await lea.follow("Unlink from Amazon");
  await lea.press("Unlink Suds");
  await lea.at("Suds is being unlinked");
  await isFit(t, page);
  t.is(home.device.everfull?.registration, "deregistered", "nothing is ordered from now on");
  await world.settle();
  await lea.follow("Check again");
  await lea.at("Suds is unlinked");
  await page.getByRole("status").filter({ hasText: "Amazon is told" }).waitFor();
  await isOver(t, lea);
  await leadsToSignUp(t, lea);
});

test("delete the device: Amazon is told first, and the app has it no more", async (t) => {
  const mia = await world.visit(t, "Mia");
  if (mia === undefined) return;
  const { page } = mia;
  await mia.setUp();
  await mia.follow("Delete Suds");
  await mia.press("Delete Suds");
  await mia.at("Suds is being deleted");
  await world.settle();
  await mia.follow("Check again");
  await mia.at("Suds is deleted");
  await isFit(t, page);
  await isOver(t, mia);
  await mia.open();
  await mia.at("Your devices");
  await page.getByText("You have no device yet.").waitFor();
  await mia.follow("Set up a device");
  await page.getByRole("button", { name: "Set up Suds, Mia" }).waitFor();
});

test("delete a device that cannot be reached: the gateway tells Amazon in its place, and the device when it is back", async (t) => {
  const ned = await world.visit(t, "Ned");
  if (ned === undefined) return;
  const { page, home } = ned;
  await ned.setUp();
  home.device.cutPower();
  await ned.follow("Delete Suds");
  await ned.press("Delete Suds");
  await ned.at("Suds is deleted");
  await page.getByRole("status").filter({ hasText: "in its place" }).waitFor();
  home.device.start();
  await isOver(t, ned);
});

test("deregister by the maker's service", async (t) => {
  const ola = await world.visit(t, "Ola");
  if (ola === undefined) return;
  await ola.setUp();
  await world.demo.gateway.deregister("Ola");
  await isOver(t, ola);
  await leadsToSignUp(t, ola);
});

test("factory reset on the device: waits until Amazon is told, and says so", async (t) => {
  const pia = await world.visit(t, "Pia");
  if (pia === undefined) return;
  const { page, home } = pia;
  await pia.setUp();
  await page.goto(home.displayUrl);
  await isFit(t, page);
  await pia.press("Factory reset");
  await page.getByRole("status").filter({ hasText: "reset, and Amazon is told" }).waitFor();
  await world.pass(HOUR);
  await isOver(t, pia);
});
