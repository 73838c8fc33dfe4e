import { EverfullError } from "../errors.js";

/** The page of the service on which the customer changes what is replenished. */
export interface SettingsLink {
  /** Address of the page, without a query. */
  readonly base: string;
  /** A good access token of the device: who has the link has it, so that it is opened at once and kept nowhere. */
  readonly accessToken: string;
  /** Where the page's Exit button leads, with its scheme; without it there is none. */
  readonly exitUri?: string;
}

/** @throws {EverfullError} `argument` */
export function settingsLink({ base, accessToken, exitUri }: SettingsLink): string {
  if (exitUri !== undefined && !/^[A-Za-z][A-Za-z0-9+.-]*:./.test(exitUri))
    throw new EverfullError("argument", `exitUri: a URI with its scheme is accepted (got ${exitUri})`);
  const exit = exitUri === undefined ? "" : `&exitUri=${encodeURIComponent(exitUri)}`;
  return `${base}?access_token=${encodeURIComponent(accessToken)}${exit}`;
}
