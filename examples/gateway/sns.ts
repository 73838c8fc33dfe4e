import { createVerify, X509Certificate } from "node:crypto";
import { httpCall } from "./http-call.js";
import { text } from "./json.js";

/** Which SNS messages are taken. */
export interface SnsOptions {
  /**
   * Accepted topics. Everybody can make a topic of his own, whose messages SNS signs just as well, and subscribe this
   * endpoint to it.
   */
  readonly topicArns: readonly string[];
  /**
   * Origin of a stand-in for SNS, such as `http://127.0.0.1:8080`: certificates and confirmations are then fetched there,
   * and nowhere else. Absent: from `https://sns.<region of the topic>.amazonaws.com`.
   */
  readonly origin?: string;
}

export type SnsType = "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation";

/** A message whose signature has been checked. */
export interface SnsMessage {
  readonly type: SnsType;
  readonly messageId: string;
  readonly topicArn: string;
  readonly message: string;
  /** In confirmations. */
  readonly subscribeUrl: string | null;
}

/** A message that is not to be taken; the text says why, and holds nothing of it but addresses and names. */
export class SnsError extends Error {
  override name = "SnsError";
}

const SIGNED: Readonly<Record<SnsType, readonly string[]>> = Object.freeze({
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: [
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
  ],
  UnsubscribeConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
});
const DIGESTS: Readonly<Record<string, string | undefined>> = Object.freeze({ "1": "sha1", "2": "sha256" });

/** SNS waits 15 s for the answer to a delivery; one certificate and one confirmation have to fit in. In milliseconds. */
const TIMEOUT_MS = 6_000;
/** SNS has one certificate per region, and changes it every year or so. */
const MOST_CERTIFICATES = 16;

/** Checks that messages come from SNS, and confirms subscriptions. */
export class Sns {
  readonly #options: SnsOptions;
  readonly #now: () => number;
  readonly #certificates = new Map<string, Promise<X509Certificate>>();

  /** @param now UTC milliseconds */
  constructor(options: SnsOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /**
   * @param envelope what was delivered, as parsed from JSON
   * @throws {SnsError} it is none of SNS's, of another topic, or changed
   * @throws {Error} the certificate cannot be had at the moment
   */
  async check(envelope: unknown): Promise<SnsMessage> {
    const type = text(envelope, "Type");
    if (type === null || !Object.hasOwn(SIGNED, type))
      throw new SnsError(
        "Type: Notification, SubscriptionConfirmation and UnsubscribeConfirmation are accepted",
      );
    const topicArn = required(envelope, "TopicArn");
    if (!this.#options.topicArns.includes(topicArn))
      throw new SnsError(`TopicArn ${topicArn} is not accepted`);
    const digest = DIGESTS[required(envelope, "SignatureVersion")];
    if (!digest) throw new SnsError("SignatureVersion: 1 and 2 are accepted");
    const url = this.#own("SigningCertURL", required(envelope, "SigningCertURL"), topicArn);
    if (!/^\/SimpleNotificationService-[\w-]+\.pem$/.test(url.pathname) || url.search !== "")
      throw new SnsError("SigningCertURL: /SimpleNotificationService-<id>.pem is accepted");

    const verify = createVerify(digest);
    for (const name of SIGNED[type as SnsType]) {
      const value = name === "Subject" ? text(envelope, name) : required(envelope, name);
      if (value !== null) verify.update(`${name}\n${value}\n`);
    }
    const certificate = await this.#certificate(url.href);
    const now = this.#now();
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo))
      throw new SnsError(`certificate ${url.href} is valid until ${certificate.validTo}`);
    if (!verify.verify(certificate.publicKey, required(envelope, "Signature"), "base64"))
      throw new SnsError("Signature does not fit the message");
    return {
      type: type as SnsType,
      messageId: required(envelope, "MessageId"),
      topicArn,
      message: required(envelope, "Message"),
      subscribeUrl: text(envelope, "SubscribeURL"),
    };
  }

  /**
   * Fetches what confirms the subscription that a checked message is about.
   *
   * @returns its ARN
   * @throws {SnsError} the address is not SNS's
   * @throws {Error} SNS does not confirm it
   */
  async confirm({ subscribeUrl, topicArn }: SnsMessage): Promise<string> {
    const url = this.#own("SubscribeURL", subscribeUrl ?? "", topicArn);
    const { searchParams } = url;
    if (searchParams.get("Action") !== "ConfirmSubscription" || searchParams.get("TopicArn") !== topicArn)
      throw new SnsError("SubscribeURL must confirm a subscription to the message's topic");
    const answer = await httpCall(url.href, {}, TIMEOUT_MS);
    if (!answer.answered) throw new Error(`subscription not confirmed: ${answer.message}`);
    const arn = /<SubscriptionArn>\s*([^<\s]+)\s*<\/SubscriptionArn>/.exec(answer.text)?.[1];
    if (answer.status !== 200 || arn === undefined)
      throw new Error(`subscription not confirmed: status ${answer.status}`);
    return arn;
  }

  /** An address of SNS in the topic's region: nothing else is ever fetched. */
  #own(field: string, address: string, topicArn: string): URL {
    if (!URL.canParse(address)) throw new SnsError(`${field} is not a URL`);
    const url = new URL(address);
    const [, partition = "", , region = ""] = topicArn.split(":");
    const domain = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
    const origin = this.#options.origin ?? `https://sns.${region}.${domain}`;
    if (url.origin !== new URL(origin).origin || url.username !== "" || url.password !== "")
      throw new SnsError(`${field} must begin with ${origin} (got ${url.origin})`);
    return url;
  }

  #certificate(url: string): Promise<X509Certificate> {
    const known = this.#certificates.get(url);
    if (known) return known;
    const fetched = fetchCertificate(url);
    this.#certificates.set(url, fetched);
    fetched.catch(() => this.#certificates.delete(url));
    for (const oldest of this.#certificates.keys()) {
      if (this.#certificates.size <= MOST_CERTIFICATES) break;
      this.#certificates.delete(oldest);
    }
    return fetched;
  }
}

async function fetchCertificate(url: string): Promise<X509Certificate> {
  const answer = await httpCall(url, {}, TIMEOUT_MS);
  if (!answer.answered) throw new Error(`certificate ${url}: ${answer.message}`);
  if (answer.status !== 200) throw new Error(`certificate ${url}: status ${answer.status}`);
  return new X509Certificate(answer.text);
}

/** @throws {SnsError} */
function required(envelope: unknown, name: string): string {
  const value = text(envelope, name);
  if (value === null) throw new SnsError(`${name} is missing`);
  return value;
}

/** The region of a topic; undefined: it is no topic's ARN. */
export function regionOf(topicArn: string): string | undefined {
  return /^arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[\w-]{1,256}(\.fifo)?$/.exec(topicArn)?.[1];
}
