import { createHash } from "node:crypto";

/** What an id is derived from; equal parts give equal ids. */
export type IdParts = readonly (string | number)[];

function digest(parts: IdParts): string {
  // JSON keeps ["a", "bc"] apart from ["ab", "c"]
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** A UUID in the form of version 4, as Amazon's are, made from a hash. */
export function uuid(...parts: IdParts): string {
  const hex = digest(parts);
  const variant = "89ab"[Number.parseInt(hex[16]!, 16) & 3];
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** `amzn1.dash.v2.o.<opaque>`; the opaque part has the make-up of published samples, base64 of `r.<uuid>.<uuid>`. */
export function orderInstanceId(...parts: IdParts): string {
  const opaque = `r.${uuid("order", ...parts)}.${uuid("order event", ...parts)}`;
  return `amzn1.dash.v2.o.${Buffer.from(opaque).toString("base64")}`;
}

export function notificationId(...parts: IdParts): string {
  return `amzn1.dash.notification.v1.${uuid("notification", ...parts)}`;
}

/** `amzn1.account.<upper-case alphanumerics>` */
export function customerId(...parts: IdParts): string {
  return `amzn1.account.${digest(["customer", ...parts])
    .slice(0, 28)
    .toUpperCase()}`;
}

/** `amzn1.application-oa2-client.<32 hex>` */
export function clientId(...parts: IdParts): string {
  return `amzn1.application-oa2-client.${digest(["client", ...parts]).slice(0, 32)}`;
}
