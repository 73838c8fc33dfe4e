import { html } from "../../web/html.js";
import { secret } from "../../web/secrets.js";
import { loginLink, teaserLink } from "../amazon.js";
import { type App, devicePath, modelOf, setupPath, withDevice } from "../app.js";
import { CompanionError } from "../errors.js";
import { attempt, type HomeDevice, mayFinish } from "../home.js";
import { alert, seeOther } from "../web/layout.js";
import type { WebReply } from "../web/server.js";
import type { Login, Session } from "../web/sessions.js";
import { button, form, type PageHandler, shown, type Visit } from "../web/site.js";

/** Path that Amazon leads back to after the login. */
export const CALLBACK = "/callback";

const NO_DEVICE = "The device cannot be reached. Switch it on, and hold the phone close to it.";
const NO_ROOM = "The device cannot save it just now. Please try again.";

/** Goes on with a set-up where it is: an offer that was not answered is made again, before anything can be ready. */
export function continueSetup(app: App): PageHandler {
  return ({ args }) =>
    withDevice(app, args[0], async (device) =>
      seeOther(setupPath(device.link.serial, (await attempt(mayFinish(device))) ? "/ready" : "/offer")),
    );
}

export function showOffer(app: App): PageHandler {
  return (visit) => withDevice(app, visit.args[0], (device) => offerPage(app, visit, device));
}

async function offerPage(app: App, visit: Visit, device: HomeDevice, problem = ""): Promise<WebReply> {
  const { name } = modelOf(app, device.link);
  const status = await attempt(device.link.status());
  if (status?.registration === "registered") return seeOther(setupPath(device.link.serial, "/ready"));
  const trouble =
    problem ||
    (status === undefined
      ? NO_DEVICE
      : status.hasFailed
        ? "The last sign-up did not work. Please try again."
        : "");
  return shown(app.look, visit, {
    title: `Never run out with ${name}`,
    status: problem === "" ? 200 : 400,
    exits: [app.amazon.teaserUrl, app.amazon.authorizeUrl].map((url) => new URL(url).origin),
    body: html`${trouble !== "" && alert(trouble)}
${!device.isReady && html`<p>One more step before ${name} is ready.</p>`}
<p>${name} can reorder by Amazon Dash Replenishment before it runs out. The next pages are Amazon's: look at the offer there, and take it or skip it.</p>
${form(visit, setupPath(device.link.serial, "/offer"), button("See the offer"))}
${device.isReady && html`<p><a href="${devicePath(device.link.serial)}">Back to ${name}</a></p>`}`,
  });
}

/** Has the device make an offer, and opens Amazon's first page of it. */
export function makeOffer(app: App): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], async (device) => {
      const { link } = device;
      const offer = await attempt(link.offer());
      if (offer === undefined)
        return offerPage(app, visit, device, (await attempt(link.status())) ? NO_ROOM : NO_DEVICE);
      const login: Login = {
        serial: link.serial,
        state: secret(),
        challenge: offer.codeChallenge,
        code: undefined,
      };
      visit.session.login = login;
      const exit = (what: string) => `${app.url}${setupPath(link.serial, what)}?state=${login.state}`;
      return seeOther(
        teaserLink(app.amazon, modelOf(app, link).compositeId, {
          login: exit("/login"),
          later: exit("/later"),
          skip: exit("/skip"),
        }),
      );
    });
}

/** Amazon's "Get started". */
export function startLogin(app: App): PageHandler {
  return (visit) =>
    withLogin(app, visit, ({ link }, { state, challenge }) => {
      const { clientId, flow, url } = app;
      const redirectUri = url + CALLBACK;
      const request = { clientId, redirectUri, state, device: link };
      return seeOther(loginLink(app.amazon, flow === "web" ? request : { ...request, challenge }));
    });
}

/** Amazon's "Skip": the customer does not want it now. */
export function skip(app: App): PageHandler {
  return (visit) =>
    withLogin(app, visit, async ({ link }) => {
      visit.session.login = undefined;
      if (!(await attempt(link.decline()))) {
        visit.session.notify(NO_ROOM);
        return seeOther(setupPath(link.serial, "/offer"));
      }
      return seeOther(setupPath(link.serial, "/ready"));
    });
}

/** Amazon's "Remind me later". */
export function remindLater(app: App): PageHandler {
  return (visit) =>
    withLogin(app, visit, async ({ link }) => {
      await leave(visit.session, link);
      visit.session.notify("You can go on whenever you like. The offer is shown again then.");
      return seeOther("/");
    });
}

