import { Html, type HtmlValue, html } from "../../web/html.js";
import { ONWARD, pageHeaders } from "../../web/page-headers.js";
import type { HttpReply } from "../http.js";

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:32rem;padding:0 1rem 3rem}
.mark{background:#ffd75e;color:#222;margin:0 -1rem 1rem;padding:.5rem 1rem}
h1{font-size:1.5rem;line-height:1.2}h2{font-size:1.15rem;margin:1.5rem 0 .5rem}
section,fieldset{border:1px solid #888;border-radius:.5rem;margin:1rem 0;padding:.5rem 1rem}
legend{font-weight:600;padding:0 .25rem}
label{display:block;padding:.4rem 0}
fieldset label{align-items:start;display:flex;gap:.5rem}
input[type=radio]{flex:none;height:1.2rem;margin:.15rem 0;width:1.2rem}
select,button,.button{box-sizing:border-box;font:inherit;min-height:2.75rem;padding:.5rem 1rem;width:100%}
button,.button{background:#224e8f;border:2px solid #224e8f;border-radius:.5rem;color:#fff;cursor:pointer;display:block;margin:.5rem 0;text-align:center;text-decoration:none}
.second{background:transparent;color:inherit}
:focus-visible{outline:3px solid #d9480f;outline-offset:2px}
.alert{border-left:.4rem solid #d9480f;padding-left:.75rem}
dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}
`;

export interface Page {
  /** Of the window, and the first heading. */
  readonly title: string;
  readonly body: HtmlValue;
  /** Default 200. */
  readonly status?: number;
  /** Where forms of the page may lead in the end, beside this server. */
  readonly exit?: string;
  readonly cookie?: string;
}

/** A page as every one is: marked, without scripts, not to be framed or kept. */
export function pageReply({ title, body, status = 200, exit, cookie }: Page): HttpReply {
  const text = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - local sandbox</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header class="mark"><strong>Local sandbox.</strong> Not Amazon: nothing is ordered, nothing is paid.</header>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
  return {
    status,
    type: "text/html; charset=utf-8",
    text,
    headers: {
      ...pageHeaders(STYLE, exit === undefined ? [] : [source(exit)]),
      ...(cookie === undefined ? {} : { "Set-Cookie": cookie }),
    },
  };
}

/** To another page, by GET. */
export function seeOther(location: string, cookie?: string): HttpReply {
  return {
    status: 303,
    headers: {
      Location: location,
      ...ONWARD,
      ...(cookie === undefined ? {} : { "Set-Cookie": cookie }),
    },
  };
}

/** What a page says when something is wrong. */
export function problemPage(title: string, message: string, more?: HtmlValue, status = 400): HttpReply {
  return pageReply({ title, status, body: html`<p class="alert" role="alert">${message}</p>${more}` });
}

/** As a content security policy names it. */
function source(url: string): string {
  const { protocol, origin } = new URL(url);
  return protocol === "https:" || protocol === "http:" ? origin : protocol;
}
