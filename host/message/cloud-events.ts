import type { CloudEvent, Envelope } from '../../sdk/internal';
import { describeValue } from '../base/describe-value';
import { utf8 } from '../base/utf8';
import type { Delivery } from '../broker/delivery';
import { invalid, type Invalid } from './outcome';
import { parseObject } from './parse-object';

type Attributes = Record<string, unknown>;
type Message = Pick<Delivery, 'header' | 'headers'>;

/** An event in CloudEvents form, according to the NATS binding and the JSON format of the specification. */
export interface ReceivedCloudEvent extends CloudEvent {
  readonly envelope: Partial<Envelope>;
  readonly mode: 'structured' | 'binary';
}

/** Reads a CloudEvent in structured or binary mode; undefined if the message is not a CloudEvent. */
export function readCloudEvent(
  message: Message,
  body: Record<string, unknown>,
  maxDepth: number,
): ReceivedCloudEvent | Invalid | undefined {
  const type = message.header('content-type')?.toLowerCase();
  if (type?.startsWith('application/cloudevents-batch')) {
    return invalid('invalid-envelope', 'a batch of CloudEvents; the NATS binding has no batch mode');
  }
  if (type?.startsWith('application/cloudevents')) return readStructured(body, maxDepth);
  if (isBinary(message)) return complete('binary', binaryAttributes(message), body);
  return looksStructured(body) ? readStructured(body, maxDepth) : undefined;
}

/** Whether the message is a CloudEvent in binary mode. Its payload is then only the data, which may be missing. */
export function isBinary(message: Pick<Delivery, 'header'>): boolean {
  return message.header('ce-specversion') !== undefined;
}

/**
 * Recognises a CloudEvent of a client that cannot send headers by its required members. If one of them has the wrong
 * type, the message is a malformed CloudEvent, not a plain event.
 */
function looksStructured(body: Record<string, unknown>): boolean {
  // Checked first, because hardly any other event has this member.
  if (typeof body['specversion'] !== 'string' || Object.hasOwn(body, 'event_type')) return false;
  return ['type', 'id', 'source'].every((name) => Object.hasOwn(body, name) && body[name] !== null);
}

function readStructured(body: Record<string, unknown>, maxDepth: number): ReceivedCloudEvent | Invalid {
  const { data, data_base64: base64, ...members } = body;
  // In the JSON format a member that is null counts as absent.
  const attributes = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));
  if (typeof attributes['specversion'] !== 'string') {
    return invalid('invalid-envelope', 'a CloudEvent without specversion');
  }
  if (base64 === undefined || base64 === null) return complete('structured', attributes, data ?? {});
  if (data !== undefined && data !== null) {
    return invalid('invalid-envelope', 'the CloudEvent has both data and data_base64');
  }
  const decoded = decodeData(base64, maxDepth);
  return 'kind' in decoded ? decoded : complete('structured', attributes, decoded.value);
}

function decodeData(base64: unknown, maxDepth: number): ReturnType<typeof parseObject> {
  if (typeof base64 !== 'string')
    return invalid('invalid-envelope', 'the data_base64 of the CloudEvent is not a string');
  let text: string;
  try {
    text = utf8(Buffer.from(base64, 'base64'));
  } catch (error) {
    return notJson(error);
  }
  const parsed = parseObject(text, maxDepth, 'the data_base64 of the CloudEvent');
  return 'kind' in parsed && parsed.reason === 'invalid-json' ? notJson(parsed.error) : parsed;
}

function notJson(cause: unknown): Invalid {
  return invalid(
    'invalid-envelope',
    'the CloudEvent has data_base64 that is not JSON; its data must be an object',
    cause,
  );
}

function binaryAttributes(message: Message): Attributes {
  const attributes: Attributes = {};
  const headers = message.headers();
  for (const name in headers) {
    if (/^ce-./i.test(name)) attributes[name.slice(3).toLowerCase()] = percentDecode(headers[name]!);
  }
  return attributes;
}

function complete(
  mode: ReceivedCloudEvent['mode'],
  attributes: Attributes,
  data: unknown,
): ReceivedCloudEvent | Invalid {
  const { type, id, source, time } = attributes;
  for (const [name, value] of Object.entries({ type, id })) {
    if (value === undefined) return invalid('invalid-envelope', `the CloudEvent has no ${name}`);
  }
  for (const [name, value] of Object.entries({ type, id, source })) {
    if (value === undefined || (typeof value === 'string' && value !== '')) continue;
    return invalid(
      'invalid-envelope',
      `the ${name} of the CloudEvent is ${describeValue(value)}, not a non-empty string`,
    );
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return invalid('invalid-envelope', 'the data of the CloudEvent is not a JSON object');
  }
  const envelope = { event_type: type, event_id: id, ...(time === undefined ? {} : { timestamp: time }) };
  return { mode, attributes, data: data as Record<string, unknown>, envelope: envelope as Partial<Envelope> };
}

/** Returns the attributes as headers of binary mode, so that a handler finds them in one place in both modes. */
export function attributeHeaders({ attributes }: CloudEvent): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`ce-${name}`, percentEncode(textOf(value))]),
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * Encodes the space, the quote, the percent sign and all characters outside printable ASCII, as the NATS binding
 * requires.
 */
function percentEncode(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\x21\x23\x24\x26-\x7e]/gu, (char) =>
      [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    );
}

/** Decodes the percent escapes. Returns the text unchanged if an escape is malformed. */
function percentDecode(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
