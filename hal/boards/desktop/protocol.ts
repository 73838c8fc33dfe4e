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
  /** -> TEXT: why the device started; nothing when the board cannot tell */
  resetReason: 15,
  /** -> JSON of bytes and block length of an image's place, and of the status of the update's ledger; refused on a board without updates */
  updateStatus: 16,
  /** u32 length, u32 offset -> bytes of the update's ledger */
  updateRead: 17,
  /** u32 offset, bytes */
  updateWrite: 18,
  /** u32 start, u32 end */
  updateErase: 19,
  /** u32 length -> first bytes of the image that runs */
  imageRunning: 20,
  /** u32 block of the next image */
  imageErase: 21,
  /** u32 block, bytes */
  imageWrite: 22,
  /** u32 block, u32 length -> bytes */
  imageRead: 23,
  /** bytes of the first block */
  imageComplete: 24,
  /** -> u8 slot that boots next */
  imageNext: 25,
  imageArm: 26,
  /** u8 slot, u8 1 when its image stays */
  imageSettle: 27,
  /** u32 request, u32 offset, u32 length, SHA-256 of the image */
  imageFetch: 28,
  /** u32 digest, u8 0 for SHA-256 and 1 for SHA-512, bytes; a new number begins a new digest */
  digestWrite: 29,
  /** u32 digest -> the hash */
  digestClose: 30,
  /** The device starts anew; there is no answer that it would hear. */
  restart: 31,
  /** The start, which goes on for some turns after `boot` was handled, is done. */
  started: 32,
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
  /** u32 request, bytes; none when they could not be had */
  imageFetched: 11,
} as const);

/** Bytes before the fields of an event. */
export const EVENT_HEAD = 9;
