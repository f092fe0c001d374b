import type { AllHeaders } from '../broker/headers';
import { refuseNotJson } from '../effects/publishable';
import { encodePayload } from '../message/codec';

/** Returns the last value of each header, and all values of those that have several. */
export function allHeaders(values: Readonly<Record<string, string | readonly string[]>>): AllHeaders {
  const lists = Object.entries(values).filter((entry): entry is [string, readonly string[]] => Array.isArray(entry[1]));
  const last = lists.map(([name, values]) => [name, values.at(-1) ?? '']);
  return {
    headers: { ...(values as Record<string, string>), ...(Object.fromEntries(last) as Record<string, string>) },
    ...(lists.length > 0 && { repeated: Object.fromEntries(lists) }),
  };
}

/**
 * Returns the payload as JSON.
 * @throws JetplugError `JP_EVENT_INVALID` when JSON would change the payload
 */
export function jsonOf(subject: string, payload: unknown): string {
  refuseNotJson(subject, payload);
  return encodePayload(subject, payload as object);
}
