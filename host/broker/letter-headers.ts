import { assertReadable } from '../records/record-format';
import { type AllHeaders, renameHeaders } from './headers';
import type { MessageRef } from './delivery';

/** The header with the format of a dead letter. */
export const LETTER_FORMAT_HEADER = 'x-letter-format';
export const LETTER_FORMAT = 1;

export const HEADERS_LEFT_HEADER = 'x-headers-left-in-stream';

const MESSAGE_ID_HEADER = 'x-original-msg-id';

const RENAMED = 'x-original-header-';

/**
 * The headers of a letter that describe its failure, also those of letters of earlier versions of Jetplug. An event's own headers of these names are kept under
 * another name.
 */
const OF_THE_LETTER =
  /^x-(letter-format|dead-letter-reason|original-.*|failed-at|delivery-count|attempts|plugin|handler|plugin-version|error-.*|fingerprint|applied|applied-in|payload-left-in-stream|headers-left-in-stream)$/i;

/** @throws JetplugError `JP_RECORD_NEWER` */
export function assertReadableLetter(id: number, headers: Readonly<Record<string, string>>): void {
  assertReadable(`dead letter ${id}`, headers[LETTER_FORMAT_HEADER], LETTER_FORMAT);
}

/** Whether a dead letter with these headers belongs to the event. */
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

/** Returns the event's headers as its dead letter carries them: all but those that JetStream acts on. */
export function keptHeaders(original: AllHeaders): AllHeaders {
  const kept = renameHeaders(original, (name) => {
    if (/^nats-/i.test(name)) return undefined;
    return OF_THE_LETTER.test(name) ? `${RENAMED}${name}` : name;
  });
  const messageId = original.headers['Nats-Msg-Id'];
  return messageId === undefined ? kept : { ...kept, headers: { ...kept.headers, [MESSAGE_ID_HEADER]: messageId } };
}

/** Reads the event's own headers from its dead letter, under their original names. */
export function headersOfEvent(letter: AllHeaders): AllHeaders {
  const own = renameHeaders(letter, (name) => {
    if (name.startsWith(RENAMED)) return name.slice(RENAMED.length);
    return OF_THE_LETTER.test(name) || /^nats-/i.test(name) ? undefined : name;
  });
  const messageId = letter.headers[MESSAGE_ID_HEADER];
  return messageId === undefined ? own : { ...own, headers: { ...own.headers, 'Nats-Msg-Id': messageId } };
}

/** Percent-encodes line breaks and non-ASCII characters, which a header cannot hold, and cuts the text between characters. */
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
