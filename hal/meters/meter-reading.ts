/** What a meter makes of one sample. Both are whole numbers of 0 or more. */
export interface MeterReading {
  /** whole steps used since the last reading */
  consumed: number;
  /** whole steps put in since the last reading */
  refilled: number;
}
