import type { LinkOffer } from "./device-link.js";

/** Where Amazon's pages are. */
export interface AmazonPages {
  readonly authorizeUrl: string;
  readonly teaserUrl: string;
}

export const AMAZON: AmazonPages = Object.freeze({
  authorizeUrl: "https://www.amazon.com/ap/oa",
  teaserUrl: "https://drs-web.amazon.com/teaser",
});

export interface TeaserExits {
  readonly login: string;
  readonly later: string;
  readonly skip: string;
}

/** The first page of the offer, with where its buttons lead. */
export function teaserLink(pages: AmazonPages, compositeId: string, exits: TeaserExits): string {
  const query = new URLSearchParams({
    compositeId,
    loginUri: exits.login,
    remindLaterUri: exits.later,
    skipUri: exits.skip,
  });
  return `${pages.teaserUrl}?${query}`;
}

export interface LoginRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly device: Pick<LinkOffer, "model" | "serial">;
  /** PKCE, S256; absent: the code is redeemed with the client's secret. */
  readonly challenge?: string;
}

/** Login with Amazon for one device. `should_include_non_live` is never asked for: it is not for released apps. */
export function loginLink(pages: AmazonPages, request: LoginRequest): string {
  const { clientId, redirectUri, state, device, challenge } = request;
  const scopeData = { "dash:replenish": { device_model: device.model, serial: device.serial } };
  const query = new URLSearchParams({
    client_id: clientId,
    scope: "dash:replenish",
    scope_data: JSON.stringify(scopeData),
    response_type: "code",
    redirect_uri: redirectUri,
    state,
    ...(challenge !== undefined && { code_challenge: challenge, code_challenge_method: "S256" }),
  });
  return `${pages.authorizeUrl}?${query}`;
}
