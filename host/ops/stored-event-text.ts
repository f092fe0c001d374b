import { utf8 } from '../base/utf8';
import { headerIn } from '../broker/headers';
import type { Config } from '../config/config';
import { decode, type Decoded } from '../message/decode';
import type { Invalid } from '../message/outcome';
import type { StoredEvent } from '../nats/stored-event';

/** Returns the id of an event as a handler sees it; undefined for an invalid event. */
export function idOf(event: StoredEvent, config: Pick<Config, 'delivery'>): string | undefined {
  const decoded = decodeStored(event, config);
  return decoded.kind === 'decoded' ? decoded.envelope.event_id : event.headers['Nats-Msg-Id'];
}

/** Decodes a stored event as a handler's host does. */
export function decodeStored(
  { subject, payload, headers, repeated, stream, sequence, storedAtMs }: StoredEvent,
  { delivery }: Pick<Config, 'delivery'>,
): Decoded | Invalid {
  const received = {
    subject,
    payload,
    size: payload.length,
    text: () => utf8(payload),
    origin: { stream, sequence, storedAtMs },
    header: (name: string) => headerIn(headers, name),
    headers: () => headers,
    repeatedHeaders: () => repeated,
  };
  return decode(received, delivery);
}
