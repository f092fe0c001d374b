import type { DeferredEvent } from '../broker/ports';
import type { StoredLetter } from '../broker/stored-letter';
import { assertReadableLetter, headersOfEvent, decodeHeader } from '../broker/letter-headers';

/** A dead letter as `dead list --json` shows it. */
export interface DeadLetterSummary {
  readonly id: number;
  readonly plugin: string;
  readonly handler: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly time: string;
  readonly fingerprint: string;
}

/** @throws JetplugError `JP_RECORD_NEWER` */
export function summarise({ id, headers }: Pick<StoredLetter, 'id' | 'headers'>): DeadLetterSummary {
  assertReadableLetter(id, headers);
  const header = (name: string): string => headers[name] ?? '';
  return {
    id,
    plugin: header('x-plugin'),
    handler: header('x-handler'),
    reason: header('x-dead-letter-reason'),
    error: decodeHeader(header('x-error-message')),
    attempts: Number(header('x-attempts')),
    subject: header('x-original-subject'),
    stream: header('x-original-stream'),
    sequence: Number(header('x-original-sequence')),
    time: header('x-failed-at'),
    fingerprint: header('x-fingerprint'),
  };
}

/** The event of a letter, to be retried by the handler that failed. It is due at once and has all its attempts again. */
export function redriven(stored: StoredLetter): DeferredEvent {
  const { id, headers, payload } = stored;
  const { plugin, handler, stream, sequence, subject } = summarise({ id, headers });
  return {
    plugin,
    handler,
    origin: { stream, sequence, storedAtMs: Date.parse(headers['x-original-time'] ?? '') },
    subject,
    payload,
    ...headersOfEvent(stored),
    dueAtMs: 0,
    past: {
      failures: 0,
      letter: id,
    },
    pass: `letter-${id}`,
  };
}