/** Back from the login, with a code or without. */
export function comeBack(app: App): PageHandler {
  return async ({ call, session }) => {
    const { query } = call;
    const login = session.loginWith(query.get("state"));
    const device = login && app.home.find(login.serial);
    // A code that this browser has not asked for is somebody else's: it is not used. Nor is a second one for one question.
    if (login === undefined || device === undefined || login.code !== undefined) {
      session.notify("This sign-in is none that was begun here.");
      return seeOther("/");
    }
    const { link } = device;
    const code = query.get("code");
    if (code === null) {
      await leave(session, link);
      session.notify("The sign-up was not finished. You can begin again.");
      return seeOther(setupPath(link.serial, "/offer"));
    }
    if (app.flow === "device") {
      login.code = code;
      return seeOther(setupPath(link.serial, "/pair"));
    }
    session.login = undefined;
    try {
      await app.gateway.authorize(link.serial, code, app.url + CALLBACK);
    } catch (error) {
      if (!(error instanceof CompanionError)) throw error;
      await attempt(link.abandon());
      session.notify(
        error.reason === "refused"
          ? "Amazon has not taken the sign-up. Please begin again."
          : "The sign-up cannot be finished just now. Please begin again in a while.",
      );
      return seeOther(setupPath(link.serial, "/offer"));
    }
    device.isRegisteredByService = true;
    return seeOther(setupPath(link.serial, "/ready"));
  };
}

export function showPairing(app: App): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], (device) =>
      pairingPage(app, visit, device, visit.call.query.get("pairing") ?? ""),
    );
}

function pairingPage(app: App, visit: Visit, { link }: HomeDevice, typed: string, problem = ""): WebReply {
  const { login } = visit.session;
  if (login?.serial !== link.serial || login.code === undefined)
    return seeOther(setupPath(link.serial, "/offer"));
  const { name } = modelOf(app, link);
  const isWrong = problem !== "";
  return shown(app.look, visit, {
    title: "Enter the pairing code",
    status: isWrong ? 400 : 200,
    body: html`${isWrong && html`<p class="alert" role="alert" id="problem">${problem}</p>`}
<p id="where">${name} shows a code of 8 characters. With it, the device takes over what you have agreed to.</p>
${form(
  visit,
  setupPath(link.serial, "/pair"),
  html`<label for="pairing">Pairing code</label>
<input id="pairing" name="pairing" value="${typed}" required maxlength="16" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" aria-describedby="where${isWrong && " problem"}"${isWrong && html` aria-invalid="true"`}>
${button("Pair")}`,
)}
<p><a href="${setupPath(link.serial, "/offer")}">Begin again</a></p>`,
  });
}

/** Hands what the login gave over to the device. */
export function pair(app: App): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], async (device) => {
      const { session, form: given } = visit;
      const { link } = device;
      const { login } = session;
      const typed = given.get("pairing") ?? "";
      if (login?.serial !== link.serial || login.code === undefined)
        return seeOther(setupPath(link.serial, "/offer"));
      const redirectUri = app.url + CALLBACK;
      const taken = await attempt(
        link.authorize(typed, { code: login.code, clientId: app.clientId, redirectUri }),
      );
      switch (taken) {
        case "taken":
          session.login = undefined;
          return seeOther(setupPath(link.serial, "/ready"));
        case "wrong-code":
          return pairingPage(
            app,
            visit,
            device,
            typed,
            "This is not the code that the device shows. Check it, and try again.",
          );
        case "storage":
          return pairingPage(app, visit, device, typed, NO_ROOM);
        case undefined:
          return pairingPage(app, visit, device, typed, NO_DEVICE);
        default:
          session.login = undefined;
          session.notify("The pairing code is not good any more. Please begin again.");
          return seeOther(setupPath(link.serial, "/offer"));
      }
    });
}

/** The end of set-up; who has not answered the offer does not get here. */
export function showReady(app: App): PageHandler {
  return (visit) =>
    withDevice(app, visit.args[0], async (device) => {
      const { link } = device;
      const { name } = modelOf(app, link);
      if (!(await attempt(mayFinish(device)))) return seeOther(setupPath(link.serial, "/offer"));
      device.isReady = true;
      const { registration } = (await attempt(link.status())) ?? { registration: "new" };
      return shown(app.look, visit, {
        title: `${name} is ready`,
        body: html`<p>${
          registration === "declined"
            ? html`Nothing is reordered. You can turn it on at any time under <strong>Amazon Dash Replenishment</strong>.`
            : "What you have chosen at Amazon is going to be reordered before it runs out, once Amazon has confirmed it. You can change it at any time under Amazon Dash Replenishment."
        }</p>
<p><a class="button" href="${devicePath(link.serial)}">Go to ${name}</a></p>`,
      });
    });
}

/** Leaves an offer unanswered. */
async function leave(session: Session, link: HomeDevice["link"]): Promise<void> {
  session.login = undefined;
  await attempt(link.abandon());
}

/** Runs a task for a link of Amazon's page that leads back here; one that was not made here leads to the offer. */
function withLogin(
  app: App,
  { args, call, session }: Visit,
  task: (device: HomeDevice, login: Login) => Promise<WebReply> | WebReply,
): Promise<WebReply> | WebReply {
  return withDevice(app, args[0], (device) => {
    const login = session.loginWith(call.query.get("state"), device.link.serial);
    return login ? task(device, login) : seeOther(setupPath(device.link.serial, "/offer"));
  });
}
