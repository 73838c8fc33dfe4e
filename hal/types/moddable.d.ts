/*
 * What device code may use of the platform, for the compiler that runs without the Moddable SDK: the typings on npm (5.6.0), and
 * below what they do not have. In a build by mcconfig the SDK's own typings take the place of this file. Where a typing is wrong about what the
 * SDK does, the board casts to a contract of its own.
 */

/// <reference types="@moddable/typings/xs.d.ts" />
/// <reference types="@moddable/typings/time.d.ts" />
/// <reference types="@moddable/typings/timer.d.ts" />
/// <reference types="@moddable/typings/mc/config.d.ts" />
/// <reference types="@moddable/typings/instrumentation.d.ts" />
/// <reference types="@moddable/typings/Resource.d.ts" />
/// <reference types="@moddable/typings/wifi.d.ts" />
/// <reference types="@moddable/typings/embedded_io/_common.d.ts" />
/// <reference types="@moddable/typings/embedded_io/digital.d.ts" />
/// <reference types="@moddable/typings/embedded_io/pulsecount.d.ts" />
/// <reference types="@moddable/typings/embedded_io/serial.d.ts" />
/// <reference types="@moddable/typings/embedded_io/spi.d.ts" />
/// <reference types="@moddable/typings/embedded_io/socket/listener.d.ts" />
/// <reference types="@moddable/typings/embedded_io/socket/tcp.d.ts" />
/// <reference types="@moddable/typings/embedded_io/socket/udp.d.ts" />
/// <reference types="@moddable/typings/embedded_network/dns/resolver/udp.d.ts" />
/// <reference types="@moddable/typings/embedded_network/http/client.d.ts" />
/// <reference types="@moddable/typings/embedded_network/mqtt/client.d.ts" />

declare module "embedded:storage/files" {
  export interface Status {
    /** Bytes; undefined when there is no such file. */
    readonly size: number | undefined;
  }

  export interface File {
    read(count: number, position: number): ArrayBuffer;
    read(buffer: BufferLike, position: number): number;
    write(buffer: BufferLike, position: number): void;
    status(): Status;
    flush(): void;
    close(): void;
  }

  export interface Directory {
    openFile(options: { path: string; mode?: "r" | "r+" | "w" | "w+" }): File;
    move(from: string, to: string): void;
    status(path: string): Status;
  }

  const root: Directory;
  export default root;
}

declare module "embedded:storage/flash" {
  export interface Flash {
    status(): { size: number; blockLength: number; blocks: number };
    read(byteLength: number, offset: number): ArrayBuffer;
    write(buffer: BufferLike, offset: number): void;
    eraseBlock(start: number, end?: number): void;
    close(): void;
  }

  const flash: { open(options: { path: string; mode?: "r" | "r+" }): Flash };
  export default flash;
}

declare module "embedded:network/interface/wifi" {
  export default class WiFi {
    constructor(options: { onChanged?: (property: "connection" | "address") => void });
    connect(options: { SSID: string; password?: string }): void;
    disconnect(): void;
    close(): void;
    /** 100 initialising, 200 disconnected, 300 connecting, 400 connected, 500 has an address. */
    readonly connection: number;
    readonly address: string | undefined;
  }
}

declare module "embedded:update" {
  import type { Flash } from "embedded:storage/flash";

  export interface Updater {
    write(bytes: BufferLike): void;
    complete(): void;
    close(): void;
  }

  const update: { open(options: { partition: Flash; mode?: "a" | "w"; byteLength?: number }): Updater };
  export default update;
}

declare module "crypt" {
  export class Digest {
    constructor(algorithm: "SHA256" | "SHA512");
    write(message: ArrayBuffer): void;
    close(): ArrayBuffer;
  }
}

declare module "embedded:storage/key-value" {
  export interface Storage {
    read(key: string): ArrayBuffer | string | number | bigint;
    write(key: string, value: string | number): void;
    delete(key: string): void;
    close(): void;
  }

  const keyValue: { open(options: { path: string; mode?: "r" | "r+"; format?: "string" }): Storage };
  export default keyValue;
}

interface Uint8ArrayConstructor {
  fromBase64(text: string): Uint8Array;
}
