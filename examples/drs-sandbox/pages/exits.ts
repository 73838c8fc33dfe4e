import { isExitUrl } from "../lwa/clients.js";

/** What an address that an app gives has to be. */
export const EXIT_RULE =
  "must be a full URL, https, http on this machine or of an app's own scheme, or a path that the app catches.";

/** A path on this very server, or a word. */
const CAUGHT = /^\/?[\w.-]+(?:\/[\w.-]+)*$/;

/**
 * Whether a page may lead where an app says. Amazon's own sample apps give "LoginWeb", "android_asset/LoginWeb.html" and
 * "/null", which their web view catches before it would ask this server.
 */
export function isExit(uri: string): boolean {
  return isExitUrl(uri) || CAUGHT.test(uri);
}
