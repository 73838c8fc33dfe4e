import { html } from "../../web/html.js";
import type { HttpCall, HttpReply } from "../http.js";
import { postStep, showStep, startAuthorization } from "./authorize.js";
import { postApps, postDevices, showApps, showDevices } from "./devices.js";
import { pageReply, problemPage, seeOther } from "./layout.js";
import { postOrders, postProblem, showOrders, showProblem } from "./orders.js";
import { Sessions } from "./sessions.js";
import { postSettings, showSettings, startSettings } from "./settings.js";
import { postSignIn, showSignIn } from "./sign-in.js";
import { showTeaser } from "./teaser.js";
import type { PageHandler, PagesOptions } from "./visitor.js";

interface Place {
  readonly path: RegExp;
  readonly get: PageHandler;
  readonly post?: PageHandler;
}

const showFront: PageHandler = ({ models }) =>
  pageReply({
    title: "Replenishment sandbox",
    body: html`<p>These are the pages of a customer. An app opens the teaser, the sign-in and the settings of a device.</p>
<ul>
<li><a href="/your-orders">Your orders</a></li>
<li><a href="/mn/dcw/myx.html">Your devices</a></li>
<li><a href="/manage-apps">Apps that you have allowed</a></li>
${[...models.all].map(
  ({ name, compositeId }) =>
    html`<li><a href="/teaser?compositeId=${compositeId}">Teaser of ${name}</a></li>`,
)}
</ul>`,
  });

const PLACES: readonly Place[] = Object.freeze([
  { path: /^\/$/, get: showFront },
  // the longer path is that of Amazon's sample apps
  { path: /^\/(?:AccioCustomerUI\/)?teaser$/, get: showTeaser },
  { path: /^\/ap\/oa$/, get: startAuthorization },
  { path: /^\/ap\/flow\/([\w-]+)\/([a-z-]+)$/, get: showStep, post: postStep },
  { path: /^\/ap\/signin$/, get: showSignIn, post: postSignIn },
  { path: /^\/settings$/, get: startSettings },
  { path: /^\/settings\/([\w-]+)$/, get: showSettings, post: postSettings },
  { path: /^\/your-orders$/, get: showOrders, post: postOrders },
  { path: /^\/your-orders\/problem$/, get: showProblem, post: postProblem },
  { path: /^\/mn\/dcw\/myx\.html$/, get: showDevices, post: postDevices },
  { path: /^\/MYCD\/?$/, get: () => seeOther("/mn/dcw/myx.html") },
  { path: /^\/manage-apps$/, get: showApps, post: postApps },
]);

/** Everything that customers see. */
export class Pages {
  readonly #options: PagesOptions;
  readonly #sessions = new Sessions();

  constructor(options: PagesOptions) {
    this.#options = options;
  }

  /** Undefined: there is no such page, or the method is not a page's. */
  async answer(call: HttpCall): Promise<HttpReply | undefined> {
    if (call.method !== "GET" && call.method !== "POST") return undefined;
    for (const { path, get, post } of PLACES) {
      const found = path.exec(call.path);
      if (found === null) continue;
      if (call.method === "GET") return this.#run(get, call, found.slice(1), new URLSearchParams());
      if (post === undefined) return undefined;
      const body = await call.body();
      const isForm = /^application\/x-www-form-urlencoded\b/i.test(call.headers["content-type"] ?? "");
      const form = new URLSearchParams(isForm ? body : "");
      // another site can post a form here, but not with the token of this one
      if (!this.#sessions.find(call.headers)?.isForm(form))
        return problemPage(
          "Not done",
          "This form is not of this session. Allow cookies, reload the page before, and try again.",
          undefined,
          403,
        );
      return this.#run(post, call, found.slice(1), form);
    }
    return undefined;
  }

  #run(handler: PageHandler, call: HttpCall, args: readonly string[], form: URLSearchParams): HttpReply {
    const session = this.#sessions.of(call.headers);
    return handler(this.#options, { call, session, sessions: this.#sessions, form, args });
  }
}
