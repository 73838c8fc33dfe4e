import { SensorError } from "../errors.js";
import { checkConfiguration, type SensorIdentification } from "../sensor-io.js";
import { I2CPort, type I2CSensorOptions } from "./i2c-io.js";
import { decodeIdentity, type Identity, type RecordFault } from "./identity-record.js";
import { identityPayload, type NdefFault, ndefMessage } from "./ndef.js";
import { ACK, decodeFrame, encodeFrame } from "./pn532-frame.js";

// Commands, UM0701-02 section 7. A response has the code of its command + 1.
const GET_FIRMWARE_VERSION = 0x02;
const SET_PARAMETERS = 0x12;
const SAM_CONFIGURATION = 0x14;
const RF_CONFIGURATION = 0x32;
const IN_DATA_EXCHANGE = 0x40;
const IN_LIST_PASSIVE_TARGET = 0x4a;

/** First byte of the answer to GetFirmwareVersion. */
const IC = 0x32;
/** Bit 0 of the byte that every read begins with (section 6.2.4): 0 while the PN532 has nothing to say. */
const READY = 1;
/**
 * Ready byte and the longest answer: a frame of 19 bytes of TFI and data. A read may ask for more than there is, but
 * must have all of the frame: what was not read is lost.
 */
const ANSWER = 1 + 7 + 19;
/** Reads that find nothing before a command is given up. At 100 kHz the constructor waits 70 ms for an ACK, which comes within 15 ms. */
const PATIENCE = 100;
/** A PN532 that sleeps does not acknowledge its address until its oscillator runs. */
const WAKE_UPS = 3;

const FIELD_OFF: readonly number[] = Object.freeze([RF_CONFIGURATION, 1, 0]);

/** Command of a Type 2 tag: 4 pages of 4 bytes. */
const READ = 0x30;
/** Page of the capability container. */
const FIRST_PAGE = 3;
/** Bytes of a tag that are looked at: all of an NTAG213's data area. The longest of our records takes 83. */
const MEMORY = 160;

/**
 * Why a tag has no identity, besides what {@link RecordFault} and {@link NdefFault} name:
 * - `type`: no Type 2 tag
 * - `unreadable`: it left the field, or does not answer
 */
export type TagFault = RecordFault | NdefFault | "type" | "unreadable";

export interface PN532Sample {
  /** id of the tag in the field, 4, 7 or 10 bytes; absent when there is none. Ids can be copied, and some are random */
  tag?: Uint8Array;
  /** what the tag's identity record says; absent with `faults` */
  identity?: Identity;
  /** there is a tag, and no identity */
  faults?: { record: TagFault };
}

/**
 * Reads the identity of a pack from an NFC tag (Type 2, such as NTAG213) with NXP's PN532 on I2C. The radio field is on
 * only while a sample is taken.
 *
 * A sample takes some 100 ms and nothing here waits, but the constructor: `sample` goes as far as the answers that are
 * there, and is called again until it gives something, every 10 ms or so.
 */
export class PN532 {
  #port: I2CPort;
  /** command of the sample, or the set-up, that is under way */
  #command: number | undefined;
  #isAcknowledged = false;
  #polls = 0;
  /** the PN532 may be at a command of which nobody waits for the answer */
  #isAdrift = true;
  #result: PN532Sample = {};
  #memory = new Uint8Array(MEMORY);
  #length = 0;
  readonly target: unknown;

  /**
   * Wakes the PN532 up and sets it up; waits for its answers, a few milliseconds.
   * @throws SensorError `options`, `failed`; `bus` when nothing answers; `identity` when it is no PN532; `protocol`;
   *   what the IO throws
   */
  constructor(options: I2CSensorOptions<PN532>) {
    // The address is fixed (data sheet, "I2C interface"): 0x48 with the read/write bit.
    this.#port = new I2CPort("PN532", this, options, 0x24, 100_000, (address) => address === 0x24);
    this.target = options.target;
    try {
      this.#wake();
      // Normal mode, which also ends "LowVbat", the mode after power on (section 7.2.10).
      this.#exchange([SAM_CONFIGURATION, 1, 0, 1]);
      const [ic] = this.#exchange([GET_FIRMWARE_VERSION]);
      if (ic !== IC)
        throw new SensorError("identity", `PN532: GetFirmwareVersion: IC must be 0x32 (got ${ic})`);
      // No automatic RATS: the answer of a phone or a payment card would not fit in a read.
      this.#exchange([SET_PARAMETERS, 4]);
      // Item 5, MxRtyPassiveActivation 1: after reset InListPassiveTarget waits for a tag for ever.
      this.#exchange([RF_CONFIGURATION, 5, 0xff, 1, 1]);
    } catch (error) {
      this.#port.close();
      throw error;
    }
  }

  /**
   * There is nothing to configure.
   * @throws SensorError `configuration`, `closed`, `failed`
   */
  configure(options: object): void {
    this.#port.use();
    checkConfiguration("PN532", options);
  }

