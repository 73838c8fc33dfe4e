import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { SandboxError } from "../errors.js";
import type { HttpCall, HttpReply } from "../http.js";
import { uuid } from "../state/identifiers.js";
import type { DeliveredType } from "../types.js";
import { certificateOf } from "./certificate.js";
import type { Publication } from "./messages.js";

/** How long SNS waits for a confirmation, in ms. */
const PATIENCE = 3 * 24 * 3_600_000;

export const TOPIC_ARN = "arn:aws:sns:us-east-1:000000000000:drs-sandbox";

/** A message on its way to one endpoint; every attempt sends the same bytes. */
export interface SnsMessage {
  readonly id: string;
  readonly type: DeliveredType;
  readonly instanceId?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON of the envelope. */
  readonly body: string;
}

export interface TopicOptions {
  /** Where this sandbox listens, without a slash at the end: certificate and confirmations are there. */
  origin: () => string;
  /** PEM of an RSA key; absent: a new one. */
  signingKey: string | undefined;
  signatureVersion: "1" | "2";
  /** Goes into every id, see SandboxOptions.run. */
  run: string;
  /** UTC ms. */
  now: () => number;
  /** Takes what the topic sends on its own account. */
  send: (endpoint: string, message: SnsMessage) => void;
}

interface Subscription {
  readonly arn: string;
  readonly token: string;
  isConfirmed: boolean;
  /** UTC ms when it is forgotten, unless it is confirmed before; undefined: it was. */
  pendingUntil: number | undefined;
}

const DIGESTS = Object.freeze({ "1": "sha1", "2": "sha256" });
/** Members that a signature covers, as far as they are there, in the order of their names. */
const SIGNED = [
  "Message",
  "MessageId",
  "SubscribeURL",
  "Subject",
  "Timestamp",
  "Token",
  "TopicArn",
  "Type",
] as const;

/** The SNS topic that DRS publishes to: signs what it sends, and knows which endpoints want it. */
export class Topic {
  readonly #options: TopicOptions;
  readonly #key: KeyObject;
  readonly #certificate: string;
  readonly #certificatePath: string;
  /** By endpoint. */
  readonly #subscriptions = new Map<string, Subscription>();
  #subscribed = 0;
  #unsubscribed = 0;

