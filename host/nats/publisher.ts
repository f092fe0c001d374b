import { headers as makeHeaders, type MsgHdrs } from 'nats';
import { isPublishSubject, JetplugError } from '../../sdk/internal';
import type { Outgoing, OutgoingEvent } from '../message/outbox';
import type { Connection } from './connection';
import { isNoResponders } from './failures';

const TIMEOUT_MS = 5_000;

/** Publishes events and awaits the stream's word that it has them. */
export class Publisher implements Outgoing {
  constructor(private readonly connection: Connection) {}

  async send(event: OutgoingEvent): Promise<void> {
    // The client does not check: a line break would smuggle in a command.
    if (!isPublishSubject(event.subject)) {
      throw new JetplugError('JP_SUBJECT_INVALID', `cannot publish on ${JSON.stringify(event.subject)}`);
    }
    try {
      await this.connection.js.publish(event.subject, event.payload, {
        msgID: event.id,
        headers: toHeaders(event.headers),
        timeout: TIMEOUT_MS,
      });
    } catch (cause) {
      throw isNoResponders(cause)
        ? new JetplugError('JP_PUBLISH_NO_STREAM', `no stream holds ${event.subject}`, { cause })
        : new JetplugError('JP_PUBLISH_FAILED', `${event.subject} was not stored: ${(cause as Error).message}`, {
            cause,
          });
    }
  }
}

export function toHeaders(values: Readonly<Record<string, string>>): MsgHdrs {
  const headers = makeHeaders();
  for (const name in values) headers.set(name, values[name]!);
  return headers;
}
