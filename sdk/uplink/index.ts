export { Codec } from "./codec.js";
export { UplinkError, type UplinkErrorCode } from "./errors.js";
export { MAX_BODY, MAX_UP_BODY } from "./guard.js";
export { Mailbox, type Queued } from "./mailbox.js";
export * from "./messages.js";
export { type Connect, type MqttClient, type MqttOptions, type MqttWriteOptions, PACKET } from "./mqtt.js";
export {
  Channel,
  type Direction,
  HEADER_BYTES,
  type Opened,
  open,
  peek,
  SEAL_BYTES,
  seal,
  sharedKey,
  type UplinkKey,
} from "./seal.js";
export { type Outgoing, type Scheduled, Session, type SessionOptions } from "./session.js";
export { downTopic, upTopic } from "./topics.js";
