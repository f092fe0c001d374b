import type { Config } from '../config/config';
import { MASK } from '../base/mask';
import { findInexactNumber } from '../base/exact-numbers';
import { utf8 } from '../base/utf8';
import type { StoredEvent } from '../nats/stored-event';
import { masked } from './secrets';
import { idOf } from './stored-event-text';

/** A payload for people: JSON with the secrets masked, or text. */
export interface PayloadView {
  readonly payload?: unknown;
  /** In place of `payload`, if it is not JSON, or has a number that JSON in a browser would change. */
  readonly text?: string;
}

/** Shows a payload. Of a subject with secrets, a text that is not JSON is not shown, because it may hold one. */
export function viewPayload(bytes: Uint8Array, secrets: readonly string[]): PayloadView {
  const text = textOf(bytes);
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch {
    return { text: secrets.length > 0 ? MASK : text };
  }
  if (secrets.length > 0) return { payload: masked(payload, secrets) };
  return findInexactNumber(text) ? { text } : { payload };
}

function textOf(bytes: Uint8Array): string {
  try {
    return utf8(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1'); // Invalid UTF-8 may be the reason for a dead letter.
  }
}

/** An event as the page shows it. */
export interface EventView {
  readonly id: string;
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly time: string;
  readonly payload: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export function viewEvent(event: StoredEvent, config: Pick<Config, 'delivery'>, secrets: readonly string[]): EventView {
  const { subject, stream, sequence, storedAtMs, headers } = event;
  const { payload, text } = viewPayload(event.payload, secrets);
  return {
    id: idOf(event, config) ?? `${stream}:${sequence}`,
    ...{ subject, stream, sequence, headers },
    time: new Date(storedAtMs).toISOString(),
    payload: text ?? payload,
  };
}