  /**
   * A fresh object once it is known what is in the field; undefined until then.
   * @throws SensorError `closed`, `failed`; `bus`, `protocol`, after which the next call starts from the beginning
   */
  sample(): PN532Sample | undefined {
    try {
      if (this.#command === undefined) {
        this.#result = {};
        this.#length = 0;
        // One target, 106 kbps type A.
        this.#send([IN_LIST_PASSIVE_TARGET, 1, 0]);
      }
      for (;;) {
        const data = this.#poll();
        if (data === undefined) return undefined;
        if (this.#command === RF_CONFIGURATION) {
          this.#command = undefined;
          return this.#result;
        }
        this.#send(this.#command === IN_DATA_EXCHANGE ? this.#onRead(data) : this.#onListed(data));
      }
    } catch (error) {
      this.#command = undefined;
      this.#isAdrift = true;
      throw error;
    }
  }

  /** Ends a sample that is being taken, and its field. */
  close(): void {
    if (this.#command !== undefined)
      try {
        this.#isAdrift = true;
        this.#send(FIELD_OFF);
      } catch {
        // Nothing can be done for a part that does not hear.
      }
    this.#command = undefined;
    this.#port.close();
  }

  get configuration(): object {
    this.#port.use();
    return {};
  }

  get identification(): SensorIdentification {
    this.#port.use();
    return { model: "PN532", classification: "TagReader" };
  }

  /** Section 7.3.5: NbTg, then Tg, SENS_RES (2), SEL_RES, NFCIDLength and NFCID. @returns the next command */
  #onListed(data: Uint8Array): readonly number[] {
    if (data[0] === 0) return FIELD_OFF;
    const tag = data.slice(6);
    if (data[0] !== 1 || data[1] !== 1 || tag.length === 0 || tag.length !== data[5])
      this.#refuse("target data");
    this.#result.tag = tag;
    // SEL_RES 0: not a MIFARE Classic, no ISO 14443-4, no peer.
    if (data[4] !== 0) return this.#found("type");
    return this.#readOn();
  }

  /** Section 7.3.8: status, then the tag's answer. @returns the next command */
  #onRead(data: Uint8Array): readonly number[] {
    // Bits 5:0 are the error code: 1 no answer, 2 checksum, 5 too many bits...
    if (data[0]! & 0x3f) return this.#found("unreadable");
    if (data.length !== 17) this.#refuse("tag data");
    this.#memory.set(data.subarray(1), this.#length);
    this.#length += 16;
    const message = ndefMessage(this.#memory.subarray(0, this.#length));
    if (message === undefined) return this.#length < MEMORY ? this.#readOn() : this.#found("foreign");
    if (typeof message === "string") return this.#found(message);
    const payload = identityPayload(message);
    if (typeof payload === "string") return this.#found(payload);
    const identity = decodeIdentity(payload);
    // The record is all of the payload, where in a memory it is followed by whatever is there.
    if (typeof identity !== "string" && payload.length !== 20 + identity.consumable.length)
      return this.#found("format");
    return this.#found(identity);
  }

  #readOn(): readonly number[] {
    return [IN_DATA_EXCHANGE, 1, READ, FIRST_PAGE + this.#length / 4];
  }

  #found(what: Identity | TagFault): readonly number[] {
    if (typeof what === "string") this.#result.faults = { record: what };
    else this.#result.identity = what;
    return FIELD_OFF;
  }

  #refuse(what: string): never {
    throw new SensorError("protocol", `PN532: command ${this.#command}: ${what}`);
  }

  /** Also ends what the PN532 was at when the device was reset without it. */
  #wake(): void {
    this.#isAdrift = false;
    for (let left = WAKE_UPS; left > 0; left--)
      try {
        this.#port.write(Uint8Array.from(ACK));
        left = 0;
      } catch (error) {
        if (left === 1) throw error;
      }
  }

  /** Data of the response, which is waited for. */
  #exchange(data: readonly number[]): Uint8Array {
    this.#send(data);
    for (;;) {
      const answer = this.#poll();
      if (answer === undefined) continue;
      this.#command = undefined;
      return answer;
    }
  }

  #send(data: readonly number[]): void {
    if (this.#isAdrift) this.#port.write(Uint8Array.from(ACK));
    this.#isAdrift = false;
    this.#command = data[0];
    this.#isAcknowledged = false;
    this.#polls = 0;
    this.#port.write(encodeFrame(data));
  }

  /** Data of the response without its code, once it is there. */
  #poll(): Uint8Array | undefined {
    if (!this.#isAcknowledged) {
      const bytes = this.#read(1 + ACK.length);
      if (bytes === undefined) return undefined;
      if (ACK.some((byte, i) => bytes[1 + i] !== byte)) this.#refuse("no ACK frame");
      this.#isAcknowledged = true;
      this.#polls = 0;
    }
    const bytes = this.#read(ANSWER);
    if (bytes === undefined) return undefined;
    const data = decodeFrame(bytes.subarray(1));
    if (typeof data === "string") return this.#refuse(data);
    if (data[0] !== this.#command! + 1) this.#refuse("another response");
    return data.subarray(1);
  }

  #read(byteLength: number): Uint8Array | undefined {
    const bytes = this.#port.read(byteLength);
    if (bytes[0]! & READY) return bytes;
    if (++this.#polls < PATIENCE) return undefined;
    throw new SensorError("bus", `PN532: command ${this.#command}: no answer`);
  }
}
