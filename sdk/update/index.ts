export {
  DESCRIPTION,
  decodeDescription,
  encodeDescription,
  encodeUnsigned,
  type ImageDescription,
  LEAST_IMAGE,
  MAX_DESCRIPTION,
  type SignedDescription,
} from "./description.js";
export { Ed25519Check, type SignatureCheck } from "./ed25519.js";
export { UpdateError, type UpdateErrorCode } from "./errors.js";
export { type DayReport, isHealthyDay } from "./health.js";
export * from "./policy.js";
export type { CreateDigest, Digest, FetchImage, ImageRequest, UpdatePort } from "./ports.js";
export { UPDATE_PHASES, UPDATE_REASONS, type UpdatePhase, type UpdateReason, UpdateState } from "./state.js";
export { type Offer, Updater, type UpdaterOptions, type UpdateView } from "./updater.js";
