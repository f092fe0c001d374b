import { withCauses } from '../causes';
import { createHash } from 'node:crypto';
import { topFrame } from '../../sdk/internal';
import { isError, showThrown } from '../thrown';
import { asciiJson } from '../effects/ascii-json';
import type { CarriedUpdates } from './applied';
import type { Delivery, MessageRef } from './delivery';
import type { Handler } from './handler';
import { headerBytes, renameHeaders, type AllHeaders } from './headers';
import type { DeadLetter } from './ports';
import type { DeadLetterReason } from './outcome';

export const APPLIED_HEADER = 'x-applied';
/** The record of the host's bucket that holds the updates. */
export const APPLIED_IN_HEADER = 'x-applied-in';
const MESSAGE_ID_HEADER = 'x-original-msg-id';
const MAX_MESSAGE_BYTES = 2_048;
const MAX_STACK_BYTES = 8_192;
const MAX_CAUSES = 5;
/** A stream takes 64 KiB of headers; the ones added here, but for the updates, need up to 12. */
const MAX_ORIGINAL_HEADERS_BYTES = 49_152;
/** What a letter says of its failure. An event that brings headers of these names is not believed, and keeps them under another. */
const OF_THE_LETTER =
  /^x-(dead-letter-reason|original-.*|failed-at|delivery-count|attempts|plugin|handler|plugin-version|error-.*|fingerprint|applied|applied-in|payload-left-in-stream|headers-left-in-stream)$/i;
const RENAMED = 'x-original-header-';
export const HEADERS_LEFT_HEADER = 'x-headers-left-in-stream';

export function deadLetterOf(
  handler: Handler,
  delivery: Delivery,
  failure: { reason: DeadLetterReason; error: Error; attempts: number } & CarriedUpdates,
  now: Date,
): DeadLetter {
  const { error } = failure;
  const { origin } = delivery;
  const original = originalHeaders(delivery);
  return {
    plugin: handler.plugin,
    handler: handler.name,
    stream: origin.stream,
    sequence: origin.sequence,
    storedAtMs: origin.storedAtMs,
    ...(delivery.past?.letter !== undefined && { replaces: delivery.past.letter }),
    payload: delivery.payload,
    repeated: original.repeated,
    headers: {
      ...original.headers,
      'x-dead-letter-reason': failure.reason,
      'x-original-subject': delivery.subject,
      'x-original-stream': origin.stream,
      'x-original-sequence': String(origin.sequence),
      'x-original-time': new Date(origin.storedAtMs).toISOString(),
      'x-failed-at': now.toISOString(),
      'x-delivery-count': String(delivery.deliveryCount),
      'x-attempts': String(failure.attempts),
      'x-plugin': handler.plugin,
      'x-handler': handler.name,
      'x-plugin-version': handler.version,
      'x-error-name': encodeHeader(error.name, 256),
      'x-error-message': encodeHeader(withCauses(error), MAX_MESSAGE_BYTES),
      'x-error-stack': encodeHeader(stackOf(error), MAX_STACK_BYTES),
      'x-fingerprint': fingerprint(error),
      ...appliedHeaders(failure),
    },
  };
}

/** Whether a letter with these headers is the event's. */
export function isLetterOf(
  headers: Readonly<Record<string, string>>,
  { stream, sequence, storedAtMs }: MessageRef,
): boolean {
  return (
    headers['x-original-stream'] === stream &&
    headers['x-original-sequence'] === String(sequence) &&
    headers['x-original-time'] === new Date(storedAtMs).toISOString()
  );
}

/** A malformed block has none that could be kept, and one too large leaves no room. */
function originalHeaders(delivery: Delivery): AllHeaders {
  try {
    const kept = keptHeaders({ headers: delivery.headers(), repeated: delivery.repeatedHeaders() });
    const size = headerBytes(kept);
    return size <= MAX_ORIGINAL_HEADERS_BYTES ? kept : { headers: { [HEADERS_LEFT_HEADER]: String(size) } };
  } catch (error) {
    return { headers: { 'x-original-headers-error': encodeHeader(showThrown(error), 256) } };
  }
}

/** An event's headers as its letter has them: all but the ones that JetStream would obey. */
export function keptHeaders(original: AllHeaders): AllHeaders {
  const kept = renameHeaders(original, (name) => {
    if (/^nats-/i.test(name)) return undefined;
    return OF_THE_LETTER.test(name) ? `${RENAMED}${name}` : name;
  });
  const messageId = original.headers['Nats-Msg-Id'];
  return messageId === undefined ? kept : { ...kept, headers: { ...kept.headers, [MESSAGE_ID_HEADER]: messageId } };
}

/** The event's own headers among those of its letter, under the names that they came with. */
export function headersOfEvent(letter: AllHeaders): AllHeaders {
  const own = renameHeaders(letter, (name) => {
    if (name.startsWith(RENAMED)) return name.slice(RENAMED.length);
    return OF_THE_LETTER.test(name) || /^nats-/i.test(name) ? undefined : name;
  });
  const messageId = letter.headers[MESSAGE_ID_HEADER];
  return messageId === undefined ? own : { ...own, headers: { ...own.headers, 'Nats-Msg-Id': messageId } };
}

/** What a redrive is not to apply again. */
function appliedHeaders({ applied, appliedIn }: CarriedUpdates): Record<string, string> {
  return {
    ...(applied.length > 0 && { [APPLIED_HEADER]: asciiJson(applied) }),
    ...(appliedIn !== undefined && { [APPLIED_IN_HEADER]: appliedIn }),
  };
}

/** How much an event's own headers leave for what its runs have applied. */
export function roomForApplied(delivery: Delivery): number {
  return MAX_ORIGINAL_HEADERS_BYTES - headerBytes(originalHeaders(delivery));
}

/** The record for what the runs of a letter's event have applied, where that is too long for the letter. */
export function letterRecord(plugin: string, handler: string, event: MessageRef): string {
  return `letter.${plugin}.${handler}.${event.stream}.${event.sequence}.${event.storedAtMs}`;
}

/** The same of an event on the retry road. */
export function roadRecord(plugin: string, handler: string, event: MessageRef, pass: string): string {
  return `road.${plugin}.${handler}.${event.stream}.${event.sequence}.${event.storedAtMs}.${pass}`;
}

/** The stack with those of its causes. */
function stackOf(error: Error): string {
  const parts: string[] = [];
  let cause: unknown = error;
  while (isError(cause) && parts.length < MAX_CAUSES) {
    parts.push(cause.stack!);
    cause = cause.cause;
  }
  return parts.join('\ncaused by: ');
}

/** Groups letters of one fault: the error's class, its message without numbers and ids, and its first frame. */
export function fingerprint(error: Error): string {
  const frame = topFrame(error.stack);
  const message = error.message
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '#')
    .replace(/"[^"]*"/g, '"#"')
    .replace(/\b(?=\w*\d)\w+\b/g, '#');
  const text = `${error.name}\n${message}\n${frame ? `${frame.file}:${frame.line}` : ''}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** A header value cannot hold line breaks or what is not ASCII: percent-encoded, and cut between characters to a length. */
export function encodeHeader(text: string, maxBytes: number): string {
  let encoded = '';
  for (const char of text) {
    const next = /[\x20-\x24\x26-\x7e]/.test(char) ? char : percentEncode(char);
    if (encoded.length + next.length > maxBytes) return `${encoded}...`;
    encoded += next;
  }
  return encoded;
}

function percentEncode(char: string): string {
  return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

export function decodeHeader(value: string): string {
  const bytes = Buffer.from(
    value.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
  return bytes.toString('utf8');
}
