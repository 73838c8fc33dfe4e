/** Moddable's `build/devices/esp32/modules/resetReason`; the SDK has no typing of it. */
declare module "resetReason" {
  /** `esp_reset_reason()`, and a name for it. */
  export default function getResetReason(): { readonly reason: number; readonly string: string };
}
