import nacl from "tweetnacl";
import { Codec } from "../../sdk/uplink/codec.js";
import type { Intent, Status, UplinkMessage } from "../../sdk/uplink/messages.js";
import { open, seal, type UplinkKey } from "../../sdk/uplink/seal.js";

/*
 * A message as it is sent, beside JSON that is signed with Ed25519: what authenticates a device as well, and hides nothing. Both are made and read by the
 * same engine in one run.
 */

const SERIAL = "EF-SOAP-0001";
const SIGNATURE_BYTES = 64;

const STATUS: Status = {
  kind: "status",
  slot: 0,
  day: 20_422,
  consumed: 123_456,
  remaining: 512,
  onHand: 700,
  runOut: 23,
  early: 4,
  late: 6,
  idle: 0,
  applied: 57,
};
const INTENT: Intent = {
  kind: "intent",
  slot: 0,
  cycle: 12,
  day: 20_422,
  quantity: 700,
  remaining: 212,
  runOut: 9,
  applied: 57,
};
export const MESSAGES: { readonly status: UplinkMessage; readonly order: UplinkMessage } = Object.freeze({
  status: STATUS,
  order: INTENT,
});
export type MessageName = keyof typeof MESSAGES;

/** `build`: from fields to bytes; `protect`: sealed or signed; `open`: opened or verified, decoded and parsed. */
export const STEPS_OF_MESSAGE = Object.freeze(["build", "protect", "open"] as const);
export type MessageStep = (typeof STEPS_OF_MESSAGE)[number];
export const FORMS = Object.freeze(["sealed", "signed"] as const);
export type Form = (typeof FORMS)[number];

/** How text becomes bytes in an engine. */
export interface Texts {
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array): string;
}

/** A message in one form. `run` does one step and keeps what it made for the next; the last gives what went over the wire. */
export class MessageWork {
  readonly #message: UplinkMessage;
  readonly #form: Form;
  readonly #texts: Texts;
  readonly #codec = new Codec();
  readonly #key: UplinkKey = { number: 1, secret: new Uint8Array(32).fill(7) };
  readonly #pair = nacl.sign.keyPair.fromSeed(new Uint8Array(32).fill(9));
  #body: Uint8Array = new Uint8Array();
  #wire: Uint8Array = new Uint8Array();

  constructor(message: UplinkMessage, form: Form, texts: Texts) {
    this.#message = message;
    this.#form = form;
    this.#texts = texts;
  }

  run(step: MessageStep): Uint8Array {
    const isSealed = this.#form === "sealed";
    if (step === "build")
      this.#body = Uint8Array.from(
        isSealed
          ? this.#codec.encodeUplink(this.#message)
          : // The signed one says who and which it is; the sealed one has that in its key and its header.
            this.#texts.encode(JSON.stringify({ serial: SERIAL, sequence: 321, ...this.#message })),
      );
    else if (step === "protect")
      this.#wire = isSealed ? seal(this.#key, "up", 321, this.#body) : this.#signed();
    else {
      const found = isSealed
        ? this.#codec.decodeUplink(open(this.#key, "up", this.#wire).body)
        : this.#verified();
      if (found.kind !== this.#message.kind) throw new Error(`bench: ${found.kind} came out`);
    }
    return this.#wire;
  }

  #signed(): Uint8Array<ArrayBuffer> {
    const wire = new Uint8Array(SIGNATURE_BYTES + this.#body.length);
    wire.set(nacl.sign.detached(this.#body, this.#pair.secretKey));
    wire.set(this.#body, SIGNATURE_BYTES);
    return wire;
  }

  #verified(): { kind: string } {
    const body = this.#wire.subarray(SIGNATURE_BYTES);
    if (!nacl.sign.detached.verify(body, this.#wire.subarray(0, SIGNATURE_BYTES), this.#pair.publicKey))
      throw new Error("bench: the signature is not good");
    return JSON.parse(this.#texts.decode(body));
  }
}
