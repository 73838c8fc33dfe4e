import TCP from "embedded:io/socket/tcp";
import UDP from "embedded:io/socket/udp";
import Resolver from "embedded:network/dns/resolver/udp";
import HTTPClient from "embedded:network/http/client";
import Timer from "timer";
import type { FetchImage, ImageRequest } from "../../../../sdk/update/ports.js";

/** Status of an answer that has the range that was asked for. */
const PARTIAL_CONTENT = 206;
const DEFAULT_PORT = 80;

/** What the SDK's client does; its typing lacks a status of `onHeaders` that is a number, and `close`. */
interface Client {
  request(options: {
    readonly path: string;
    readonly headers: Map<string, string>;
    onHeaders(status: number): void;
    onReadable(this: { read(count: number): ArrayBuffer | undefined }, count: number): void;
    onDone(error: Error | null): void;
  }): unknown;
  close(): void;
}

interface DnsRequest {
  readonly host: string;
  onResolved(host: string, address: string): void;
  onError(host: string): void;
}

const HttpClient = HTTPClient as unknown as new (options: object) => Client;
const UdpResolver = Resolver as unknown as new (options: object) => { resolve(request: DnsRequest): void };

export interface ImageSource {
  readonly host: string;
  /** Default 80. */
  readonly port?: number;
  /** Folder of the images, from / to /; an image's name in it is its SHA-256 in lower-case hexadecimal digits. */
  readonly folder: string;
  /** Addresses of DNS servers. */
  readonly servers: readonly string[];
  /** There is a network now; where there is none, nothing is asked for. */
  isConnected(): boolean;
}

/**
 * Fetches parts of images by HTTP range requests over one connection, which is opened anew when it was lost. Not by TLS: what an image is, is signed;
 * what is fetched is not secret.
 */
export function imageDownload(source: ImageSource): FetchImage {
  return new ImageDownload(source).fetch;
}

class ImageDownload {
  readonly #source: ImageSource;
  #client: Client | undefined;
  #request: ImageRequest | undefined;

  constructor(source: ImageSource) {
    this.#source = source;
  }

  fetch: FetchImage = (request) => {
    this.#request = request;
    const { digest, offset, length } = request;
    const bytes = new Uint8Array(length);
    let received = 0;
    let isRange = false;
    const isCurrent = () => this.#request === request;
    if (!this.#source.isConnected()) Timer.set(() => isCurrent() && this.#end(undefined));
    else
      this.#open().request({
        path: `${this.#source.folder}${hex(digest)}`,
        headers: new Map([["range", `bytes=${offset}-${offset + length - 1}`]]),
        onHeaders: (status) => {
          isRange = status === PARTIAL_CONTENT;
          // The rest of the answer, which may be a whole image, is not waited for.
          if (!isRange && isCurrent()) this.#fail();
        },
        onReadable(count) {
          const part = this.read(count);
          if (!part || !isRange) return;
          if (received + part.byteLength <= length) bytes.set(new Uint8Array(part), received);
          received += part.byteLength;
        },
        onDone: (error) => {
          if (!isCurrent()) return;
          if (error === null && received === length) this.#end(bytes);
          else this.#fail();
        },
      });
    return {
      cancel: () => {
        if (!isCurrent()) return;
        this.#request = undefined;
        this.#drop();
      },
    };
  };

  #open(): Client {
    if (this.#client) return this.#client;
    const { host, port = DEFAULT_PORT, servers } = this.#source;
    let isOpen = true;
    const client = new HttpClient({
      host,
      port,
      dns: {
        // A client that was closed while its host was looked up would open a socket on the answer, that no one closes.
        io: class {
          resolve(request: DnsRequest): void {
            new UdpResolver({ servers, socket: { io: UDP } }).resolve({
              host: request.host,
              onResolved: (name, address) => {
                if (isOpen) request.onResolved(name, address);
              },
              onError: (name) => {
                if (isOpen) request.onError(name);
              },
            });
          }
        },
      },
      socket: { io: TCP },
      // It closes itself after this.
      onError: () => {
        isOpen = false;
        if (this.#client === own) this.#client = undefined;
        if (this.#request) this.#fail();
      },
    });
    const own: Client = {
      request: (options) => client.request(options),
      close: () => {
        isOpen = false;
        client.close();
      },
    };
    this.#client = own;
    return own;
  }

  #fail(): void {
    this.#drop();
    this.#end(undefined);
  }

  #end(bytes: Uint8Array | undefined): void {
    const request = this.#request;
    this.#request = undefined;
    request?.onDone(bytes);
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    // Closed from within one of its callbacks, the client goes on with what is no longer there.
    if (client) Timer.set(() => client.close());
  }
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
