import { retryMessage } from '../broker/retry-queue';
import type { DeferredEvent, RetryQueue } from '../broker/ports';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { toHeaders } from './publisher';
import { holdsAny } from './streams';
import { RETRY_STREAM } from '../broker/stream-state';
import type { DurableSpec } from '../broker/durable';

const TIMEOUT_MS = 5_000;

/** Whether anything lies on a handler's road. */
export async function hasDeferred(connection: Connection, { subject }: Pick<DurableSpec, 'subject'>): Promise<boolean> {
  try {
    return await holdsAny(connection, RETRY_STREAM, subject);
  } catch (error) {
    throw asBrokerError(error, `stream ${RETRY_STREAM}`);
  }
}

/** The subjects of all that lies on the roads. */
export async function deferredSubjects({ jsm }: Connection): Promise<string[]> {
  try {
    const { state } = await jsm.streams.info(RETRY_STREAM, { subjects_filter: 'retry.>' });
    return Object.keys(state.subjects ?? {});
  } catch (error) {
    throw asBrokerError(error, `stream ${RETRY_STREAM}`);
  }
}

/** Puts events on the retry road, each once: its subject says which event it is and how often it has been there. */
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
      // It is there already: an earlier try stored it and did not live to say so.
      if (apiErrorCode(error) !== API_ERROR.wrongLastSequence) throw asBrokerError(error, `stream ${RETRY_STREAM}`);
    }
  }
}
