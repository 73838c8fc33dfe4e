import { createHash } from "node:crypto";

/**
 * Headers of a page without scripts that is not to be framed or kept.
 *
 * @param style the one style sheet, which stands in the page
 * @param exits origins that forms of the page may lead to in the end, beside this server: where a form's answer redirects to counts as well
 */
export function pageHeaders(style: string, exits: readonly string[]): Record<string, string> {
  const hash = createHash("sha256").update(style).digest("base64");
  return {
    "Content-Security-Policy": [
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      `form-action ${["'self'", ...exits].join(" ")}`,
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "X-Content-Type-Options": "nosniff",
    ...ONWARD,
  };
}

/** Of every answer, redirects too: addresses hold codes and tokens. */
export const ONWARD: Readonly<Record<string, string>> = Object.freeze({
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
});