  /** @throws SandboxError BAD_OPTION */
  constructor(options: TopicOptions) {
    this.#options = options;
    this.#key = signingKey(options.signingKey);
    this.#certificate = certificateOf(this.#key, "sns.drs-sandbox.invalid");
    const hash = createHash("sha256").update(this.#certificate).digest("hex");
    this.#certificatePath = `/SimpleNotificationService-${hash.slice(0, 32)}.pem`;
  }

  /**
   * Subscribes an endpoint.
   *
   * @returns what is to be sent to it, so that it confirms; undefined when it was sent before
   */
  subscribe(endpoint: string, now: number): SnsMessage | undefined {
    this.#forget(now);
    if (this.#subscriptions.has(endpoint)) return undefined;
    const { run } = this.#options;
    this.#subscribed += 1;
    const identity = [run, endpoint, this.#subscribed];
    const token = uuid("sns token", ...identity).replaceAll("-", "");
    const arn = `${TOPIC_ARN}:${uuid("sns subscription", ...identity)}`;
    this.#subscriptions.set(endpoint, { arn, token, isConfirmed: false, pendingUntil: now + PATIENCE });
    const type = "SubscriptionConfirmation";
    const sent = this.#message(type, uuid("sns confirmation", ...identity), now, {
      Token: token,
      Message: `You have chosen to subscribe to the topic ${TOPIC_ARN}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
      SubscribeURL: this.#subscribeUrl(token),
    });
    return { ...sent, type };
  }

  #forget(now: number): void {
    for (const [endpoint, { pendingUntil = Number.POSITIVE_INFINITY }] of this.#subscriptions)
      if (pendingUntil <= now) this.#subscriptions.delete(endpoint);
  }

  #subscribeUrl(token: string): string {
    const query = new URLSearchParams({ Action: "ConfirmSubscription", TopicArn: TOPIC_ARN, Token: token });
    return `${this.#options.origin()}/?${query}`;
  }

  isConfirmed(endpoint: string): boolean {
    return this.#subscriptions.get(endpoint)?.isConfirmed ?? false;
  }

  /** What is sent to an endpoint. @param serial of the device: endpoints without a handshake have one ARN each */
  notification(publication: Publication, endpoint: string, serial: string, now: number): SnsMessage {
    const { identity, message, type, instanceId, version } = publication;
    const arn = this.#subscriptions.get(endpoint)?.arn ?? `${TOPIC_ARN}:${uuid("sns subscription", serial)}`;
    const sent = this.#message(
      "Notification",
      uuid("sns message", ...identity),
      now,
      { Message: message },
      arn,
      version === "2",
    );
    return { ...sent, type, ...(instanceId === undefined ? {} : { instanceId }) };
  }

  /** Answers requests for the certificate and for confirmations; undefined: it is neither. */
  answer(call: HttpCall): HttpReply | undefined {
    if (call.method !== "GET") return undefined;
    if (call.path === this.#certificatePath)
      return { status: 200, text: this.#certificate, type: "application/x-pem-file" };
    if (call.path !== "/") return undefined;
    if (call.query.get("Action") === "Unsubscribe") return this.#unsubscribe(call.query);
    if (call.query.get("Action") !== "ConfirmSubscription") return undefined;
    this.#forget(this.#options.now());
    const token = call.query.get("Token");
    const found = [...this.#subscriptions.values()].find((each) => each.token === token);
    if (!found || call.query.get("TopicArn") !== TOPIC_ARN) return INVALID;
    found.isConfirmed = true;
    found.pendingUntil = undefined;
    const result = `<ConfirmSubscriptionResult><SubscriptionArn>${found.arn}</SubscriptionArn></ConfirmSubscriptionResult>`;
    return { status: 200, type: "text/xml", text: xml("ConfirmSubscription", result) };
  }

  /** Nothing more goes to the endpoint but how to subscribe again. */
  #unsubscribe(query: URLSearchParams): HttpReply {
    const arn = query.get("SubscriptionArn");
    const [endpoint, found] = [...this.#subscriptions].find(([, each]) => each.arn === arn) ?? [];
    if (endpoint === undefined || found === undefined) return INVALID;
    if (found.isConfirmed) {
      found.isConfirmed = false;
      this.#unsubscribed += 1;
      const type = "UnsubscribeConfirmation";
      const id = uuid("sns unsubscription", this.#options.run, endpoint, this.#unsubscribed);
      const members = {
        Token: found.token,
        Message: `You have chosen to deactivate subscription ${found.arn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.`,
        SubscribeURL: this.#subscribeUrl(found.token),
      };
      const { now, send } = this.#options;
      send(endpoint, { ...this.#message(type, id, now(), members, found.arn), type });
    }
    return { status: 200, type: "text/xml", text: xml("Unsubscribe", "") };
  }

  #message(
    type: "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation",
    id: string,
    now: number,
    members: Readonly<Record<string, string>>,
    arn?: string,
    /** Whether to say so: version 1 says nothing. */
    isVersion2 = false,
  ): Omit<SnsMessage, "type"> {
    const { origin, signatureVersion } = this.#options;
    const envelope: Record<string, string> = {
      Type: type,
      MessageId: id,
      TopicArn: TOPIC_ARN,
      ...members,
      Timestamp: new Date(now).toISOString(),
    };
    const text = SIGNED.filter((name) => envelope[name] !== undefined)
      .map((name) => `${name}\n${envelope[name]}\n`)
      .join("");
    const signature = sign(DIGESTS[signatureVersion], Buffer.from(text), this.#key).toString("base64");
    return {
      id,
      headers: {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": type,
        "x-amz-sns-message-id": id,
        "x-amz-sns-topic-arn": TOPIC_ARN,
        ...(arn === undefined ? {} : { "x-amz-sns-subscription-arn": arn }),
      },
      body: JSON.stringify({
        ...envelope,
        SignatureVersion: signatureVersion,
        Signature: signature,
        SigningCertURL: `${origin()}${this.#certificatePath}`,
        ...(type === "Notification"
          ? { UnsubscribeURL: `${origin()}/?Action=Unsubscribe&SubscriptionArn=${arn}` }
          : {}),
        ...(isVersion2 ? { MessageAttributes: { version: { Type: "String", Value: "2.0" } } } : {}),
      }),
    };
  }
}

function signingKey(pem: string | undefined): KeyObject {
  if (pem === undefined) return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    key = undefined;
  }
  if (key?.asymmetricKeyType !== "rsa")
    throw new SandboxError("BAD_OPTION", "signingKey must be the PEM of a private RSA key");
  return key;
}

const INVALID: HttpReply = Object.freeze({
  status: 400,
  type: "text/xml",
  text: xml("Error", "<Code>InvalidParameter</Code>"),
});

function xml(name: string, content: string): string {
  const root = name === "Error" ? "ErrorResponse" : `${name}Response`;
  return `<${root} xmlns="http://sns.amazonaws.com/doc/2010-03-31/">${content}</${root}>\n`;
}
