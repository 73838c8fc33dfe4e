/** Moddable has no typings of it. */
declare module "embedded:io/pulsewidth" {
  export default class PulseWidth {
    static readonly RisingToFalling: number;
    constructor(options: {
      readonly pin: number;
      readonly edges: number;
      onReadable?(): void;
    });
    /** Microseconds. */
    read(): number | undefined;
    close(): void;
  }
}
