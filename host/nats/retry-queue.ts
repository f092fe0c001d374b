import type { AllHeaders } from '../broker/headers';
import { deferralOf, retryMessage, type Deferral } from '../broker/retry-queue';
import type { DeferredEvent, RetryQueue } from '../broker/ports';
import type { DurableSpec } from '../broker/durable';
import { RETRY_STREAM } from '../broker/stream-state';
import { isOfLaterFormat } from '../records/record-format';
import type { Connection } from './connection';
import { API_ERROR, apiErrorCode, asBrokerError } from './failures';
import { readHeaders, toHeaders } from './headers';
import { findMessage, findStream, holdsAny, subjectsIn } from './streams';

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
  return subjectsIn(connection, RETRY_STREAM, 'retry.>');
}

/** An event in the retry queue of one handler. */
export interface StoredDeferral extends Deferral {
  readonly plugin: string;
  readonly handler: string;
  /** The sequence of its message in the retry queue. */
  readonly queueSequence: number;
  /** When the retry queue stored it, in milliseconds since 1970. */
  readonly queuedAtMs: number;
}

/** Reads the stays of an event in the retry queues of all handlers, oldest first. They stay stored when they are over. */
export async function deferralsOf(connection: Connection, stream: string, sequence: number): Promise<StoredDeferral[]> {
  if (!(await findStream(connection, RETRY_STREAM))) return [];
  const subjects = await subjectsIn(connection, RETRY_STREAM, `retry.*.*.${stream}.${sequence}.>`);
  const found = await Promise.all(subjects.map((subject) => deferralOn(connection, subject)));
  return found.filter((each) => each !== undefined).sort((a, b) => a.queueSequence - b.queueSequence);
}

async function deferralOn(connection: Connection, subject: string): Promise<StoredDeferral | undefined> {
  const message = await findMessage(connection, RETRY_STREAM, { last_by_subj: subject }, `stream ${RETRY_STREAM}`);
  if (!message) return undefined;
  const [, plugin = '', handler = ''] = subject.split('.');
  try {
    const queued = { queueSequence: message.seq, queuedAtMs: message.time.getTime() };
    return { plugin, handler, ...queued, ...deferralOf(readHeaders(message.header).headers) };
  } catch (error) {
    if (isOfLaterFormat(error)) throw error;
    return undefined; // Another program has published the message. No handler gets it.
  }
}

/**
 * Stores events in the retry queue, each once, because the subject holds the event's identity and how often the event
 * was deferred.
 */
export class NatsRetryQueue implements RetryQueue {
  constructor(private readonly connection: Connection) {}

  async defer(event: DeferredEvent): Promise<void> {
    await this.store(event);
  }

  /** Stores the event as {@link defer} does. Resolves with false if the queue had stored it before. */
  async store(event: DeferredEvent): Promise<boolean> {
    const { subject, headers, repeated } = retryMessage(event);
    try {
      await this.publish(subject, event.payload, { headers, ...(repeated && { repeated }) });
      return true;
    } catch (error) {
      // An earlier try has stored the event and died before it could report that.
      if (apiErrorCode(error) !== API_ERROR.wrongLastSequence) throw asBrokerError(error, `stream ${RETRY_STREAM}`);
      return false;
    }
  }

  private async publish(subject: string, payload: Uint8Array, all: AllHeaders): Promise<void> {
    const { requests, js } = this.connection;
    if (!all.repeated) {
      const headers = { ...all.headers, 'Nats-Expected-Last-Subject-Sequence': '0' };
      await requests.publish(subject, payload, { headers });
      return;
    }
    // The client's own publish is slower, and takes several values of a header.
    const expect = { lastSubjectSequence: 0 };
    await js.publish(subject, payload, { headers: toHeaders(all), expect, timeout: TIMEOUT_MS });
  }
}
