import {
  isBatchFailure,
  isJetplugError,
  isReject,
  isRetryLater,
  JetplugError,
  parseDuration,
} from '../../sdk/internal';
import { isErrorLike, itemsOf, plainError } from '../base/plain-error';
import { cut } from '../base/utf8';
import { isInstance, readMember, showThrown } from '../base/thrown';
import { OutcomeKnown, type Outcome } from './outcome';

/** One failed event of a batch, by its index; -1 if the plugin passed no valid index. */
export interface ReadFailure {
  readonly index: number;
  readonly thrown: ThrownRecord;
}

/** A thrown value as the host handles it: its kind, and an error with plain, bounded members. */
export type ThrownRecord =
  | { readonly kind: 'error' | 'reject'; readonly error: Error }
  | { readonly kind: 'jetplug'; readonly error: JetplugError }
  | { readonly kind: 'retry-later'; readonly error: Error; readonly delayMs: number }
  | { readonly kind: 'batch'; readonly error: Error; readonly failures: readonly ReadFailure[] }
  /** Not an error: the value itself if it is a primitive, otherwise a description of it. */
  | { readonly kind: 'value'; readonly value: unknown; readonly shown: string }
  /** Thrown by the host, through the plugin's code. */
  | { readonly kind: 'known'; readonly outcome: Outcome };

/** The number of failures that are read at most. It is larger than the largest batch. */
const MAX_FAILURES = 10_000;
const MAX_VALUE = 4_096;
/** The longest delay. The server's limit is higher, because 64 bits of nanoseconds are enough for 292 years. */
const MAX_DELAY_MS = 100 * 365 * 86_400_000;

/** Reads a thrown value. Never throws. */
export function readThrown(thrown: unknown): ThrownRecord {
  if (isInstance(thrown, OutcomeKnown)) return { kind: 'known', outcome: thrown.outcome };
  if (!isErrorLike(thrown)) return { kind: 'value', value: valueOf(thrown), shown: showThrown(thrown) };
  if (isReject(thrown)) return { kind: 'reject', error: plainError(thrown) };
  if (isRetryLater(thrown)) return readRetryLater(thrown);
  if (isBatchFailure(thrown)) return { kind: 'batch', error: plainError(thrown), failures: readFailures(thrown) };
  const error = plainError(thrown);
  return isJetplugError(error) ? { kind: 'jetplug', error } : { kind: 'error', error };
}

/** Reads the delay, which the plugin may have changed after it was checked. */
function readRetryLater(thrown: unknown): ThrownRecord {
  const delayMs = parseDuration(readMember(thrown, 'delayMs'));
  if (delayMs !== undefined) {
    return { kind: 'retry-later', error: plainError(thrown), delayMs: Math.min(delayMs, MAX_DELAY_MS) };
  }
  const cause = plainError(thrown);
  const message = `the delay of a RetryLater is not a length of time: ${cause.message}`;
  return { kind: 'jetplug', error: new JetplugError('JP_DURATION_INVALID', message, { cause }) };
}

function readFailures(thrown: unknown): ReadFailure[] {
  return (itemsOf(readMember(thrown, 'failures'), MAX_FAILURES) ?? []).map((failure) => {
    const index = readMember(failure, 'index');
    return { index: Number.isInteger(index) ? (index as number) : -1, thrown: readOne(readMember(failure, 'error')) };
  });
}

/** Reads the error of one event. A BatchFailure within a BatchFailure is an ordinary error. */
function readOne(thrown: unknown): ThrownRecord {
  return isBatchFailure(thrown) ? { kind: 'error', error: plainError(thrown) } : readThrown(thrown);
}

function valueOf(thrown: unknown): unknown {
  if (typeof thrown === 'string') return cut(thrown, MAX_VALUE);
  return thrown === null || ['number', 'boolean', 'undefined'].includes(typeof thrown) ? thrown : showThrown(thrown);
}
