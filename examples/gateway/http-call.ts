import { reason } from "./errors.js";

/** Of an answer, this many bytes are read. */
const MOST_BYTES = 256 * 1024;

/** Failures of these kinds come before a request has left. */
const NOT_SENT: readonly unknown[] = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
];

export type HttpAnswer =
  | { readonly answered: true; readonly status: number; readonly headers: Headers; readonly text: string }
  /** `sent`: the other side may have got the request, and acted on it. */
  | { readonly answered: false; readonly sent: boolean; readonly message: string };

export type HttpCall = (url: string, init: RequestInit, timeout: number) => Promise<HttpAnswer>;

/** One HTTP request. Never throws, follows no redirect, and waits no longer than `timeout` milliseconds. */
export async function httpCall(url: string, init: RequestInit, timeout: number): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, {
      ...init,
      // Following one would send what the request carries elsewhere.
      redirect: "manual",
      signal: AbortSignal.timeout(timeout),
    });
    const { status, headers } = response;
    return { answered: true, status, headers, text: await bounded(response) };
  } catch (error) {
    // fetch says "fetch failed" and hides why in the cause.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const sent = !NOT_SENT.includes((cause as { code?: unknown }).code);
    return { answered: false, sent, message: reason(cause) };
  }
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error(`the answer is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
