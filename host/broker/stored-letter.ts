import type { RepeatedHeaders } from './headers';

/** A dead letter as it is stored in its stream. */
export interface StoredLetter {
  /** Its sequence in the stream of dead letters. */
  readonly id: number;
  readonly headers: Readonly<Record<string, string>>;
  /** All values of the headers that have several values. `headers` has the last value of each. */
  readonly repeated?: RepeatedHeaders | undefined;
  readonly payload: Uint8Array;
}
