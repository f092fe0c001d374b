import type { From } from '../../sdk/internal';
import type { DurableCheckpoint } from '../records/skipped-sequences';

/** The settings of a handler that are settings of its durable consumer. */
export interface DurableSettings {
  readonly subject: string;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  readonly owner: { readonly plugin: string; readonly handler: string };
  /** The name of the deployment (`deploy.name`), which marks the durable on the server. */
  readonly deployment: string;
}

/** The durable consumer that a handler needs. */
export interface DurableSpec extends DurableSettings {
  readonly stream: string;
  readonly durable: string;
  /** Where the durable begins when it is made for the first time. */
  readonly from: From;
  /** The last settled sequence: a durable that was deleted is made again behind it. */
  readonly resumeAfter?: number;
  /** Whether settings that another host of the deployment has given it are left as they are. */
  readonly yieldsToOtherHosts?: boolean;
}

/** How far a durable is. */
export interface DurablePosition {
  /** Not delivered yet. */
  readonly pending: number;
  /** Delivered and not settled, with those that are delayed; over all hosts. */
  readonly inFlight: number;
  /** Everything up to this sequence of the stream is settled. */
  readonly ackFloor: number;
  /** When it was made. */
  readonly created: string;
  /** The sequence at which it began, if it was set. */
  readonly startSequence?: number;
  /** The settings that this call has corrected, such as `max_deliver: 3 → -1`. */
  readonly corrected?: readonly string[];
  /** Settings that the server has set again, by limits of its own or of the stream. */
  readonly limited?: readonly string[];
}

/** A durable as it is on the server. */
export interface DurableLook {
  /** Until when an operator has paused it. */
  readonly pausedUntil?: Date;
  /** Events that wait for delivery. */
  readonly pending: number;
  /** Delivered and not settled, over all hosts. */
  readonly inFlight: number;
  /**
   * `correction`: the host corrects the durable's settings while it uses it. `hold`: the host must check the durable
   * before it uses it, because the durable is no longer the deployment's or the server skips events of it.
   */
  readonly needs: 'nothing' | 'correction' | 'hold';
  /** The settings to correct, such as `max_batch: 5 → 0`. */
  readonly corrections: readonly string[];
  /** Settings that another host of the deployment has given it, and that are left, such as `ack_wait: 30 s → 15 s`. */
  readonly drift: readonly string[];
  readonly checkpoint: DurableCheckpoint;
}

export type DurableWatcher = (look: DurableLook) => void;
