import { DeliverPolicy, headers as makeHeaders, type MsgHdrs } from 'nats';
import { isPublishSubject, JetplugError } from '../../sdk/internal';
import type { Outgoing, OutgoingEvent } from '../message/ports';
import type { Connection } from './connection';
import { isNoResponders } from './failures';

const TIMEOUT_MS = 5_000;
/** What was read of a subject serves for so long: nobody else sends under the ids in question. */
const LOOKUP_FRESH_MS = 2_000;

/** Publishes events and awaits the stream's word that it has them. */
export class Publisher implements Outgoing {
  private readonly lookups = new Map<string, { sinceMs: number; atMs: number; ids: Promise<ReadonlySet<string>> }>();

  /** @param dropsRepeatsMs the shortest duplicate window of the streams */
  constructor(
    private readonly connection: Connection,
    readonly dropsRepeatsMs: number,
  ) {}

  async send(event: OutgoingEvent): Promise<{ duplicate: boolean }> {
    // The client does not check: a line break would smuggle in a command.
    if (!isPublishSubject(event.subject)) {
      throw new JetplugError('JP_SUBJECT_INVALID', `cannot publish on ${JSON.stringify(event.subject)}`);
    }
    try {
      const { duplicate } = await this.connection.js.publish(event.subject, event.payload, {
        msgID: event.id,
        headers: toHeaders(event.headers),
        timeout: TIMEOUT_MS,
      });
      return { duplicate };
    } catch (cause) {
      throw isNoResponders(cause)
        ? new JetplugError('JP_PUBLISH_NO_STREAM', `no stream holds ${event.subject}`, { cause })
        : new JetplugError('JP_PUBLISH_FAILED', `${event.subject} was not stored: ${(cause as Error).message}`, {
            cause,
          });
    }
  }

  /** Many messages ask at the same time, when a host comes back: they share what is read. */
  idsSince(subject: string, sinceMs: number): Promise<ReadonlySet<string>> {
    const nowMs = performance.now();
    const known = this.lookups.get(subject);
    if (known && known.sinceMs <= sinceMs && nowMs - known.atMs < LOOKUP_FRESH_MS) return known.ids;
    const ids = readIds(this.connection, subject, sinceMs).catch((cause: unknown) => {
      this.lookups.delete(subject);
      throw new JetplugError('JP_PUBLISH_FAILED', `${subject} could not be searched for what was sent`, { cause });
    });
    this.lookups.set(subject, { sinceMs, atMs: nowMs, ids });
    return ids;
  }
}

const LOOKUP_BATCH = 1_000;

async function readIds({ js, jsm }: Connection, subject: string, sinceMs: number): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  const stream = await jsm.streams.find(subject);
  const consumer = await js.consumers.get(stream, {
    filterSubjects: subject,
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(sinceMs).toISOString(),
    headers_only: true,
  });
  for (let more = true; more;) {
    more = false;
    for await (const message of await consumer.fetch({ max_messages: LOOKUP_BATCH, expires: TIMEOUT_MS })) {
      ids.add(message.headers?.get('Nats-Msg-Id') ?? '');
      more = message.info.pending > 0;
      if (!more) break;
    }
  }
  return ids;
}

export function toHeaders(values: Readonly<Record<string, string>>): MsgHdrs {
  const headers = makeHeaders();
  for (const name in values) headers.set(name, values[name]!);
  return headers;
}
