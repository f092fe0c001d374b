import type { From } from '../../sdk/internal';
import type { DurableCheckpoint } from '../records/settlements';

/** The settings of a handler that its durable carries. */
export interface DurableSettings {
  readonly subject: string;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  readonly owner: { readonly plugin: string; readonly handler: string };
  /** The name of the deployment (`deploy.name`), which marks the durable on the server. */
  readonly deployment: string;
}

/** What a handler asks of its durable consumer. */
export interface DurableSpec extends DurableSettings {
  readonly stream: string;
  readonly durable: string;
  /** Counts only when the durable is made for the first time. */
  readonly from: From;
  /** Where to go on when the durable was made before and is gone: behind what is settled. */
  readonly resumeAfter?: number;
  /** Whether settings that another host of the deployment has given it are left as they are. */
  readonly yieldsToOtherHosts?: boolean;
}

/** How far a durable is. */
export interface DurablePosition {
  /** Not delivered yet. */
  readonly pending: number;
  /** Delivered and not settled, delayed ones included; of all hosts. */
  readonly inFlight: number;
  /** Everything up to this sequence of the stream is settled. */
  readonly ackFloor: number;
  /** When it was made. */
  readonly created: string;
  /** Where it began, if that was told by a sequence. */
  readonly startSequence?: number;
  /** The settings that this call has corrected, such as `max_deliver: 3 → -1`. */
  readonly corrected?: readonly string[];
  /** Settings that the server has set again, by limits of its own or of the stream. */
  readonly limited?: readonly string[];
}

/** How a durable is on the server. */
export interface DurableLook {
  /** Until when an operator has paused it. */
  readonly pausedUntil?: Date;
  /** Events that wait for delivery. */
  readonly pending: number;
  /** Delivered and not settled, over all hosts. */
  readonly inFlight: number;
  /**
   * `correction`: its settings are to be corrected while it is used. `hold`: it must not be used before it was looked
   * at, as it is not the deployment's any more, or as the server passes over events.
   */
  readonly needs: 'nothing' | 'correction' | 'hold';
  /** The settings to correct, such as `max_batch: 5 → 0`. */
  readonly corrections: readonly string[];
  /** Settings that another host of the deployment has given it, and that are left, such as `ack_wait: 30 s → 15 s`. */
  readonly drift: readonly string[];
  readonly checkpoint: DurableCheckpoint;
}

export type DurableWatcher = (look: DurableLook) => void;
