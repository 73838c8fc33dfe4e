import { Html, type HtmlValue, html } from "../../web/html.js";
import { ONWARD, pageHeaders } from "../../web/page-headers.js";
import type { WebReply } from "./server.js";

const STYLE = `:root{color-scheme:light;font:1rem/1.5 system-ui,sans-serif;color:#1d2320;background:#fff}
body{margin:0 auto;max-width:32rem}
.skip{position:absolute;left:-99rem}.skip:focus{background:#fff;left:0;padding:.75rem}
header{background:#0b5540;color:#fff;padding:.75rem 1rem}header a{color:#fff;font-weight:600}
main,footer{padding:0 1rem}footer{border-top:1px solid #767b78;color:#4a514d;font-size:.875rem;margin-top:2rem}
h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.15rem;margin:1.25rem 0 .25rem}
section{border:1px solid #767b78;border-radius:.75rem;margin:1rem 0;padding:0 1rem .75rem}
.notices{background:#eef4f1;border-left-width:.4rem}
.slot p{margin:.25rem 0}.much{font-size:1.4rem;font-weight:600}meter{height:1rem;width:100%}
label{display:block;font-weight:600}
input,button,.button{box-sizing:border-box;font:inherit;min-height:2.75rem;padding:.5rem 1rem;width:100%}
input{border:2px solid #4a514d;border-radius:.5rem;letter-spacing:.15em}
button,.button{background:#0b5540;border:2px solid #0b5540;border-radius:.5rem;color:#fff;cursor:pointer;display:block;margin:.75rem 0;text-align:center;text-decoration:none}
.second{background:#fff;color:#0b5540}
a{color:#0b5540}main a:not(.button){display:inline-block;padding:.5rem 0}
:focus-visible{outline:3px solid #b3400a;outline-offset:2px}
.said,.alert{border-left:.4rem solid #0b5540;background:#eef4f1;padding:.75rem}.alert{border-color:#b3400a;background:#fdf1ec}
.code{font:600 2rem/1.2 ui-monospace,monospace;letter-spacing:.15em}
dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}
`;

export interface Page {
  /** Of the window, and the first heading. */
  readonly title: string;
  readonly body: HtmlValue;
  /** Default 200. */
  readonly status?: number;
  /** Origins that forms of the page may lead to in the end, beside this server. */
  readonly exits?: readonly string[];
}

export interface Look {
  /** In the header, with a link to the front. */
  readonly brand: string;
  readonly foot: string;
}

/** A page as every one is: usable without scripts, not to be framed or kept. */
export function pageReply({ brand, foot }: Look, { title, body, status = 200, exits = [] }: Page): WebReply {
  const text = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - ${brand}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><a href="/">${brand}</a></header>
<main id="main" tabindex="-1">
<h1>${title}</h1>
${body}
</main>
<footer><p>${foot}</p></footer>
</body>
</html>
`.text;
  return {
    status,
    body: text,
    headers: { "Content-Type": "text/html; charset=utf-8", ...pageHeaders(STYLE, exits) },
  };
}

/** To another page, by GET. */
export function seeOther(location: string): WebReply {
  return { status: 303, headers: { Location: location, ...ONWARD } };
}

/** Where something was not as the visitor wanted it; read out at once. */
export function alert(text: HtmlValue): Html {
  return html`<p class="alert" role="alert">${text}</p>`;
}
