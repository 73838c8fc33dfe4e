import { fromText, toText } from "../desktop/text.js";
import { answerJson } from "./lines.js";
import { PAGE } from "./page.js";
import type { Setup, SetupReply } from "./setup.js";

/** Bytes of a request's head and of its body. */
export const MOST_HEAD = 2048;
export const MOST_BODY = 1024;

const REASONS: Readonly<Record<number, string>> = Object.freeze({
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
});

/**
 * One request of HTTP/1.1 and its answer, after which the connection is over: `GET /` is the page, `POST /` the page's form or, as
 * `application/json`, a request as a line has it.
 */
export class SetupHttp {
  readonly #setup: Setup;
  #bytes = new Uint8Array(MOST_HEAD);
  #length = 0;
  /** Of the body; undefined as long as the head is not whole. */
  #expected: number | undefined;
  #head = "";
  #isOver = false;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** Takes what came, in pieces of any length. @returns the answer, once, when the request is whole or cannot become one */
  receive(piece: Uint8Array): Uint8Array | undefined {
    if (this.#isOver) return undefined;
    const answer = this.#take(piece);
    if (!answer) return undefined;
    this.#isOver = true;
    this.#bytes = new Uint8Array(0);
    return answer;
  }

  #take(piece: Uint8Array): Uint8Array | undefined {
    for (const byte of piece) {
      if (this.#length === this.#bytes.length) return text(413, "too long");
      this.#bytes[this.#length++] = byte;
      if (this.#expected === undefined) {
        const end = this.#length;
        const isWhole =
          byte === 0x0a &&
          end >= 4 &&
          this.#bytes[end - 2] === 0x0d &&
          this.#bytes[end - 3] === 0x0a &&
          this.#bytes[end - 4] === 0x0d;
        if (!isWhole) continue;
        const refused = this.#begin();
        if (refused) return refused;
      }
      if (this.#length === this.#expected) return this.#answer();
    }
    return undefined;
  }

  /** The head is whole. @returns why the request is refused, if it is */
  #begin(): Uint8Array | undefined {
    let head = "";
    for (let i = 0; i < this.#length; i++) head += String.fromCharCode(this.#bytes[i]!);
    this.#head = head;
    const [, method, path] = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r\n/.exec(head) ?? [];
    if (method === undefined) return text(400, "no request");
    if (path !== "/") return text(404, "not here");
    if (method !== "GET" && method !== "POST") return text(405, "GET or POST");
    const length = method === "GET" ? "0" : this.#header("content-length");
    if (!/^\d{1,9}$/.test(length)) return text(400, "no length");
    if (Number(length) > MOST_BODY) return text(413, "too long");
    this.#expected = Number(length);
    this.#bytes = new Uint8Array(this.#expected);
    this.#length = 0;
    return undefined;
  }

  #answer(): Uint8Array {
    if (this.#head.startsWith("GET")) return page(200, this.#setup.missing().join(", "));
    const [type] = this.#header("content-type").toLowerCase().split(";");
    if (type === "application/json") {
      const reply = answerJson(this.#setup, this.#bytes);
      return respond(reply.ok ? 200 : 400, "application/json", JSON.stringify(reply));
    }
    if (type !== "application/x-www-form-urlencoded") return text(415, "a form or application/json");
    const values = fieldsOf(this.#bytes);
    const set = values ? this.#setup.request({ set: values }) : ({ error: "line" } as SetupReply);
    const reply = set.ok ? this.#setup.request({ start: true }) : set;
    if (reply.ok) return text(200, "Saved. The device starts.");
    if (reply.error === "missing") return page(200, `Saved. Still needed: ${reply.missing!.join(", ")}`);
    const { field, accepted } = reply;
    return page(400, `Not saved. ${field ? `${field}: ${accepted}` : `Refused: ${reply.error}`}`);
  }

  /** A header's value; empty when it is not there. */
  #header(name: string): string {
    for (const line of this.#head.split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon > 0 && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
    }
    return "";
  }
}

/** A form's fields that are filled in; undefined when it is none. */
function fieldsOf(bytes: Uint8Array): Record<string, unknown> | undefined {
  const values: Record<string, unknown> = {};
  try {
    for (const pair of fromText(bytes).split("&")) {
      const [name = "", value = ""] = pair
        .split("=", 2)
        .map((part) => decodeURIComponent(part.split("+").join(" ")));
      if (value === "") continue;
      // A form knows texts only.
      const isNumber = name === "keyNumber" || name === "brokerPort";
      values[name] = isNumber && /^\d+$/.test(value) ? Number(value) : value;
    }
  } catch {
    return undefined;
  }
  return values;
}

function page(status: number, note: string): Uint8Array {
  return respond(
    status,
    "text/html",
    PAGE.replace("{note}", () => note),
  );
}

function text(status: number, body: string): Uint8Array {
  return respond(status, "text/plain", body);
}

function respond(status: number, type: string, body: string): Uint8Array {
  const bytes = toText(body);
  const head = `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: ${type}; charset=utf-8\r\nContent-Length: ${bytes.length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n`;
  const result = new Uint8Array(head.length + bytes.length);
  for (let i = 0; i < head.length; i++) result[i] = head.charCodeAt(i);
  result.set(bytes, head.length);
  return result;
}
