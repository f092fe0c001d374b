/** Reads and writes payloads in their format, which is JSON. Another format would be added in this file only. */
import { JetplugError } from '../../sdk/internal';
import { plainError } from '../base/plain-error';
import { showThrown } from '../base/thrown';
import type { Delivery } from '../broker/delivery';
import { invalid, type Invalid } from './outcome';
import { parseObject, type Parsed } from './parse-object';

/** Turns a payload into an object. Never throws. */
export function decodePayload(delivery: Pick<Delivery, 'size' | 'text'>, maxDepth: number): Parsed | Invalid {
  if (delivery.size === 0) return invalid('invalid-json', 'the payload is empty');
  let text: string;
  try {
    text = delivery.text();
  } catch (error) {
    return invalid('invalid-json', `the payload is not UTF-8: ${(error as Error).message}`, error);
  }
  return parseObject(text, maxDepth);
}

/**
 * Turns an event into a payload.
 * @throws JetplugError `JP_EVENT_INVALID`
 */
export function encodePayload(subject: string, event: object): string {
  try {
    return JSON.stringify(event);
  } catch (cause) {
    throw new JetplugError('JP_EVENT_INVALID', `${subject}: the fields are not JSON: ${showThrown(cause)}`, {
      cause: plainError(cause),
    });
  }
}
