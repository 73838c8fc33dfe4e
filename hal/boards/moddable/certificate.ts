import Resource from "Resource";

/**
 * A certificate in DER.
 *
 * @param text the name of a file that the manifest has under `data`, ending in `.der`; or the DER in base64
 * @throws what the platform throws: there is no such file, it is no base64
 */
export function certificateOf(text: string): ArrayBuffer {
  if (text.endsWith(".der")) return new Resource(text).slice(0);
  return Uint8Array.fromBase64(text).buffer as ArrayBuffer;
}
