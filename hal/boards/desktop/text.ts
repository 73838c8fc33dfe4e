/*
 * UTF-8. The XS worker has TextEncoder and TextDecoder; Moddable's XS and Node's contexts have neither by themselves.
 */
interface Codecs {
  readonly TextEncoder?: new () => { encode(text: string): Uint8Array };
  readonly TextDecoder?: new () => { decode(bytes: Uint8Array): string };
}
const { TextEncoder, TextDecoder } = globalThis as Codecs;
/** What they put right without a word, which is refused here; and a mark at the front, which they drop. */
const SURROGATE = /[\ud800-\udfff]/;
const REPLACEMENT = "\ufffd";
const BYTE_ORDER_MARK = 0xef;

export function toText(text: string): Uint8Array {
  if (TextEncoder && !SURROGATE.test(text)) return new TextEncoder().encode(text);
  const escaped = encodeURIComponent(text);
  const bytes: number[] = [];
  for (let i = 0; i < escaped.length; i++) {
    const code = escaped.charCodeAt(i);
    if (code === 0x25) {
      bytes.push(Number.parseInt(escaped.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(code);
  }
  return Uint8Array.from(bytes);
}

export function fromText(bytes: Uint8Array): string {
  if (TextDecoder && bytes[0] !== BYTE_ORDER_MARK) {
    const text = new TextDecoder().decode(bytes);
    if (!text.includes(REPLACEMENT)) return text;
  }
  let escaped = "";
  for (const byte of bytes)
    escaped +=
      byte < 0x80 && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`;
  return decodeURIComponent(escaped);
}

/** One after the other, in a buffer of its own. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
