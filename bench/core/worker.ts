import type { Ground } from './ground';
import type { MeasuredProcess } from './measured-process';

/** How much there is to do. */
export interface Amounts {
  /** How many events the stream holds. */
  readonly events: number;
  /** After how many deliveries the work is done; default: each event once. */
  readonly deliveries?: number;
}

/** A subject at its work. */
export interface Worker {
  readonly process: MeasuredProcess;
  /** From its start until it took events. */
  readonly tookMs: number;
  /** Where it serves HTTP, if it does. */
  readonly url: string;
  /** Throws where it says of itself that something went wrong. */
  check(deliveries: number): Promise<void>;
}

export type Start = (ground: Ground, amounts: Amounts) => Promise<Worker>;
