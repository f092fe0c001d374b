import { randomUUID } from 'node:crypto';
import { JetplugError, type EventContract } from '../../sdk/internal';
import { utf8 } from '../base/utf8';
import type { OutgoingEvent } from '../broker/ports';
import { decode } from '../message/decode';
import type { PayloadLimits } from '../message/handler';
import type { Invalid } from '../message/outcome';
import { validate } from '../message/validate';

/** Hints for events that fail before their fields are checked. */
const HINTS: Partial<Record<Invalid['reason'], string>> = {
  'invalid-json':
    'Give one JSON object, such as \'{"user_id":"u1"}\', in single quotes for the shell: its names and texts stand in double quotes.',
  'too-large': 'Publish less in one event, or raise delivery.maxPayload in the config of the hosts.',
  'too-deep': 'Nest less, or raise delivery.maxDepth in the config of the hosts.',
};

/**
 * Checks an event against its contract and the limits of the config, as the hosts will. The payload is sent as its
 * author wrote it; the hosts fill in the missing fields of the envelope.
 *
 * @param contract undefined: the fields are not checked
 * @throws JetplugError `JP_EVENT_INVALID`, `JP_NUMBER_INEXACT`
 */
export async function eventOf(
  bytes: Uint8Array,
  subject: string,
  contract: EventContract | undefined,
  limits: PayloadLimits,
): Promise<OutgoingEvent> {
  const ownId = { 'Nats-Msg-Id': randomUUID() };
  const received = {
    subject,
    size: bytes.length,
    text: () => utf8(bytes),
    origin: { stream: '-', sequence: 1, storedAtMs: Date.now() },
    header: () => undefined,
    headers: () => ownId,
  };
  const result = await validate(decode(received, limits), contract);
  if (result.kind === 'invalid') {
    const code = result.reason === 'inexact-number' ? 'JP_NUMBER_INEXACT' : 'JP_EVENT_INVALID';
    throw new JetplugError(code, result.error.message, { hint: HINTS[result.reason] });
  }
  const { event_type: type, event_id: id } = result.decoded.envelope;
  if (type !== subject) {
    throw new JetplugError('JP_EVENT_INVALID', `event_type is ${JSON.stringify(type)}, the subject is ${subject}`);
  }
  if (/[\r\n]/.test(id)) throw new JetplugError('JP_EVENT_INVALID', `${subject}: an event_id has no line breaks`);
  return { id, subject, payload: utf8(bytes), headers: {} };
}
