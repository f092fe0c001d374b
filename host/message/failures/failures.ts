import type { AppliedUpdate, MessageRef, Past } from '../../broker/delivery';
import type { DeadLetterReason } from '../outcome';

/** How often a message has failed in one handler. */
export interface Failures {
  /** Its own: the handler worked on others meanwhile. */
  readonly charged: number;
  /** Since the handler's last success: its own, or an outage's. None any more once an outage has begun. */
  readonly provisional: number;
  /** How many outages the handler had had by the last of them. */
  readonly outages: number;
  /** What the runs that failed had applied to stores by then. */
  readonly applied: readonly AppliedUpdate[];
  /** How often a process has died while it was at the message, as far as that is known: see {@link AttemptLog.started}. */
  readonly deaths: number;
  /** Whether its runs may have applied more than is known: one died, or had no answer. */
  readonly unsure?: boolean | undefined;
  /** As what it is to be dead-lettered, where that was decided and is not known to be done. */
  readonly buried?: Burial | undefined;
}

/** Why a message becomes a dead letter. */
export interface Burial {
  readonly reason: DeadLetterReason;
  readonly error: Error;
  readonly attempts: number;
}

export const NO_FAILURES: Failures = { charged: 0, provisional: 0, outages: 0, applied: [], deaths: 0 };

/** Which try comes after so many failures, from 1. */
export function attemptAfter({ charged, provisional }: Failures): number {
  return charged + provisional + 1;
}

/** A message, with what it brings of its failures from before, where it comes by the retry road. */
export type CountedMessage = MessageRef & { readonly past?: Past | undefined };
