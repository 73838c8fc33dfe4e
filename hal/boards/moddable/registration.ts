import { Digest } from "crypt";
import type { RegistrationOptions } from "../../../sdk/index.js";

/** What the SDK does; its typing takes no typed arrays. */
const NativeDigest = Digest as unknown as new (
  algorithm: string,
) => {
  write(bytes: Uint8Array): void;
  close(): ArrayBuffer;
};

/**
 * Hashes by the platform. Of random numbers there is `Math.random`, which on an ESP32 is the chip's own generator, `esp_random()`: true random as long as the radio is
 * on, as it is in a set-up. The platform's `rng` is not used: it is RC4 that is seeded from the same with 16 bytes. In the simulator on Linux it is `rand()`, good for
 * trials only.
 */
export const registrationPorts: Pick<RegistrationOptions, "entropy" | "sha256"> = Object.freeze({
  entropy: (count: number) => Uint8Array.from({ length: count }, () => Math.floor(Math.random() * 256)),
  sha256(bytes: Uint8Array): Uint8Array {
    const digest = new NativeDigest("SHA256");
    digest.write(bytes);
    return new Uint8Array(digest.close());
  },
});
