import type { Envelope } from '../../sdk/internal';
import { isBinary, readCloudEvent, type ReceivedCloudEvent } from './cloud-events';
import type { Delivery } from '../broker/delivery';
import { describeValue } from '../base/describe-value';
import type { PayloadLimits } from './handler';
import { invalid, type Invalid } from './outcome';
import { decodePayload } from './codec';
import type { Parsed } from './parse-object';

/** The parts of a delivery that decoding reads. */
export type Received = Pick<Delivery, 'subject' | 'size' | 'text' | 'origin' | 'header' | 'headers'>;

/**
 * The header with the number of hops from the event that came from outside to this one. Each event that a handler
 * publishes is one hop further than the event that the handler got. The limit ends a loop of handlers that feed each
 * other.
 */
export const HOPS_HEADER = 'x-hops';
const MAX_HOPS = 32;

/** A message read as an event. The envelope is complete; the fields are not validated yet. */
export interface Decoded {
  readonly kind: 'decoded';
  readonly envelope: Envelope;
  readonly fields: Record<string, unknown>;
  /** The number of hops from the event that came from outside to this one; 0 for that event itself. */
  readonly hops: number;
  /** The subject that the event was published on, which is another than the contract's if the handler has changed it. */
  readonly subject?: string;
  /** Set if the message is a CloudEvent. */
  readonly cloudEvent?: ReceivedCloudEvent | undefined;
}

const MAX_ID_BYTES = 256;
/** RFC 3339 allows `t` and `z` in either case. */
const ISO_8601 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** Decodes a delivery, and completes the envelope of an event that was published by hand. Never throws. */
export function decode(delivery: Received, limits: PayloadLimits): Decoded | Invalid {
  const { size } = delivery;
  if (size > limits.maxPayloadBytes) {
    return invalid('too-large', `the payload has ${size} bytes; the limit is ${limits.maxPayloadBytes}`);
  }
  const hops = hopsOf(delivery);
  if (typeof hops !== 'number') return hops;
  if (hops > MAX_HOPS) {
    return invalid('too-many-hops', `the event is ${hops} events away from the first; the limit is ${MAX_HOPS}`);
  }
  const body = parse(delivery, limits.maxDepth);
  if ('kind' in body) return body;

  const cloudEvent = readCloudEvent(delivery, body.value, limits.maxDepth);
  if (cloudEvent && 'kind' in cloudEvent) return cloudEvent;
  const envelope = fillEnvelope(cloudEvent?.envelope ?? body.value, delivery);
  if ('kind' in envelope) return envelope;
  // The data of a CloudEvent is a namespace of its own, so a `timestamp` in it is a field like any other.
  const fields = cloudEvent ? { ...cloudEvent.data } : withoutEnvelope(body.value);
  return { kind: 'decoded', envelope: envelope.value, fields, hops, subject: delivery.subject, cloudEvent };
}

interface Value<T> {
  readonly value: T;
}

/** Reads the hops from the header, which only hosts write. Any text that is not a number counts as 0. */
function hopsOf(delivery: Received): number | Invalid {
  let text: string | undefined;
  try {
    text = delivery.header(HOPS_HEADER);
  } catch (error) {
    return invalid('invalid-envelope', 'the header block is malformed', error);
  }
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : 0;
}

function parse(delivery: Received, maxDepth: number): Parsed | Invalid {
  // In binary mode the payload is only the data, which a CloudEvent may omit.
  return delivery.size === 0 && isBinary(delivery) ? { value: {} } : decodePayload(delivery, maxDepth);
}

/**
 * Completes the envelope, which an event that was typed by hand may omit. The default type is the subject, and the
 * default time is the time at which the stream stored the event.
 */
function fillEnvelope(given: Partial<Record<keyof Envelope, unknown>>, delivery: Received): Value<Envelope> | Invalid {
  const { event_type: type = delivery.subject, timestamp: time } = given;
  const { event_id: id = identityOf(delivery) } = given;
  if (typeof type !== 'string' || type === '')
    return invalid('invalid-envelope', `event_type is ${describeValue(type)}`);
  if (typeof id !== 'string' || id === '' || isLongerThan(MAX_ID_BYTES, id)) {
    return invalid('invalid-envelope', `event_id is ${describeValue(id)}, not a string of 1–${MAX_ID_BYTES} bytes`);
  }
  const timestamp = time === undefined ? new Date(delivery.origin.storedAtMs).toISOString() : utc(time);
  if (timestamp === undefined) {
    return invalid(
      'invalid-envelope',
      `timestamp is ${describeValue(time)}, not an ISO 8601 time such as 2026-05-12T19:03:11Z`,
    );
  }
  return { value: { event_type: type, event_id: id, timestamp } };
}

function isLongerThan(bytes: number, text: string): boolean {
  // A character has three bytes at most.
  return 3 * text.length > bytes && Buffer.byteLength(text) > bytes;
}

/** Returns the publisher's message id or, without one, the message's position in the stream. */
function identityOf(delivery: Received): string {
  const { stream, sequence } = delivery.origin;
  return delivery.headers()['Nats-Msg-Id'] ?? `${stream}:${sequence}`;
}

/** Matches a time that needs no further check, because it is in UTC and on a day that its month always has. */
const PLAIN_TIME =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$/;

/** Converts an ISO 8601 time to UTC. Returns undefined if the text is not such a time. */
export function utc(time: unknown): string | undefined {
  if (typeof time !== 'string') return undefined;
  if (PLAIN_TIME.test(time)) return time;
  const parts = ISO_8601.exec(time);
  if (!parts) return undefined;
  const upper = time.toUpperCase();
  const ms = Date.parse(upper);
  if (Number.isNaN(ms) || !isCalendarDay(time.slice(0, 10))) return undefined;
  if (upper.endsWith('Z')) return upper;
  const [, fraction] = parts;
  const utcTime = new Date(ms).toISOString();
  // An offset is whole minutes, so a fraction finer than a `Date` is copied.
  return fraction && fraction.length > 4 ? utcTime.replace(/\.\d+Z$/, `${fraction}Z`) : utcTime;
}

/** Whether the day exists. `Date.parse` takes the 30th of February for the 2nd of March. */
function isCalendarDay(day: string): boolean {
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}

/** Copies all fields except those of the envelope. Rest destructuring takes 1.5 times as long. */
function withoutEnvelope(body: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key in body) {
    if (key !== 'event_type' && key !== 'event_id' && key !== 'timestamp') fields[key] = body[key];
  }
  return fields;
}
