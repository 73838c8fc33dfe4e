import { type Html, type HtmlValue, html } from "../../web/html.js";
import { alert, type Look, type Page, pageReply } from "./layout.js";
import type { WebCall, WebHandler, WebReply } from "./server.js";
import { type Session, Sessions } from "./sessions.js";

/** Someone at a page. */
export interface Visit {
  readonly call: WebCall;
  readonly session: Session;
  /** What was sent; of a GET, nothing. */
  readonly form: URLSearchParams;
  /** Arguments of the path, decoded. */
  readonly args: readonly string[];
}

export type PageHandler = (visit: Visit) => Promise<WebReply> | WebReply;

export interface Place {
  readonly path: RegExp;
  readonly get?: PageHandler;
  readonly post?: PageHandler;
}

export interface SiteOptions {
  readonly look: Look;
  readonly cookie: string;
  /** Served over HTTPS: the cookie never goes over anything else. */
  readonly isSecure: boolean;
  readonly places: readonly Place[];
}

/** Finds the page that a request is for, and takes only forms that the pages themselves have sent. */
export function siteHandler({ look, cookie, isSecure, places }: SiteOptions): WebHandler {
  const sessions = new Sessions(cookie);
  const problem = (status: number, title: string, text: string) =>
    pageReply(look, { title, status, body: html`${alert(text)}<p><a href="/">To the front page</a></p>` });
  return async (call) => {
    const place = places.find(({ path }) => path.test(call.path));
    const args = (place?.path.exec(call.path) ?? []).slice(1).map(decoded);
    if (place === undefined || args.includes(undefined))
      return problem(404, "Not here", "There is no such page.");
    const handler = call.method === "GET" ? place.get : call.method === "POST" ? place.post : undefined;
    if (handler === undefined) return problem(405, "Not here", "This cannot be done here.");
    const known = sessions.find(call.headers);
    const form = call.method === "POST" ? await call.form() : new URLSearchParams();
    if (form === undefined) return problem(413, "Not done", "This form cannot be read.");
    if (call.method === "POST" && !known?.isForm(form))
      return problem(
        403,
        "Not done",
        "This form is not of this session. Allow cookies, reload the page before, and try again.",
      );
    const session = known ?? sessions.begin();
    const reply = await handler({ call, session, form, args: args as string[] });
    if (known) return reply;
    return { ...reply, headers: { ...reply.headers, "Set-Cookie": sessions.cookieOf(session, isSecure) } };
  };
}

/** A form that posts. */
export function form({ session }: Visit, action: string, content: HtmlValue): Html {
  return html`<form method="post" action="${action}">
<input type="hidden" name="form_token" value="${session.formToken}">
${content}
</form>`;
}

export function button(label: string, isSecond = false, name = "action", value = ""): Html {
  return html`<button type="submit" name="${name}" value="${value}"${isSecond && html` class="second"`}>${label}</button>`;
}

/** A page below what was done last. */
export function shown(look: Look, { session }: Visit, page: Page): WebReply {
  const notice = session.takeNotice();
  // there whether it says something or not: a live region has to be, before its text is
  const said = html`<div aria-live="polite">${notice !== "" && html`<p class="said" role="status">${notice}</p>`}</div>`;
  return pageReply(look, { ...page, body: html`${said}${page.body}` });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
