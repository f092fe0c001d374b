import {
  encodeHeader,
  HEADERS_LEFT_HEADER,
  keptHeaders,
  LETTER_FORMAT,
  LETTER_FORMAT_HEADER,
} from '../broker/letter-headers';
import { withCauses } from '../base/causes';
import { createHash } from 'node:crypto';
import { topFrame } from '../../sdk/internal';
import { isError, showThrown } from '../base/thrown';
import type { Delivery } from '../broker/delivery';
import type { Handler } from './handler';
import { headerBytes, type AllHeaders } from '../broker/headers';
import type { DeadLetter } from '../broker/ports';
import type { DeadLetterReason } from './outcome';
const MAX_MESSAGE_BYTES = 2_048;
const MAX_STACK_BYTES = 8_192;
const MAX_CAUSES = 5;
/** A stream takes 64 KiB of headers. The headers added here need up to 12 KiB. */
const MAX_ORIGINAL_HEADERS_BYTES = 49_152;

export function deadLetterOf(
  handler: Handler,
  delivery: Delivery,
  failure: { readonly reason: DeadLetterReason; readonly error: Error; readonly attempts: number },
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
      [LETTER_FORMAT_HEADER]: String(LETTER_FORMAT),
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
    },
  };
}

/** Returns the event's own headers. If they are malformed or too large, returns one header that says so instead. */
function originalHeaders(delivery: Delivery): AllHeaders {
  try {
    const kept = keptHeaders({ headers: delivery.headers(), repeated: delivery.repeatedHeaders() });
    const size = headerBytes(kept);
    return size <= MAX_ORIGINAL_HEADERS_BYTES ? kept : { headers: { [HEADERS_LEFT_HEADER]: String(size) } };
  } catch (error) {
    return { headers: { 'x-original-headers-error': encodeHeader(showThrown(error), 256) } };
  }
}

/** Returns the stacks of the error and of its causes. */
function stackOf(error: Error): string {
  const parts: string[] = [];
  let cause: unknown = error;
  while (isError(cause) && parts.length < MAX_CAUSES) {
    parts.push(cause.stack!);
    cause = cause.cause;
  }
  return parts.join('\ncaused by: ');
}

/**
 * Returns a hash that is equal for letters of one fault. It covers the error's class, the message without numbers, ids
 * and quoted text, and the first frame of the stack.
 */
export function fingerprint(error: Error): string {
  const frame = topFrame(error.stack);
  const message = error.message
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '#')
    .replace(/"[^"]*"/g, '"#"')
    .replace(/\b(?=\w*\d)\w+\b/g, '#');
  const text = `${error.name}\n${message}\n${frame ? `${frame.file}:${frame.line}` : ''}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
