import type { Ground } from './ground';
import type { MeasuredProcess } from './measured-process';

/** The amount of work. */
export interface Amounts {
  /** How many events the stream holds. */
  readonly events: number;
  /** The number of deliveries after which the work is done; default: each event once. */
  readonly deliveries?: number;
}

/** A subject that is at work. */
export interface Worker {
  readonly process: MeasuredProcess;
  /** From the start of the process until it was ready. */
  readonly tookMs: number;
  /** The address of its HTTP server, if it has one. */
  readonly url: string;
  /** Throws where the program’s own counts differ from the expected ones. */
  check(deliveries: number): Promise<void>;
}

/** The place of a subject: the server, and a folder for its files. */
export type Place = Pick<Ground, 'url' | 'folder' | 'signal'>;

export type Start = (place: Place, amounts: Amounts) => Promise<Worker>;
