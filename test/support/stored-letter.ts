import { deadLetterOf } from '../../host/message/dead-letter';
import type { StoredLetter } from '../../host/broker/stored-letter';
import { MessageBench, type Given } from './message-bench';

export const FAILED_AT = new Date('2026-05-12T13:00:00.000Z');

const bench = new MessageBench();

interface Failed {
  readonly id?: number;
  /** Bytes as they are, text as UTF-8, all else as JSON. */
  readonly payload?: unknown;
  readonly given?: Given;
  readonly error?: Error;
}

/** The stored letter of an event that failed in the handler `badge.award`. */
export function storedLetter({ id = 12, payload = '{"n":1}', given = {}, error }: Failed = {}) {
  const failure = {
    reason: 'attempts-exhausted',
    error: error ?? new Error('broken: é'),
    attempts: 3,
  } as const;
  const letter = deadLetterOf(bench.handler, bench.delivery(payload, given), failure, FAILED_AT);
  const { headers, repeated, payload: bytes } = letter;
  return { id, headers, ...(repeated && { repeated }), payload: bytes } satisfies StoredLetter;
}
