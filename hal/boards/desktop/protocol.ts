/*
 * How the device program and the program that plays its board talk. The device's calls are answered at once, with a status byte and a result;
 * the board's calls are events that the device handles to the end. Numbers are big endian; TEXT is UTF-8 to the end.
 */

/** Calls of the device: the first byte, and what follows. */
export const CALL = Object.freeze({
  /** -> JSON of the partition's status */
  flashStatus: 1,
  /** u32 length, u32 offset -> bytes */
  flashRead: 2,
  /** u32 offset, bytes */
  flashWrite: 3,
  /** u32 start, u32 end */
  flashErase: 4,
  /** u32 timer, f64 milliseconds */
  timerSet: 5,
  /** u32 timer */
  timerClear: 6,
  /** u8 pin -> i32, or nothing when there is nothing to read */
  ioRead: 7,
  /** u32 connection, TEXT: JSON of host, port, id, clean, keepAlive, user and password if there are */
  mqttOpen: 8,
  /** u32 connection, u16 length, JSON of the options, data -> u32 bytes that can still be written */
  mqttWrite: 9,
  /** u32 connection */
  mqttClose: 10,
  /** TEXT */
  log: 11,
  /** TEXT: JSON of what happened, for whoever watches */
  tell: 12,
  /** u8 receiving pin, bytes */
  serialWrite: 13,
  /** u8 data pin, u8 address, u16 bytes to read, bytes to write -> what was read; refused when nothing answers */
  i2cTransfer: 14,
} as const);

/** Answers: the first byte. */
export const ANSWER = Object.freeze({
  done: 0,
  /** TEXT: why it was refused */
  refused: 1,
} as const);

/** Events of the board: the first byte; after it f64 ticks, and what follows. */
export const EVENT = Object.freeze({
  /** TEXT: JSON of the configuration */
  boot: 1,
  /** u32 timer */
  timer: 2,
  /** u32 connection, u8 operation, u16 packet identifier */
  mqttControl: 3,
  /** u32 connection, u16 length, topic, data */
  mqttMessage: 4,
  /** u32 connection, u32 bytes */
  mqttWritable: 5,
  /** u32 connection, u8 return code of the CONNACK that refused it, or 0 */
  mqttError: 6,
  /** u8 pin: there is something new to read */
  ioReadable: 7,
  /** -> JSON of the slots and figures */
  inspect: 8,
  /** Collects garbage, where the engine can: what the heap holds after it is in use. */
  collect: 9,
  /** u8 receiving pin, bytes */
  serialReadable: 10,
} as const);

/** Bytes before the fields of an event. */
export const EVENT_HEAD = 9;
