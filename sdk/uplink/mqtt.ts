/**
 * The MQTT client of ECMA-419 (`embedded:network/mqtt/client`), as far as the uplink uses it and as Moddable SDK 8.2 behaves, which differs from its typings:
 * `onControl` gets one argument, and the client has closed itself when `onError` is called.
 */
export interface MqttClient {
  /**
   * Publishes, or sends a control packet with `data` null.
   *
   * @returns bytes that can still be written
   */
  write(data: Uint8Array | null, options: MqttWriteOptions): number;
  /** The next `count` bytes of the message that `onReadable` told of. */
  read(count: number): ArrayBuffer | undefined;
  /** Must not be called from within one of the callbacks. */
  close(): void;
}

export interface MqttWriteOptions {
  /** Packet type; default PUBLISH. */
  readonly operation?: number;
  /** Packet identifier, 1 to 65535. */
  readonly id?: number;
  readonly topic?: string;
  readonly QoS?: 0 | 1 | 2;
  readonly items?: readonly { readonly topic: string; readonly QoS: 0 | 1 | 2 }[];
}

export interface MqttOptions {
  readonly host: string;
  readonly port: number;
  /** Client identifier. */
  readonly id: string;
  readonly clean: boolean;
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Absent: the broker is told neither. */
  readonly user?: string;
  readonly password?: string;
  onControl(message: { readonly operation: number; readonly id?: number }): void;
  /** `topic` and `byteLength` come with the first fragment of a message; `more` is false with the last. */
  onReadable(
    count: number,
    options: { readonly more: boolean; readonly topic?: string; readonly byteLength?: number },
  ): void;
  /** Called first when the connection is accepted. */
  onWritable(count: number): void;
  /**
   * The connection is refused or lost.
   *
   * @param code why the broker refused it: the return code of its CONNACK, from 1
   */
  onError(code?: number): void;
}

/** Opens a connection; may throw. */
export type Connect = (options: MqttOptions) => MqttClient;

/** Packet types of MQTT 3.1.1, section 2.2.1. */
export const PACKET = Object.freeze({ SUBSCRIBE: 8, SUBACK: 9, DISCONNECT: 14 });
