import type { MessageRef, Past } from '../../broker/delivery';
import type { DeadLetterReason } from '../outcome';

/** How often a message has failed in one handler. */
export interface Failures {
  /** Failures that are the message's own, because the handler handled other messages meanwhile. */
  readonly charged: number;
  /**
   * Failures since the handler's last success. They are the message's own or an outage's. 0 once an outage has begun.
   */
  readonly provisional: number;
  /** How many outages the handler had had by the last failure. */
  readonly outages: number;
  /** How often a process died while it ran the message, as far as is known. See `AttemptLog.started`. */
  readonly deaths: number;
  /** Set if it was decided that the message is dead-lettered. The letter may not be stored yet. */
  readonly buried?: Burial | undefined;
}

/** Why a message becomes a dead letter. */
export interface Burial {
  readonly reason: DeadLetterReason;
  readonly error: Error;
  readonly attempts: number;
}

export const NO_FAILURES: Failures = { charged: 0, provisional: 0, outages: 0, deaths: 0 };

/** Returns the number of the attempt after these failures, from 1. */
export function attemptAfter({ charged, provisional }: Failures): number {
  return charged + provisional + 1;
}

/** A message, with its history if it comes from the retry queue. */
export type CountedMessage = MessageRef & { readonly past?: Past | undefined };
