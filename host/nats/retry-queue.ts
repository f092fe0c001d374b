import { retryMessage } from '../broker/retry-queue';
import type { DeferredEvent, RetryQueue } from '../broker/ports';
import type { DurableSpec } from '../broker/durable';
import { RETRY_STREAM } from '../broker/stream-state';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { toHeaders } from './headers';
import { holdsAny, streamInfo } from './streams';

const TIMEOUT_MS = 5_000;

/**
 * Returns whether a handler's retry queue holds any event. The subject is the one that the queue's durable delivers.
 */
export async function hasDeferred(connection: Connection, { subject }: Pick<DurableSpec, 'subject'>): Promise<boolean> {
  try {
    return await holdsAny(connection, RETRY_STREAM, subject);
  } catch (error) {
    throw asBrokerError(error, `stream ${RETRY_STREAM}`);
  }
}

/** Lists the subjects of all events in the retry queues. */
export async function deferredSubjects(connection: Connection): Promise<string[]> {
  const { state } = await streamInfo(connection, RETRY_STREAM, { subjects_filter: 'retry.>' });
  return Object.keys(state.subjects ?? {});
}

/**
 * Stores events in the retry queue, each once, because the subject holds the event's identity and how often the event
 * was deferred.
 */
export class NatsRetryQueue implements RetryQueue {
  constructor(private readonly connection: Connection) {}

  async defer(event: DeferredEvent): Promise<void> {
    const { subject, ...headers } = retryMessage(event);
    try {
      await this.connection.js.publish(subject, event.payload, {
        headers: toHeaders(headers),
        expect: { lastSubjectSequence: 0 },
        timeout: TIMEOUT_MS,
      });
    } catch (error) {
      // An earlier try has stored the event and died before it could report that.
      if (apiErrorCode(error) !== API_ERROR.wrongLastSequence) throw asBrokerError(error, `stream ${RETRY_STREAM}`);
    }
  }
}
